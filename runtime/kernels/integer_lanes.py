"""``LANES`` int32 values as one value of compiled code, for the arithmetic of docs/integer-arithmetic.md.

Arithmetic is written with operators, which wrap, and the functions below; a number beside a vector is
repeated in all lanes.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from edgernn.ir.op import Array
from edgernn.runtime.kernels.lanes import lanes
from edgernn.runtime.kernels.vectors import LANES, TRIPLE, Vectors, read, splat, write

INTERLEAVED = TRIPLE.startswith(("x86", "i686"))
"""Whether the weights of two columns alternate: x86 multiplies pairs of int16 and adds the two products in one
instruction; other processors multiply a vector of weights by one number."""

_vectors = Vectors("integer_lanes", types.int32, ir.IntType(32))
integer_lanes = _vectors.type

_OCTET, _SHORT, _INT, _WORD = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_OCTETS, _SHORTS, _INTS, _WORDS = (ir.VectorType(kind, LANES) for kind in (_OCTET, _SHORT, _INT, _WORD))
_PAIRS_8, _PAIRS_16, _PAIRS_32 = (ir.VectorType(kind, 2 * LANES) for kind in (_OCTET, _SHORT, _INT))

for _operator, _name in (
    (operator.add, "add"), (operator.sub, "sub"), (operator.mul, "mul"), (operator.and_, "and_"),
    (operator.lshift, "shl"), (operator.rshift, "ashr"),
):  # fmt: skip
    _vectors.operator(_operator, lambda builder, a, b, name=_name: getattr(builder, name)(a, b))


def _least(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def _greatest(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed(">", a, b), a, b)


def _saturated(builder: Any, x: Any) -> Any:
    low, high = _vectors.constant(-32768), _vectors.constant(32767)
    return _least(builder, _greatest(builder, x, low), high)


def _high_word(builder: Any, a: Any, b: Any) -> Any:
    product = builder.mul(builder.sext(a, _WORDS), builder.sext(b, _WORDS))
    rounded = builder.add(product, ir.Constant(_WORDS, [1 << 31] * LANES))
    return builder.trunc(builder.lshr(rounded, ir.Constant(_WORDS, [32] * LANES)), _INTS)


spread = _vectors.function(lambda builder, a: a)
"""A number, repeated in all lanes."""

least = _vectors.function(_least)
greatest = _vectors.function(_greatest)

sat16 = _vectors.function(_saturated)
"""Clipped to the range of int16."""

high_word = _vectors.function(_high_word)
"""(a * b + 2^31) >> 32, the product in 64 bits."""

requantize = _vectors.function(lambda builder, acc, m, b: builder.add(b, _high_word(builder, acc, m)))
"""bias + round(acc * multiplier / 2^32); not saturated."""


def _look_up(context: Any, table: Any, v: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lines = _lines(builder, *values)
        part = builder.and_(values[1], _vectors.constant(255))
        slope = builder.ashr(lines, _vectors.constant(16))
        value = builder.ashr(builder.shl(lines, _vectors.constant(16)), _vectors.constant(16))
        return builder.add(value, builder.ashr(builder.mul(slope, part), _vectors.constant(8)))

    return integer_lanes(table, integer_lanes), code


def _lines(builder: Any, table: Any, v: Any) -> Any:
    """The entries of a table, value in the low and slope in the high half, that belong to the lanes of ``v``."""
    index = builder.add(builder.ashr(v, _vectors.constant(8)), _vectors.constant(128))
    lines = ir.Constant(_INTS, ir.Undefined)
    for lane in range(LANES):
        at = builder.zext(builder.extract_element(index, _INT(lane)), _WORD)
        lines = builder.insert_element(lines, builder.load(builder.gep(table, [at])), _INT(lane))
    return lines


def _load(context: Any, pointer: Any, index: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return read(builder, values[0], values[1], _INTS, align=4)

    return integer_lanes(pointer, types.intp), code


def _load_of(kind: Any, nbytes: int) -> Any:
    def typing(context: Any, pointer: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.sext(read(builder, values[0], values[1], kind, align=nbytes), _INTS)

        return integer_lanes(pointer, types.intp), code

    return typing


def _store_of(kind: Any, nbytes: int) -> Any:
    def typing(context: Any, pointer: Any, index: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            write(builder, values[0], values[1], builder.trunc(values[2], kind), align=nbytes)
            return context.get_dummy_value()

        return types.void(pointer, types.intp, integer_lanes), code

    return typing


def _pair(context: Any, pointer: Any, index: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return read(builder, values[0], values[1], _INT, align=2)

    return types.int32(pointer, types.intp), code


def _add_pair(context: Any, acc: Any, weights: Any, index: Any, pair: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        acc, weights, index, pair = values
        w = read(builder, weights, index, _PAIRS_8, align=1)
        return (_add_interleaved if INTERLEAVED else _add_separate)(builder, acc, w, pair)

    return integer_lanes(integer_lanes, weights, types.intp, types.int32), code


def _pick(builder: Any, vector: Any, start: int, step: int) -> Any:
    """``LANES`` elements from ``start`` on."""
    picked = ir.Constant(_INTS, [start + step * k for k in range(LANES)])
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), picked)


def _add_interleaved(builder: Any, acc: Any, w: Any, pair: Any) -> Any:
    x = builder.bitcast(splat(builder, pair, LANES), _PAIRS_16)
    products = builder.mul(builder.sext(w, _PAIRS_32), builder.sext(x, _PAIRS_32))
    return builder.add(acc, builder.add(_pick(builder, products, 0, 2), _pick(builder, products, 1, 2)))


def _add_separate(builder: Any, acc: Any, w: Any, pair: Any) -> Any:
    halves = builder.trunc(pair, _SHORT), builder.trunc(builder.lshr(pair, _INT(16)), _SHORT)
    for number, half in enumerate(halves):
        x = splat(builder, half, LANES)
        column = builder.sext(_pick(builder, w, number * LANES, 1), _SHORTS)
        acc = builder.add(acc, builder.mul(builder.sext(column, _INTS), builder.sext(x, _INTS)))
    return acc


def _truncated(context: Any, x: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fptosi(values[0], _INTS)

    return integer_lanes(lanes), code


truncated = intrinsic(_truncated)
"""truncated(floats): without their fractions, for float32 lanes within the range of int32."""

look_up = intrinsic(_look_up)
"""look_up(lines, v): the piecewise linear function of an int16 ``v``; ``lines`` are 256 int32 (value, slope)."""

load = intrinsic(_load)
"""load(ints, index): the ``LANES`` values from ``index`` on."""

load_shorts = intrinsic(_load_of(_SHORTS, 2))
"""load_shorts(shorts, index): as ``load``, of int16."""

store_shorts = intrinsic(_store_of(_SHORTS, 2))
"""store_shorts(shorts, index, vector): writes all lanes, each of which fits int16."""

load_octets = intrinsic(_load_of(_OCTETS, 1))
"""load_octets(octets, index): as ``load``, of int8."""

store_octets = intrinsic(_store_of(_OCTETS, 1))
"""store_octets(octets, index, vector): writes all lanes, each of which fits int8."""

pair_of = intrinsic(_pair)
"""pair_of(shorts, index): two neighbours as the halves of an int32."""

add_pair = intrinsic(_add_pair)
"""add_pair(acc, octets, index, pair): acc plus the products of two columns of weights with a pair."""


def pack_rows(gates: list[Array]) -> Array:
    """[gate] int8 (rows, columns) -> [block][pair of columns][gate] of what ``add_pair`` reads; zeros fill it up."""
    rows, columns = gates[0].shape
    blocks, pairs = -(-rows // LANES), -(-columns // 2)
    packed = np.zeros((blocks, pairs, len(gates), LANES, 2), np.int8)
    for number, gate in enumerate(gates):
        padded = np.zeros((blocks * LANES, pairs * 2), np.int8)
        padded[:rows, :columns] = gate
        packed[:, :, number] = padded.reshape(blocks, LANES, pairs, 2).transpose(0, 2, 1, 3)
    return packed if INTERLEAVED else packed.swapaxes(3, 4)


def pack_vectors(gates: list[Array]) -> Array:
    """[gate] int32 (rows) -> [block][gate][lane], filled up with zeros."""
    blocks = -(-len(gates[0]) // LANES)
    packed = np.zeros((blocks, len(gates), LANES), np.int32)
    for number, gate in enumerate(gates):
        padded = np.zeros(blocks * LANES, np.int32)
        padded[: len(gate)] = gate
        packed[:, number] = padded.reshape(blocks, LANES)
    return packed
