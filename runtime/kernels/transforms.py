"""Transform of real frames, as ``ern_rfft.h`` computes it. Numbers are pairs (real, imaginary) in two buffers.

What differs between floats and integers is given to ``transform_of``: how numbers are added up with roots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba

from edgernn.runtime.kernels.build import inline, kernel
from edgernn.runtime.kernels.memory import advance, floats, ints, words

OK = numba.int32(0)


@dataclass(frozen=True)
class Arithmetic:
    """sum2(a, b, c, d): a b + c d; difference2: a b - c d; times(a, b): a b; half(a): a / 2; roots of 3 and 5."""

    sum2: Callable[..., Any]
    difference2: Callable[..., Any]
    times: Callable[..., Any]
    half: Callable[..., Any]
    cos_3: Any
    sin_3: Any
    cos_5: tuple[Any, Any]
    sin_5: tuple[Any, Any]


def transform_of(numbers: Arithmetic) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``stages(x, y, half, radices, count, roots)``, which returns whether the result is in y, and how many numbers of
    ``roots`` it has read; and ``join(z, half, roots, y)``."""
    stage_2, stage_3, stage_4, stage_5 = (make(numbers) for make in (_stage_2, _stage_3, _stage_4, _stage_5))

    @inline
    def stages(x: Any, y: Any, half: Any, radices: Any, count: Any, roots: Any) -> Any:
        groups, used, in_y = 1, 0, False
        for stage in range(count):
            radix = radices[stage]
            columns = half // (groups * radix)
            source, target = (y, x) if in_y else (x, y)
            here = advance(roots, used)
            if radix == 4:
                stage_4(source, target, groups, columns, here)
            elif radix == 2:
                stage_2(source, target, groups, columns, here)
            elif radix == 3:
                stage_3(source, target, groups, columns, here)
            else:
                stage_5(source, target, groups, columns, here)
            used += 2 * (radix - 1) * columns
            groups *= radix
            in_y = not in_y
        return in_y, used

    return stages, _join(numbers)


def _turning(numbers: Arithmetic) -> Callable[..., Any]:
    sum2, difference2 = numbers.sum2, numbers.difference2

    @inline
    def put(y: Any, at: Any, re: Any, im: Any, roots: Any, root: Any) -> None:
        """y[at] = (re, im) times a root."""
        cosine, sine = roots[2 * root], roots[2 * root + 1]
        y[2 * at] = difference2(re, cosine, im, sine)
        y[2 * at + 1] = sum2(re, sine, im, cosine)

    return put


def _stage_2(numbers: Arithmetic) -> Callable[..., Any]:
    put = _turning(numbers)

    @inline
    def stage(x: Any, y: Any, groups: Any, columns: Any, roots: Any) -> None:
        apart = groups * columns
        for group in range(groups):
            for k in range(columns):
                a, to = 2 * (2 * group * columns + k), group * columns + k
                b = a + 2 * columns
                re, im = x[a] - x[b], x[a + 1] - x[b + 1]
                y[2 * to] = x[a] + x[b]
                y[2 * to + 1] = x[a + 1] + x[b + 1]
                if k == 0:
                    y[2 * (to + apart)] = re
                    y[2 * (to + apart) + 1] = im
                else:
                    put(y, to + apart, re, im, roots, k)

    return stage


def _stage_3(numbers: Arithmetic) -> Callable[..., Any]:
    put, times, cosine, sine = _turning(numbers), numbers.times, numbers.cos_3, numbers.sin_3

    @inline
    def stage(x: Any, y: Any, groups: Any, columns: Any, roots: Any) -> None:
        apart = groups * columns
        for group in range(groups):
            for k in range(columns):
                a, to = 2 * (3 * group * columns + k), group * columns + k
                b, c = a + 2 * columns, a + 4 * columns
                sum_re, sum_im = x[b] + x[c], x[b + 1] + x[c + 1]
                p_re, p_im = x[a] + times(sum_re, cosine), x[a + 1] + times(sum_im, cosine)
                q_re, q_im = times(x[b] - x[c], sine), times(x[b + 1] - x[c + 1], sine)
                y[2 * to] = x[a] + sum_re
                y[2 * to + 1] = x[a + 1] + sum_im
                if k == 0:
                    y[2 * (to + apart)], y[2 * (to + apart) + 1] = p_re + q_im, p_im - q_re
                    y[2 * (to + 2 * apart)], y[2 * (to + 2 * apart) + 1] = p_re - q_im, p_im + q_re
                else:
                    put(y, to + apart, p_re + q_im, p_im - q_re, roots, k)
                    put(y, to + 2 * apart, p_re - q_im, p_im + q_re, roots, columns + k)

    return stage


