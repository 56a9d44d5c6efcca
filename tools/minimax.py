"""Derives the coefficients of ``runtime/csrc/ern_math_f32.h``, ``ern_trigonometry_f32.c`` and ``ern_decode_math.h``.

Method: weighted least squares whose weights grow where the error is large (C. L. Lawson, 1961), which converges to
the minimax fit; the weight makes the error relative to the function. Rational functions are linearized, with the
denominator of the iteration before in the weight.

Usage: python tools/minimax.py        prints each function, its error and its coefficients, lowest power first
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Function = Callable[[Vector], Vector]

POINTS = 2000
ROUNDS = 3000
RATIONAL_ROUNDS = 12

_erf = np.vectorize(math.erf)
_erfc = np.vectorize(math.erfc)


def nodes(low: float, high: float) -> Vector:
    """Chebyshev points of an interval."""
    k = np.arange(POINTS)
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (k + 0.5) / POINTS)


def fit(columns: Vector, target: Vector, weight: Vector, rounds: int = ROUNDS) -> tuple[float, Vector]:
    """Coefficients that minimize the largest ``weight * |columns @ c - target|``, and that error."""
    shares = np.full(len(target), 1 / len(target))
    best = (math.inf, np.zeros(columns.shape[1]))
    for _ in range(rounds):
        root = np.sqrt(shares) * weight
        c = np.linalg.lstsq(columns * root[:, None], target * root, rcond=None)[0]
        error = np.abs(weight * (columns @ c - target))
        best = min(best, (float(error.max()), c), key=lambda pair: pair[0])
        shares *= error / error.max() + 1e-3
        shares /= shares.sum()
    return best


def polynomial(f: Function, low: float, high: float, degree: int, weight: Function) -> tuple[float, Vector]:
    """f(z) on [low, high]."""
    z, scale = nodes(low, high), max(abs(low), abs(high))
    error, c = fit(np.vander(z / scale, degree + 1, increasing=True), f(z), weight(z))
    return error, c / scale ** np.arange(degree + 1)


def rational(f: Function, high: float, degree: int) -> tuple[float, Vector, Vector]:
    """f(z) as (1 + z p(z)) / (1 + z q(z)) on [0, high], with p and q of ``degree - 1``."""
    z = nodes(0, high)
    powers = np.vander(z / high, degree + 1, increasing=True)[:, 1:]
    value, below = f(z), np.ones(POINTS)
    for k in range(RATIONAL_ROUNDS):
        columns = np.hstack([powers, -value[:, None] * powers])
        c = fit(columns, value - 1, 1 / (value * below), ROUNDS if k == RATIONAL_ROUNDS - 1 else 300)[1]
        below = 1 + powers @ c[degree:]
    error = float(np.abs((1 + powers @ c[:degree]) / below / value - 1).max())
    scale = high ** np.arange(1, degree + 1)
    return error, c[:degree] / scale, c[degree:] / scale


def near_zero(direct: Function, series: list[float], limit: float) -> Function:
    """``direct``, but its Taylor series where cancellation would spoil it."""
    return lambda z: np.where(
        np.abs(z) < limit, np.polynomial.polynomial.polyval(z, series), direct(np.where(np.abs(z) < limit, limit, z))
    )


def main() -> None:
    """Print all fits."""
    half_log2 = math.log(2) / 2 * 1.001
    eighth_turn = (math.pi / 4 * 1.01) ** 2
    slope = 2 / math.sqrt(math.pi)
    exp = near_zero(lambda x: (np.expm1(x) - x) / x**2, [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720], 1e-2)
    atanh = near_zero(lambda z: (np.arctanh(np.sqrt(z)) / np.sqrt(z) - 1) / z, [1 / 3, 1 / 5, 1 / 7, 1 / 9], 1e-3)
    tanh = near_zero(lambda z: (np.tanh(np.sqrt(z)) / np.sqrt(z) - 1) / z, [-1 / 3, 2 / 15, -17 / 315], 1e-3)
    sin = near_zero(lambda z: (np.sin(np.sqrt(z)) / np.sqrt(z) - 1) / z, [-1 / 6, 1 / 120, -1 / 5040], 1e-3)
    cos = near_zero(lambda z: (np.cos(np.sqrt(z)) - 1 + z / 2) / z**2, [1 / 24, -1 / 720, 1 / 40320], 1e-2)
    ln2 = math.log(2)
    power = near_zero(lambda f: (1 - np.exp2(-f)) / f, [ln2, -(ln2**2) / 2, ln2**3 / 6, -(ln2**4) / 24], 1e-3)
    log2 = near_zero(lambda f: np.log2(1 + f) / f, [1 / ln2, -1 / 2 / ln2, 1 / 3 / ln2, -1 / 4 / ln2], 1e-3)
    erf = near_zero(lambda z: (_erf(np.sqrt(z)) / np.sqrt(z) / slope - 1) / z, [-1 / 3, 1 / 10, -1 / 42], 1e-3)
    for name, (error, c) in {
        "exp(x) = 1 + x + x^2 p(x), |x| <= log(2)/2": polynomial(
            exp, -half_log2, half_log2, 4, lambda x: x * x / np.exp(x)
        ),
        "atanh(s) = s + s z p(z), z = s^2 <= 1/9": polynomial(atanh, 0, 1.001 / 9, 4, lambda z: z),
        "tanh(x) = x + x z p(z), z = x^2 <= 0.56^2": polynomial(tanh, 0, 0.56**2, 4, lambda z: z),
        "sin(x) = x + x z p(z), |x| <= pi/4": polynomial(sin, 0, eighth_turn, 2, lambda z: z),
        "cos(x) = 1 - z/2 + z^2 p(z), |x| <= pi/4": polynomial(cos, 0, eighth_turn, 2, lambda z: z * z),
        "2^-f = 1 - f p(f), 0 <= f <= 1, of which the error is absolute": polynomial(power, 0, 1, 5, lambda f: f),
        "log2(1 + f) = f p(f), 0 <= f <= 1, of which the error is absolute": polynomial(log2, 0, 1, 7, lambda f: f),
        "erf(x) = 2/sqrt(pi) (x + x z p(z)), x <= 0.94": polynomial(erf, 0, 0.94**2, 5, lambda z: z),
        "erf(x) = 1 - exp(-p(x)), 0.92 <= x <= 4": polynomial(
            lambda x: -np.log(_erfc(x)), 0.92, 4, 6, lambda x: _erfc(x) / _erf(x)
        ),
    }.items():
        print(f"{name}\n  error {error:.1e}: {', '.join(f'{v:.9g}' for v in c)}")
    error, p, q = rational(lambda z: np.tanh(np.sqrt(z)) / np.sqrt(z), 9.02**2, 4)
    print(f"tanh(x) = x (1 + z p(z)) / (1 + z q(z)), |x| <= 9\n  error {error:.1e}:")
    print(f"  p {', '.join(f'{v:.9g}' for v in p)}\n  q {', '.join(f'{v:.9g}' for v in q)}")


if __name__ == "__main__":
    main()
