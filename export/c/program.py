"""A graph as C: constants, members of the model's structure, and the statements of a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.errors import UnsupportedModelError
from edgernn.export.c import (
    lower_elementwise,
    lower_integer,
    lower_integer_frame,
    lower_integer_running,
    lower_linear,
    lower_recurrent,
    lower_reduction,
    lower_shape,
    lower_spectrum,
)
from edgernn.export.c.checks import index_limits
from edgernn.export.c.lowering import BACKEND, Call, can_lower, comment, in_place, lower, workspace
from edgernn.export.c.pack_integer import Packing
from edgernn.export.c.shared import Shared
from edgernn.export.c.text import C_TYPES, c_float, c_name
from edgernn.export.c.walks import MAX_AXES, Walk
from edgernn.ir.graph import Graph, Node
from edgernn.ir.legalize import legalize
from edgernn.ir.op import Array
from edgernn.ir.rewrite import rewrite
from edgernn.ir.types import DTYPE_BYTES
from edgernn.ops.dequantize import dequantized, quantized_matrices
from edgernn.passes.plan import Copy, Location, MemoryPlan, alias_offset, plan_memory

WALK_BYTES = 4 + 12 * MAX_AXES

RULES = (
    lower_elementwise, lower_integer, lower_integer_frame, lower_integer_running, lower_linear, lower_recurrent,
    lower_reduction, lower_shape, lower_spectrum,
)  # fmt: skip
"""The modules that register lowerings."""


class Program:
    """``graph`` lowered for a lane width; ``lanes`` is that of the packed weights, ``packing`` that of int8 weights.

    quantized  matrices of float layers that are stored in int8; as constants of the graph they are float
    shared     constants and kernels, which several programs of one file may have in common

    ``checked``: whether a step looks at its inputs before it changes anything. Raises UnsupportedOpError for what no
    kernel computes.
    """

    def __init__(
        self, graph: Graph, lanes: int, simd: str = "none", shared: Shared | None = None, checked: bool = True
    ) -> None:
        self.quantized = quantized_matrices(graph)
        graph = legalize(dequantized(graph), BACKEND, can_lower)
        self.graph = rewrite(graph, lower_reduction.split_reductions)
        self.lanes = lanes
        self.packing = Packing(lanes, simd)
        self.shared = Shared() if shared is None else shared
        self.statements: list[str] = []
        self._require_dtypes()
        self.parameters = self.shared.name_ports(self.graph.inputs, self.graph.outputs)
        self.members = self._name_states()
        self.plan = self._plan()
        self.checks = self._check_inputs() if checked else []
        for node in self.graph.nodes:
            if not self._is_alias(node):
                lower(node.op, Call(self, node))
        self.output_copies = [self._copy(c) for c in self.plan.output_copies]
        self.state_copies = [self._copy(c) for c in self.plan.state_copies]

    def use(self, file: str) -> None:
        """Note that the program needs the kernels in ``file``."""
        self.shared.files.add(file)

    def number(self, value: float) -> str:
        """A float32 literal."""
        return c_float(float(np.float32(value)))

    def weights(self, array: Array, hint: str) -> str:
        """Name of a static array with these contents; equal arrays share one."""
        return self.shared.array(array, hint, " ERN_ALIGNED")

    def walk(self, walk: Walk, call: Call) -> str:
        """Address of a static ``ern_walk``."""
        if len(walk.size) > MAX_AXES:
            raise call.unsupported(f"it walks over {len(walk.size)} axes, the kernels over {MAX_AXES} at most")
        columns = ", ".join("{" + ", ".join(map(str, column)) + "}" for column in (walk.size, walk.a_step, walk.b_step))
        text = f"    {len(walk.size)}, {columns}"
        return "&" + self.shared.structure("ern_walk", text, WALK_BYTES, f"{call.node.name}_walk")

    def record(self, kind: str, fields: Sequence[object], hint: str) -> str:
        """Address of a static structure of type ``kind``, whose members are 32-bit numbers and addresses."""
        text = "    " + ", ".join(map(str, fields))
        return "&" + self.shared.structure(kind, text, 4 * len(fields), hint)

    def address(self, location: Location) -> str:
        """C expression of a location."""
        name = location.name
        if location.storage == "constant":
            base = self.shared.array(self.graph.constants[name], name)
        elif location.storage == "state":
            base = f"model->{self.members[name]}"
        elif location.storage == "scratch":
            base = f"model->scratch_{name}"
        else:
            base = self.parameters[f"{location.storage} {name}"]
        return f"{base} + {location.offset}" if location.offset else base

    def initial(self, name: str, value: Array) -> str | None:
        """Name of the array with the initial value of a state, or None where that is zero."""
        return self.shared.array(value, f"{name}_initial") if np.any(value) else None

    def _require_dtypes(self) -> None:
        for name, value in self.graph.values.items():
            if value.dtype not in C_TYPES:
                raise UnsupportedModelError(f"value {name!r} has dtype {value.dtype}, which C code does not handle")

    def _name_states(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for state in self.graph.states:
            names[state.name] = c_name(f"state_{state.name}", names.values())
        return names

    def _plan(self) -> MemoryPlan:
        return plan_memory(
            self.graph,
            lambda node, graph: in_place(node.op, node, graph),
            lambda node, graph: workspace(node.op, node, graph),
            align_bytes=4 * min(self.lanes, 4),
        )

    def _is_alias(self, node: Node) -> bool:
        operand, result = self.graph.values[node.inputs[0]], self.graph.values[node.outputs[0]]
        return len(node.outputs) == 1 and alias_offset(node.op, operand, result) is not None

    def _check_inputs(self) -> list[tuple[str, str]]:
        """(condition that must hold, status to return otherwise)."""
        limits, checks = index_limits(self.graph), []
        for port in self.graph.inputs:
            address = self.address(Location("input", port.name))
            checks += self.shared.check(port.dtype, address, port.size, limits.get(port.value))
        for state in self.graph.states:
            if state.dtype == "int32":
                address, size = self.address(Location("state", state.name)), self.graph.values[state.before].size
                checks += self.shared.check(state.dtype, address, size, limits.get(state.before))
        return checks

    def _copy(self, copy: Copy) -> str:
        nbytes = copy.size * DTYPE_BYTES[copy.dtype]
        about = f"{copy.target.storage} {copy.target.name}: copy"
        return f"ern_memcpy({self.address(copy.target)}, {self.address(copy.source)}, {nbytes}); {comment(about)}"
