"""Activations and arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from edgernn.capture.context import Context, fixed_array, number, plain_dims, refuse, stream_arg
from edgernn.capture.traced import Call, Ref
from edgernn.capture.values import Constant, Stream, Tracked, frame_of
from edgernn.ops import Binary, Expand, Slice, SquaredMagnitude, Unary

Rule = Callable[[Context, Call], Tracked]

PLAIN = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "exp": "exp", "log": "log", "sqrt": "sqrt", "rsqrt": "rsqrt",
    "reciprocal": "reciprocal", "square": "square", "abs": "abs", "neg": "neg", "sin": "sin", "cos": "cos",
    "erf": "erf", "special_erf": "erf", "silu": "silu", "mish": "mish",
    "hardsigmoid": "hard_sigmoid", "hardswish": "hard_swish", "log_sigmoid": "log_sigmoid", "selu": "selu",
    "special_expit": "sigmoid", "negative": "neg", "absolute": "abs",
}  # fmt: skip
"""aten operator without parameters -> function of Unary."""

PARAMETERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "leaky_relu": ("leaky_relu", (0.01,)),
    "celu": ("celu", (1.0,)),
    "softplus": ("softplus", (1.0, 20.0)),
    "softshrink": ("soft_shrink", (0.5,)),
    "hardshrink": ("hard_shrink", (0.5,)),
    "hardtanh": ("clip", (-1.0, 1.0)),
}
"""aten operator with parameters -> (function of Unary, defaults of PyTorch)."""


def unary(function: str) -> Rule:
    """The rule of an operator without parameters."""

    def rule(ctx: Context, call: Call) -> Tracked:
        return apply_unary(ctx, call, function)

    return rule


def with_parameters(function: str, defaults: tuple[float, ...]) -> Rule:
    """The rule of an operator whose parameters are numbers."""

    def rule(ctx: Context, call: Call) -> Tracked:
        given = [number(call, v, "parameter") for v in [*call.args[1:], *call.kwargs.values()]]
        return apply_unary(ctx, call, function, *given, *defaults[len(given) :])

    return rule


def apply_unary(ctx: Context, call: Call, function: str, *parameters: float) -> Stream:
    """Add the node for an elementwise function of the first argument."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    (operand,) = ctx.operands(call, [x], plain_dims(call))
    return ctx.stream(Unary(function, tuple(parameters)), [operand], call)


def gelu(ctx: Context, call: Call) -> Tracked:
    return apply_unary(ctx, call, "gelu_tanh" if call.kwargs.get("approximate", "none") == "tanh" else "gelu")


def relu6(ctx: Context, call: Call) -> Tracked:
    return apply_unary(ctx, call, "clip", 0.0, 6.0)


def elu(ctx: Context, call: Call) -> Tracked:
    alpha, scale, input_scale = (
        number(call, v, "parameter") for v in [*call.args[1:], *(1.0, 1.0, 1.0)[len(call.args) - 1 :]]
    )
    if (scale, input_scale) != (1.0, 1.0):
        refuse(call, "elu with scales")
    return apply_unary(ctx, call, "elu", alpha)


def clamp(ctx: Context, call: Call) -> Tracked:
    bounds = [*call.args[1:], None, None][:2]
    low, high = (call.kwargs.get(k, v) for k, v in zip(("min", "max"), bounds, strict=True))
    if any(isinstance(bound, Ref) for bound in (low, high)):
        return _clamped(ctx, call, low, high)
    low = -np.inf if low is None else number(call, low, "bound")
    high = np.inf if high is None else number(call, high, "bound")
    return apply_unary(ctx, call, "clip", low, high)


def _clamped(ctx: Context, call: Call, low: Any, high: Any) -> Tracked:
    """clamp between tensors."""
    value = ctx.resolve(call.args[0])
    if low is not None:
        value = intermediate(ctx, call, "maximum", value, ctx.resolve(low))
    return value if high is None else ctx.binary("minimum", call, value, ctx.resolve(high))


def clamp_min(ctx: Context, call: Call) -> Tracked:
    return apply_unary(ctx, call, "clip", number(call, call.args[1], "bound"), np.inf)


