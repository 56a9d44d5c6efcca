"""Elementary functions of vectors, to a relative error of a few 1e-7. NaN gives NaN."""

from __future__ import annotations

from typing import Any

from edgernn.runtime.kernels.build import inline
from edgernn.runtime.kernels.lanes import (
    absolute,
    at_least,
    at_most,
    exponent,
    mantissa,
    multiply_add,
    scale,
    scale_far,
    splat,
    where_greater,
)  # fmt: skip

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693145751953125
LN2_LOW = 1.42860682030941723e-6
ROUNDER = 12582912.0
INFINITY = float("inf")
SMALLEST_NORMAL = 1.1754943508222875e-38


@inline
def _round(x: Any) -> Any:
    """The nearest whole number, for |x| < 2^22."""
    return (x + ROUNDER) - ROUNDER


@inline
def _exp_minus_1_reduced(r: Any) -> Any:
    """exp(r) - 1 for |r| <= ln(2) / 2. Coefficients: weighted least squares, relative error 3.3e-9."""
    p = multiply_add(splat(1.3813144760206342e-3), r, splat(8.369418792426586e-3))
    p = multiply_add(p, r, splat(4.166845604777336e-2))
    p = multiply_add(p, r, splat(0.16666515171527863))
    p = multiply_add(p, r, splat(0.4999999403953552))
    return multiply_add(p, r * r, r)


@inline
def _reduce(x: Any, n: Any) -> Any:
    """x - n * ln(2), in two steps so that it is exact to float32."""
    return multiply_add(n, splat(-LN2_LOW), multiply_add(n, splat(-LN2_HIGH), x))


@inline
def exp_of_bounded(x: Any) -> Any:
    """exp(x) for x <= 88; below -87, exp(-87)."""
    x = at_least(x, -87.0)
    n = _round(x * LOG2_E)
    return scale(_exp_minus_1_reduced(_reduce(x, n)) + 1.0, n)


@inline
def exp(x: Any) -> Any:
    """exp(x) with overflow to infinity and gradual underflow to 0."""
    x = at_most(at_least(x, -110.0), 90.0)
    n = _round(x * LOG2_E)
    return scale_far(_exp_minus_1_reduced(_reduce(x, n)) + 1.0, n)


@inline
def exp_minus_1(x: Any) -> Any:
    """exp(x) - 1 for x <= 87, precise near 0."""
    x = at_least(x, -87.0)
    n = _round(x * LOG2_E)
    power = scale(splat(1.0), n)
    return multiply_add(power, _exp_minus_1_reduced(_reduce(x, n)), power - 1.0)


@inline
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp_of_bounded(at_most(x * -1.0, 87.0)))


@inline
def tanh(x: Any) -> Any:
    """exp_minus_1(2x) / (exp_minus_1(2x) + 2)."""
    e = exp_minus_1(at_most(at_least(x, -10.0), 10.0) * 2.0)
    return e / (e + 2.0)


@inline
def log(x: Any) -> Any:
    """Natural logarithm: -infinity of 0, NaN of negative numbers."""
    tiny = where_greater(SMALLEST_NORMAL, x, 23.0, 0.0)
    y = where_greater(SMALLEST_NORMAL, x, x * 8388608.0, x)
    n, m = exponent(y) - tiny, mantissa(y)
    s = (m - 1.0) / (m + 1.0)
    u = s * s
    p = multiply_add(splat(2 / 9), u, splat(2 / 7))
    p = multiply_add(p, u, splat(2 / 5))
    p = multiply_add(p, u, splat(2 / 3))
    fraction = multiply_add(s * u, p, s * 2.0)
    result = multiply_add(n, splat(LN2_HIGH), multiply_add(n, splat(LN2_LOW), fraction))
    result = where_greater(x, 3.4028234663852886e38, x, result)
    return where_greater(x, 0.0, result, where_greater(0.0, x, x * 0.0 / 0.0, x * 0.0 - INFINITY))


@inline
def log_1_plus(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1, precise near 0."""
    u = x + 1.0
    return log(u) - ((u - 1.0) - x) / u


@inline
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return at_least(x, 0.0) + log_1_plus(exp(absolute(x) * -1.0))


@inline
def erf(x: Any) -> Any:
    """x * P(x^2) / Q(x^2) up to |x| = 4. Coefficients: weighted least squares, relative error 2.5e-8."""
    x = at_most(at_least(x, -4.0), 4.0)
    u = x * x
    p = multiply_add(splat(1.986747292903601e-6), u, splat(2.845658455044031e-4))
    p = multiply_add(p, u, splat(3.883414203301072e-3))
    p = multiply_add(p, u, splat(5.3101956844329834e-2))
    p = multiply_add(p, u, splat(0.19354693591594696))
    p = multiply_add(p, u, splat(1.1283791065216064))
    q = multiply_add(splat(3.7419806176330894e-5), u, splat(1.1855850461870432e-3))
    q = multiply_add(q, u, splat(1.520739309489727e-2))
    q = multiply_add(q, u, splat(0.11535073816776276))
    q = multiply_add(q, u, splat(0.5048590302467346))
    q = multiply_add(q, u, splat(1.0))
    return at_most(at_least(x * p / q, -1.0), 1.0)