def _stage_4(numbers: Arithmetic) -> Callable[..., Any]:
    put = _turning(numbers)

    @inline
    def stage(x: Any, y: Any, groups: Any, columns: Any, roots: Any) -> None:
        apart = groups * columns
        for group in range(groups):
            for k in range(columns):
                a, to = 2 * (4 * group * columns + k), group * columns + k
                b, c, d = a + 2 * columns, a + 4 * columns, a + 6 * columns
                even_re, even_im = x[a] + x[c], x[a + 1] + x[c + 1]
                away_re, away_im = x[a] - x[c], x[a + 1] - x[c + 1]
                odd_re, odd_im = x[b] + x[d], x[b + 1] + x[d + 1]
                turn_re, turn_im = x[b] - x[d], x[b + 1] - x[d + 1]
                y[2 * to] = even_re + odd_re
                y[2 * to + 1] = even_im + odd_im
                if k == 0:
                    y[2 * (to + apart)], y[2 * (to + apart) + 1] = away_re + turn_im, away_im - turn_re
                    y[2 * (to + 2 * apart)], y[2 * (to + 2 * apart) + 1] = even_re - odd_re, even_im - odd_im
                    y[2 * (to + 3 * apart)], y[2 * (to + 3 * apart) + 1] = away_re - turn_im, away_im + turn_re
                else:
                    put(y, to + apart, away_re + turn_im, away_im - turn_re, roots, k)
                    put(y, to + 2 * apart, even_re - odd_re, even_im - odd_im, roots, columns + k)
                    put(y, to + 3 * apart, away_re - turn_im, away_im + turn_re, roots, 2 * columns + k)

    return stage


def _stage_5(numbers: Arithmetic) -> Callable[..., Any]:
    put, sum2, difference2 = _turning(numbers), numbers.sum2, numbers.difference2
    (c1, c2), (s1, s2) = numbers.cos_5, numbers.sin_5

    @inline
    def stage(x: Any, y: Any, groups: Any, columns: Any, roots: Any) -> None:
        apart = groups * columns
        for group in range(groups):
            for k in range(columns):
                a, to = 2 * (5 * group * columns + k), group * columns + k
                b, c, d, e = a + 2 * columns, a + 4 * columns, a + 6 * columns, a + 8 * columns
                u_re, u_im, v_re, v_im = x[b] + x[e], x[b + 1] + x[e + 1], x[c] + x[d], x[c + 1] + x[d + 1]
                f_re, f_im, g_re, g_im = x[b] - x[e], x[b + 1] - x[e + 1], x[c] - x[d], x[c + 1] - x[d + 1]
                p_re, p_im = x[a] + sum2(u_re, c1, v_re, c2), x[a + 1] + sum2(u_im, c1, v_im, c2)
                r_re, r_im = x[a] + sum2(u_re, c2, v_re, c1), x[a + 1] + sum2(u_im, c2, v_im, c1)
                q_re, q_im = sum2(f_re, s1, g_re, s2), sum2(f_im, s1, g_im, s2)
                t_re, t_im = difference2(f_re, s2, g_re, s1), difference2(f_im, s2, g_im, s1)
                y[2 * to] = x[a] + (u_re + v_re)
                y[2 * to + 1] = x[a + 1] + (u_im + v_im)
                if k == 0:
                    y[2 * (to + apart)], y[2 * (to + apart) + 1] = p_re + q_im, p_im - q_re
                    y[2 * (to + 2 * apart)], y[2 * (to + 2 * apart) + 1] = r_re + t_im, r_im - t_re
                    y[2 * (to + 3 * apart)], y[2 * (to + 3 * apart) + 1] = r_re - t_im, r_im + t_re
                    y[2 * (to + 4 * apart)], y[2 * (to + 4 * apart) + 1] = p_re - q_im, p_im + q_re
                else:
                    put(y, to + apart, p_re + q_im, p_im - q_re, roots, k)
                    put(y, to + 2 * apart, r_re + t_im, r_im - t_re, roots, columns + k)
                    put(y, to + 3 * apart, r_re - t_im, r_im + t_re, roots, 2 * columns + k)
                    put(y, to + 4 * apart, p_re - q_im, p_im + q_re, roots, 3 * columns + k)

    return stage


