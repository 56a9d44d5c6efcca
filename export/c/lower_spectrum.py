"""C lowerings of transforms to frequencies, and of what is made of them."""

from __future__ import annotations

import math

import numpy as np

from edgernn.export.c.lowering import Call, can_lower, lower, workspace
from edgernn.ir.graph import Graph, Node
from edgernn.ops import BandedLinear, Rfft, SquaredMagnitude
from edgernn.ops.rfft import factors, twiddles


@can_lower.register
def _(op: Rfft) -> bool:
    return bool(factors(op.size))


@lower.register
def _(op: Rfft, call: Call) -> None:
    call.require_float()
    x, radices = call.type_in(0), np.array(factors(op.size), np.int8)
    roots = call.program.weights(twiddles(op.size).astype(np.float32), f"{call.node.name}_roots")
    call.emit(
        "ern_rfft_f32", call.operand(0), math.prod(x.shape[:-1]), x.shape[-1], op.size,
        call.program.weights(radices, f"{call.node.name}_radices"), len(radices), roots, call.workspace(),
        call.result(),
    )  # fmt: skip


@workspace.register
def _(op: Rfft, node: Node, graph: Graph) -> tuple[str, int]:
    return "float32", 2 * op.size


@lower.register
def _(op: SquaredMagnitude, call: Call) -> None:
    call.require_float()
    *lead, _, bins = call.type_in(0).shape
    call.emit(
        "ern_squared_magnitude_f32", call.operand(0), math.prod(lead), bins, call.result(), file="ern_rfft_f32.c"
    )  # fmt: skip


@lower.register
def _(op: BandedLinear, call: Call) -> None:
    x = call.type_in(0)
    call.emit(
        "ern_banded_f32", call.operand(0), math.prod(x.shape[:-1]), x.shape[-1], *(call.operand(k) for k in (1, 2, 3)),
        call.result(), call.type_in(2).shape[0],
    )  # fmt: skip
