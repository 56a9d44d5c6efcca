"""C lowerings of elementwise functions."""

from __future__ import annotations

from edgernn.export.c.lowering import Call, can_lower, in_place, lower
from edgernn.export.c.walks import broadcast_strides, fold, strides
from edgernn.ir.graph import Graph, Node
from edgernn.ops import Binary, Unary
from edgernn.ops.binary import BINARY_FUNCTIONS

UNARY_FILES = {"sin": "ern_trigonometry_f32.c", "cos": "ern_trigonometry_f32.c"} | dict.fromkeys(
    [
        "relu", "sigmoid", "tanh", "exp", "log", "sqrt", "rsqrt", "reciprocal", "square", "abs", "neg", "erf",
        "clip", "leaky_relu", "elu", "celu", "selu", "gelu", "gelu_tanh", "silu", "mish", "softplus",
        "softsign", "hard_sigmoid", "hard_swish", "log_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink",
    ],
    "ern_unary_f32.c",
)  # fmt: skip
"""Function of ``Unary`` -> file of its kernel."""

BINARY_FILES = dict.fromkeys(BINARY_FUNCTIONS, "ern_binary_f32.c") | {"pow": "ern_pow_f32.c"}
"""Function of ``Binary`` -> file of its kernel."""

POWERS = {-1.0: "reciprocal", 0.5: "sqrt", 2.0: "square"}
"""Constant exponent -> function with the same result."""


@can_lower.register
def _(op: Unary) -> bool:
    return op.function in UNARY_FILES


@can_lower.register
def _(op: Binary) -> bool:
    return op.function in BINARY_FILES


@lower.register
def _(op: Unary, call: Call) -> None:
    call.require_float()
    parameters = [call.program.number(p) for p in op.parameters]
    _unary(call, op.function, *parameters)


def _unary(call: Call, function: str, *parameters: str) -> None:
    call.emit(
        f"ern_{function}_f32",
        call.operand(0),
        call.result(),
        call.type_out().size,
        *parameters,
        file=UNARY_FILES[function],
    )


@lower.register
def _(op: Binary, call: Call) -> None:
    call.require_float()
    a, b, y = call.type_in(0).shape, call.type_in(1).shape, call.type_out().shape
    if op.function == "pow" and call.node.inputs[1] in call.graph.constants and a == y:
        exponents = set(call.array(1).ravel().tolist())
        if len(exponents) == 1 and (function := POWERS.get(exponents.pop())):
            _unary(call, function)
            return
    walk = call.program.walk(fold(y, broadcast_strides(a, y), broadcast_strides(b, y)), call)
    call.emit(
        f"ern_{op.function}_f32",
        call.operand(0),
        call.operand(1),
        call.result(),
        walk,
        file=BINARY_FILES[op.function],
    )


@in_place.register
def _(op: Unary, node: Node, graph: Graph) -> list[tuple[int, int]]:
    return [(0, 0)]


@in_place.register
def _(op: Binary, node: Node, graph: Graph) -> list[tuple[int, int]]:
    y = graph.values[node.outputs[0]].shape
    return [
        (k, 0) for k, name in enumerate(node.inputs)
        if broadcast_strides(graph.values[name].shape, y) == strides(y)
    ]  # fmt: skip