def _join(numbers: Arithmetic) -> Callable[..., Any]:
    sum2, difference2, half_of = numbers.sum2, numbers.difference2, numbers.half

    @inline
    def join(z: Any, half: Any, roots: Any, y: Any) -> None:
        """The transform of the real sequence whose even and odd elements are the parts of what z transforms."""
        im = half + 1
        y[0], y[half] = z[0] + z[1], z[0] - z[1]
        y[im], y[im + half] = 0, 0
        for k in range(1, half // 2 + 1):
            a, b = 2 * k, 2 * (half - k)
            sum_re, sum_im = z[a] + z[b], z[a + 1] - z[b + 1]
            away_re, away_im = z[a] - z[b], z[a + 1] + z[b + 1]
            turned_re = difference2(away_re, roots[a], away_im, roots[a + 1])
            turned_im = sum2(away_re, roots[a + 1], away_im, roots[a])
            y[k], y[im + k] = half_of(sum_re + turned_im), half_of(sum_im - turned_re)
            y[half - k], y[im + half - k] = half_of(sum_re - turned_im), half_of(-sum_im - turned_re)

    return join


F = numba.float32
FLOATS = Arithmetic(
    inline(lambda a, b, c, d: a * b + c * d), inline(lambda a, b, c, d: a * b - c * d), inline(lambda a, b: a * b),
    inline(lambda a: a * numba.float32(0.5)), -0.5, 0.8660254037844386,
    (0.30901699437494745, -0.8090169943749475), (0.9510565162951535, 0.5877852522924731),
)  # fmt: skip
_stages, _join_floats = transform_of(FLOATS)


@kernel
def rfft(record: Any) -> Any:
    """Operands: x, y, frames, inputs, size, radices (64 bits each), stages, roots, two buffers of ``size`` numbers."""
    frames, inputs, size = record[2], record[3], record[4]
    half = size // 2
    first, second, roots = floats(record[8]), floats(record[9]), floats(record[7])
    for t in range(frames):
        x, y = floats(record[0] + 4 * t * inputs), floats(record[1] + 8 * t * (half + 1))
        for k in range(inputs):
            first[k] = x[k]
        for k in range(inputs, size):
            first[k] = 0
        in_second, used = _stages(first, second, half, words(record[5]), record[6], roots)
        _join_floats(second if in_second else first, half, advance(roots, used), y)
    return OK


@kernel
def squared_magnitude(record: Any) -> Any:
    """Operands: x, y, frames, bins."""
    bins = record[3]
    for t in range(record[2]):
        x, y = floats(record[0] + 8 * t * bins), floats(record[1] + 4 * t * bins)
        for k in range(bins):
            y[k] = x[k] * x[k] + x[bins + k] * x[bins + k]
    return OK


@kernel
def banded(record: Any) -> Any:
    """Operands: x, y, frames, inputs, weights, starts, lengths, outputs."""
    inputs, outputs = record[3], record[7]
    starts, lengths, weights = ints(record[5]), ints(record[6]), floats(record[4])
    for t in range(record[2]):
        x, y, first = floats(record[0] + 4 * t * inputs), floats(record[1] + 4 * t * outputs), 0
        for row in range(outputs):
            total, start = numba.float32(0.0), starts[row]
            for k in range(lengths[row]):
                total += weights[first + k] * x[start + k]
            first += lengths[row]
            y[row] = total
    return OK