def clamp_max(ctx: Context, call: Call) -> Tracked:
    return apply_unary(ctx, call, "clip", -np.inf, number(call, call.args[1], "bound"))


def prelu(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    weight = fixed_array(call, ctx.resolve(call.args[1]), "slope").reshape(-1)
    shape = [1] * len(x.dims)
    if weight.size > 1:
        shape[1 if len(x.dims) > 1 else 0] = weight.size
    slope = torch.from_numpy(weight.reshape(shape))
    return _leaky(ctx, call, x, Constant(slope, slope))


def _leaky(ctx: Context, call: Call, x: Stream, slope: Constant) -> Stream:
    dims = plain_dims(call)
    value, factor = ctx.operands(call, [x, slope], dims)
    negative = ctx.add(Binary("minimum"), [value, ctx.builder.scalar(0.0)], call)
    scaled = ctx.add(Binary("mul"), [negative, factor], call)
    return ctx.stream(Binary("add"), [ctx.add(Unary("relu"), [value], call), scaled], call)


def glu(ctx: Context, call: Call) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    axis = frame_axis(call, x, call.args[1] if len(call.args) > 1 else -1)
    half = x.frame[axis] // 2
    a, b = (ctx.add(Slice(axis, k * half, (k + 1) * half), [x.value], call) for k in (0, 1))
    return ctx.stream(Binary("mul"), [a, ctx.add(Unary("sigmoid"), [b], call)], call)


def frame_axis(call: Call, x: Stream, axis: Any) -> int:
    """Negative axis of a frame; refuses the axis of time."""
    try:
        return x.axis(int(axis))
    except ValueError:
        refuse(
            call,
            "it works along time, so it needs the whole sequence",
            "a streaming model can use recurrent layers and operations on single frames; take the last output instead",
        )


def threshold(ctx: Context, call: Call) -> Tracked:
    if [number(call, v, "parameter") for v in call.args[1:3]] != [0.0, 0.0]:
        refuse(call, "threshold other than (0, 0)", "use ReLU or hardshrink")
    return apply_unary(ctx, call, "relu")


def binary(function: str) -> Rule:
    """The rule of an arithmetic operator of two operands."""

    def rule(ctx: Context, call: Call) -> Tracked:
        a, b = (ctx.resolve(v) for v in call.args[:2])
        if call.kwargs.get("rounding_mode") is not None:
            refuse(call, "division with rounding")
        alpha = call.kwargs.get("alpha", 1)
        if alpha != 1:
            b = scaled(ctx, call, b, number(call, alpha, "alpha"))
        return ctx.binary(function, call, a, b)

    return rule


def scaled(ctx: Context, call: Call, value: Any, factor: float) -> Any:
    """``value * factor`` for a Stream, Constant or number."""
    if isinstance(value, Constant):
        return Constant(value.a * factor, value.b * factor)
    if isinstance(value, Stream):
        return Stream(ctx.add(Binary("mul"), [value.value, ctx.builder.scalar(factor)], call), value.dims)
    return number(call, value, "operand") * factor


def rsub(ctx: Context, call: Call) -> Tracked:
    a, b = (ctx.resolve(v) for v in call.args[:2])
    alpha = number(call, call.kwargs.get("alpha", 1), "alpha")
    return ctx.binary("sub", call, b, a if alpha == 1 else scaled(ctx, call, a, alpha))


def power(ctx: Context, call: Call) -> Tracked:
    a, b = (ctx.resolve(v) for v in call.args[:2])
    if b == 2:
        return square(ctx, call)
    if b == 0.5:
        return apply_unary(ctx, call, "sqrt")
    if b in (1, 3, -1):
        return _small_power(ctx, call, int(b))
    return ctx.binary("pow", call, a, b)


def square(ctx: Context, call: Call) -> Tracked:
    """Of the magnitude of complex numbers: what its root was taken of."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    root = next((n for n in reversed(ctx.builder.graph.nodes) if x.value in n.outputs), None)
    if root is not None and root.op == Unary("sqrt"):
        power = next((n for n in ctx.builder.graph.nodes if root.inputs[0] in n.outputs), None)
        if power is not None and isinstance(power.op, SquaredMagnitude):
            return Stream(root.inputs[0], x.dims)
    return apply_unary(ctx, call, "square")


def _small_power(ctx: Context, call: Call, exponent: int) -> Tracked:
    x = stream_arg(call, ctx.resolve(call.args[0]))
    if exponent == 1:
        return x
    if exponent == -1:
        return apply_unary(ctx, call, "reciprocal")
    square = ctx.add(Unary("square"), [x.value], call)
    return ctx.stream(Binary("mul"), [square, x.value], call)


def masked_fill(ctx: Context, call: Call) -> Tracked:
    """A mask that is the same in every frame, such as one of padding, which a single sequence does not have."""
    x, mask, value = (ctx.resolve(v) for v in call.args[:3])
    return _choice(ctx, call, mask, value, x)


def where(ctx: Context, call: Call) -> Tracked:
    mask, a, b = (ctx.resolve(v) for v in call.args[:3])
    return _choice(ctx, call, mask, a, b)


def _choice(ctx: Context, call: Call, mask: Any, a: Any, b: Any) -> Tracked:
    """``a`` where the mask is true, else ``b``."""
    if not isinstance(mask, Constant):
        refuse(call, "it chooses by comparing values", "use relu, leaky_relu, elu, clamp, minimum or maximum")
    dims = plain_dims(call)
    if mask.a.all() and mask.b.all():
        return _broadcast(ctx, call, a, dims)
    if not mask.a.any() and not mask.b.any():
        return _broadcast(ctx, call, b, dims)
    opposite = Constant(~mask.a, ~mask.b)
    parts = [_where_true(ctx, call, value, m) for value, m in ((a, mask), (b, opposite))]
    return ctx.binary("add", call, *parts)


def _where_true(ctx: Context, call: Call, value: Any, mask: Constant) -> Any:
    """``value`` where the mask is true, else 0."""
    if isinstance(value, Stream):
        return intermediate(ctx, call, "mul", value, Constant(mask.a.float(), mask.b.float()))
    pair = (value.a, value.b) if isinstance(value, Constant) else (torch.tensor(float(value)),) * 2
    return Constant(*(torch.where(m, v, 0.0) for m, v in zip((mask.a, mask.b), pair, strict=True)))


def _broadcast(ctx: Context, call: Call, value: Any, dims: tuple[int | None, ...]) -> Tracked:
    if isinstance(value, Stream) and value.dims == dims:
        return value
    if isinstance(value, Stream):
        return Stream(ctx.add(Expand(frame_of(dims)), ctx.operands(call, [value], dims), call), dims)
    return value if isinstance(value, Constant) else Constant(*(torch.tensor(float(value)) for _ in range(2)))


def lerp(ctx: Context, call: Call) -> Tracked:
    """a + w * (b - a)."""
    a, b, weight = (ctx.resolve(v) for v in call.args[:3])
    step = intermediate(ctx, call, "mul", intermediate(ctx, call, "sub", b, a), weight)
    return ctx.binary("add", call, a, step)


def multiply_add(function: str) -> Rule:
    """The rule of addcmul and addcdiv: a + value * function(b, c)."""

    def rule(ctx: Context, call: Call) -> Tracked:
        a, b, c = (ctx.resolve(v) for v in call.args[:3])
        product = intermediate(ctx, call, function, b, c)
        return ctx.binary(
            "add", call, a, scaled(ctx, call, product, number(call, call.kwargs.get("value", 1), "value"))
        )

    return rule


def intermediate(ctx: Context, call: Call, function: str, a: Any, b: Any) -> Any:
    """Elementwise ``function`` of two operands, in their own broadcast shape."""
    if isinstance(a, Constant) and isinstance(b, Constant):
        return Constant(*(TORCH_FUNCTIONS[function](x, y) for x, y in ((a.a, b.a), (a.b, b.b))))
    dims = [v.dims if isinstance(v, Stream) else _dims_of(v) for v in (a, b)]
    rank = max(map(len, dims))
    padded = [(1,) * (rank - len(d)) + d for d in dims]
    shape = tuple(None if None in pair else max(pair) for pair in zip(*padded, strict=True))
    operands = ctx.operands(call, [a, b], shape)
    return Stream(ctx.add(Binary(function), operands, call), shape)


TORCH_FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
}  # fmt: skip


def _dims_of(value: Any) -> tuple[int | None, ...]:
    if not isinstance(value, Constant):
        return ()
    return tuple(n if n == m else None for n, m in zip(value.a.shape, value.b.shape, strict=True))


def rrelu(ctx: Context, call: Call) -> Tracked:
    """In evaluation mode: a leaky ReLU with the mean of the slopes."""
    if call.option("training"):
        refuse(call, "it draws random slopes", "call F.rrelu with training=self.training")
    return apply_unary(ctx, call, "leaky_relu", (float(call.option("lower")) + float(call.option("upper"))) / 2)


def shifted(function: str, before: float, after: float) -> Rule:
    """The rule of log1p and expm1: ``function(x + before) + after``."""

    def rule(ctx: Context, call: Call) -> Tracked:
        x = stream_arg(call, ctx.resolve(call.args[0])).value
        if before:
            x = ctx.add(Binary("add"), [x, ctx.builder.scalar(before)], call)
        y = ctx.stream(Unary(function), [x], call)
        return ctx.stream(Binary("add"), [y.value, ctx.builder.scalar(after)], call) if after else y

    return rule


def logarithm(unit: float) -> Rule:
    """The rule of log10 and log2: the natural one in units of ``unit``."""

    def rule(ctx: Context, call: Call) -> Tracked:
        y = apply_unary(ctx, call, "log")
        return ctx.stream(Binary("mul"), [y.value, ctx.builder.scalar(1.0 / unit)], call)

    return rule


RULES: dict[str, Rule] = {
    "aten.where.self": where,
    "aten.where.ScalarOther": where,
    "aten.where.ScalarSelf": where,
    "aten.lerp.Scalar": lerp,
    "aten.lerp.Tensor": lerp,
    "aten.addcmul.default": multiply_add("mul"),
    "aten.addcdiv.default": multiply_add("div"),
    "aten.rrelu.default": rrelu,
    "aten.log1p.default": shifted("log", 1.0, 0.0),
    "aten.expm1.default": shifted("exp", 0.0, -1.0),
    **{f"aten.{name}.default": unary(function) for name, function in PLAIN.items()},
    **{f"aten.{name}.default": with_parameters(f, defaults) for name, (f, defaults) in PARAMETERS.items()},
    **{f"aten.{n}.{o}": binary(f) for n, f in (("add", "add"), ("sub", "sub"), ("mul", "mul"), ("div", "div"))
       for o in ("Tensor", "Scalar", "Tensor_mode")},
    "aten.square.default": square,
    "aten.log10.default": logarithm(math.log(10.0)),
    "aten.log2.default": logarithm(math.log(2.0)),
    "aten.gelu.default": gelu,
    "aten.relu6.default": relu6,
    "aten.elu.default": elu,
    "aten.clamp.default": clamp,
    "aten.clip.default": clamp,
    "aten.clamp.Tensor": clamp,
    "aten.clamp_min.Tensor": binary("maximum"),
    "aten.clamp_max.Tensor": binary("minimum"),
    "aten.clamp_min.default": clamp_min,
    "aten.clamp_max.default": clamp_max,
    "aten.prelu.default": prelu,
    "aten._prelu_kernel.default": prelu,
    "aten.glu.default": glu,
    "aten.threshold.default": threshold,
    "aten.rsub.Scalar": rsub,
    "aten.rsub.Tensor": rsub,
    "aten.pow.Tensor_Scalar": power,
    "aten.pow.Tensor_Tensor": power,
    "aten.pow.Scalar": power,
    "aten.maximum.default": binary("maximum"),
    "aten.minimum.default": binary("minimum"),
    "aten.masked_fill.Scalar": masked_fill,
    "aten.masked_fill.Tensor": masked_fill,
}  # fmt: skip
