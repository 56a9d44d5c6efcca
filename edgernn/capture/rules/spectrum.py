"""Fourier transforms of real frames. The programs have no complex values: they are followed as pairs of real ones."""

from __future__ import annotations

import math
from typing import Any

from edgernn.capture.context import Context, number, plain_dims, refuse, stream_arg
from edgernn.capture.rules.elementwise import Rule, frame_axis, scaled
from edgernn.capture.traced import Call
from edgernn.capture.values import Complex, Stream, Tracked, frame_of
from edgernn.ops import Binary, Reshape, Rfft, Slice, SquaredMagnitude, Transpose, Unary

REMEDY = "use .abs(), .abs() ** 2, .real, .imag or torch.view_as_real of what torch.fft.rfft gives"


def rfft(ctx: Context, call: Call) -> Tracked:
    """Along the last axis; frames longer than ``n`` are cut."""
    x = stream_arg(call, ctx.resolve(call.args[0]))
    if frame_axis(call, x, call.option("dim")) != -1 or x.time == len(x.dims) - 1:
        refuse(call, "it transforms another axis than the last", "transpose that axis to the end first")
    size, value = call.option("n"), x.value
    samples = x.frame[-1]
    size = samples if size is None else int(number(call, size, "n"))
    if size < samples:
        value = ctx.add(Slice(-1, 0, size), [value], call)
    value = ctx.add(Rfft(size), [value], call)
    factor = {None: 1.0, "backward": 1.0, "forward": 1 / size, "ortho": 1 / math.sqrt(size)}[call.option("norm")]
    if factor != 1.0:
        value = ctx.add(Binary("mul"), [value, ctx.builder.scalar(factor)], call)
    return Complex(value, plain_dims(call), x.lag, x.extra, x.rate)


def of_complex(ctx: Context, call: Call) -> Tracked:
    """The result of an operator of complex operands. Refuses those that have no rule."""
    rule = COMPLEX_RULES.get(call.target)
    if rule is None:
        name = call.target.split(".")[1] if "." in call.target else call.target
        refuse(call, f"{name} of complex numbers, which the exported programs do not have", REMEDY)
    return rule(ctx, call)


def _complex(ctx: Context, call: Call, k: int = 0) -> Complex:
    value = ctx.resolve(call.args[k])
    if not isinstance(value, Complex):
        refuse(call, "complex and real numbers are combined", REMEDY)
    return value


def _power(ctx: Context, call: Call) -> Stream:
    return ctx.stream(SquaredMagnitude(), [_complex(ctx, call).value], call)


def _abs(ctx: Context, call: Call) -> Tracked:
    return ctx.stream(Unary("sqrt"), [_power(ctx, call).value], call)


def _part(k: int) -> Rule:
    """The rule of ``.real`` and ``.imag``."""

    def rule(ctx: Context, call: Call) -> Tracked:
        part = ctx.add(Slice(-2, k, k + 1), [_complex(ctx, call).value], call)
        return ctx.stream(Reshape(frame_of(plain_dims(call))), [part], call)

    return rule


def _view_as_real(ctx: Context, call: Call) -> Tracked:
    z = _complex(ctx, call)
    rank = len(ctx.builder.graph.values[z.value].shape)
    return ctx.stream(Transpose((*range(-rank, -2), -1, -2)), [z.value], call)


def _times(ctx: Context, call: Call) -> Tracked:
    """By a number."""
    a, b = (ctx.resolve(v) for v in call.args[:2])
    if isinstance(a, Complex) and isinstance(b, Complex):
        refuse(call, "complex numbers are multiplied", REMEDY)
    z, factor = (a, b) if isinstance(a, Complex) else (b, a)
    return _scaled(ctx, call, z, number(call, factor, "factor"))


def _divided(ctx: Context, call: Call) -> Tracked:
    divisor = ctx.resolve(call.args[1])
    return _scaled(ctx, call, _complex(ctx, call), 1.0 / number(call, divisor, "divisor"))


def _scaled(ctx: Context, call: Call, z: Complex, factor: float) -> Complex:
    product: Any = scaled(ctx, call, Stream(z.value, z.dims), factor)
    return Complex(product.value, z.dims)


def _moved(ctx: Context, call: Call) -> Tracked:
    return _complex(ctx, call)


COMPLEX_RULES: dict[str, Rule] = {
    "aten.abs.default": _abs,
    "aten.absolute.default": _abs,
    "aten.real.default": _part(0),
    "aten.imag.default": _part(1),
    "aten.view_as_real.default": _view_as_real,
    **{f"aten.mul.{o}": _times for o in ("Tensor", "Scalar")},
    **{f"aten.div.{o}": _divided for o in ("Tensor", "Scalar")},
    **dict.fromkeys(("aten.clone.default", "aten.contiguous.default", "aten.alias.default"), _moved),
}
"""Operators of complex operands."""

RULES: dict[str, Rule] = {
    "aten.fft_rfft.default": rfft,
    **{name: COMPLEX_RULES[name] for name in ("aten.real.default", "aten.imag.default", "aten.view_as_real.default")},
}
