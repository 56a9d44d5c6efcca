"""Integer ops that work on one frame."""

import numpy as np

from edgernn.ops import Concat, Embedding, Expand, Reshape, Slice, Transpose
from edgernn.ops.integer import (
    AddInt16,
    ClipInt16,
    DivInt16,
    EmbeddingInt16,
    LayerNormInt16,
    LinearInt16,
    LogPowerInt16,
    LogSoftmaxInt16,
    MaskedSoftmaxInt16,
    MatmulInt16,
    MulInt16,
    ReduceInt16,
    RescaleInt16,
    SoftmaxInt16,
    TableInt16,
)  # fmt: skip
from edgernn.ops.integer.fit import fit_table
from tests.ops.cases.base import Case
from tests.ops.cases.frame_ops import first_and
from tests.ops.integer_cases.base import KINDS, IntegerCaseBuilder


def linear(inputs: int, outputs: int, kind: str, *lead: int) -> Case:
    case = IntegerCaseBuilder("_".join(map(str, ["linear_int16", inputs, outputs, *lead])), kind)
    x = case.int16(*lead, inputs)
    operands = [x, case.int8(outputs, inputs), case.multipliers(outputs, inputs), case.biases(outputs)]
    return case.done(case.builder.add1(LinearInt16(), operands))


def embedding(*shape: int) -> Case:
    case = IntegerCaseBuilder(f"embedding_int16_{shape}")
    multiplier = case.builder.constant(case.rng.integers(1, 1 << 23, 11).astype(np.int32), "m")
    return case.done(case.builder.add1(EmbeddingInt16(), [case.tokens(11, *shape), case.int8(11, 6), multiplier]))


def single(op: object, kind: str, *shape: int) -> Case:
    case = IntegerCaseBuilder(f"{op}_{shape}", kind)
    return case.done(*case.builder.add(op, [case.int16(*shape)]))


def masked_softmax(multiplier: int, shift: int, kind: str, *shape: int) -> Case:
    case = IntegerCaseBuilder(f"masked_softmax_int16_{multiplier}_{shift}_{shape}", kind)
    op = MaskedSoftmaxInt16(multiplier, shift)
    return case.done(case.builder.add1(op, [case.int16(*shape), first_and(case, shape[-1])]))


def pair(op: object, kind: str, a: tuple[int, ...], b: tuple[int, ...], constant: bool = False) -> Case:
    case = IntegerCaseBuilder(f"{op}_{a}_{b}_{constant}", kind)
    x = case.int16(*a)
    y = case.builder.constant(case.rng.integers(-32768, 32768, b).astype(np.int16), "k") if constant else case.int16(*b)
    return case.done(*case.builder.add(op, [x, y]))


def table() -> Case:
    case = IntegerCaseBuilder("table_int16")
    lines = case.builder.constant(fit_table(lambda v: 3000 * np.cbrt(v)), "t")
    return case.done(case.builder.add1(TableInt16(), [case.int16(23), lines]))


def saturating_table() -> Case:
    case = IntegerCaseBuilder("table_int16_saturating")
    lines = case.builder.constant(case.rng.integers(-32768, 32768, (256, 2)).astype(np.int16), "t")
    return case.done(case.builder.add1(TableInt16(), [case.int16(23), lines]))


def layer_norm(kind: str, epsilon: int, *shape: int) -> Case:
    case = IntegerCaseBuilder(f"layer_norm_int16_{epsilon}_{shape}", kind)
    gain = case.builder.constant(case.rng.integers(-(1 << 20), 1 << 20, shape[-1]).astype(np.int32), "g")
    return case.done(case.builder.add1(LayerNormInt16(epsilon), [case.int16(*shape), gain, case.biases(shape[-1])]))


def log_power(kind: str, offset: int, floor: int, *shape: int, unit: float = 5e-4) -> Case:
    """Bands of all lengths, the longest of all bins; results over 30 nats."""
    case = IntegerCaseBuilder(f"log_power_int16_{offset}_{floor}_{shape}", kind)
    bins = shape[-1]
    lengths = np.array([bins, 1, max(1, bins // 2)], np.int32)
    starts = np.array([0, bins - 1, bins // 3], np.int32)
    weights = case.rng.integers(0, 32768, lengths.sum()) if kind == "random" else np.full(lengths.sum(), 32767)
    op = LogPowerInt16(offset, floor, round(2**9 / unit), round(-30 / unit * 2**24))
    constants = [case.builder.constant(a, "k") for a in (weights.astype(np.int16), starts, lengths)]
    return case.done(case.builder.add1(op, [case.int16(*shape), case.int16(*shape), *constants]))


def silence() -> Case:
    """Power below 2^16, and none."""
    case = IntegerCaseBuilder("log_power_int16_silence")
    clipped = [case.builder.add1(ClipInt16(-2, 2), [case.int16(40)]) for _ in range(2)]
    bins = np.arange(40, dtype=np.int32)
    constants = [np.arange(40, dtype=np.int16), bins, np.ones(40, np.int32)]
    operands = [*clipped, *(case.builder.constant(a, "k") for a in constants)]
    return case.done(case.builder.add1(LogPowerInt16(0, 1, 1 << 20, 5 << 24), operands))


def constant_frame() -> Case:
    """Layer normalisation of equal elements."""
    case = IntegerCaseBuilder("layer_norm_int16_constant")
    x = case.builder.add1(Expand((9,)), [case.int16(1)])
    gain = case.builder.constant(np.full(9, 900000, np.int32), "g")
    return case.done(case.builder.add1(LayerNormInt16(0), [x, gain, case.biases(9)]))


def moves() -> Case:
    """Ops that only move elements, on int16."""
    case = IntegerCaseBuilder("moves_int16")
    x = case.int16(2, 6)
    a = case.builder.add1(Transpose((-1, -2)), [case.builder.add1(Reshape((4, 3)), [x])])
    b = case.builder.add1(Slice(-1, 1, 4, 2), [a])
    c = case.builder.add1(Concat(-1), [a, b, case.builder.add1(Expand((3, 4)), [case.int16(1, 4)])])
    return case.done(a, b, c)


def float_embedding_of_integers() -> Case:
    """An int16 table read by the plain embedding."""
    case = IntegerCaseBuilder("embedding_of_int16")
    table = case.builder.constant(case.rng.integers(-32768, 32768, (7, 5)).astype(np.int16), "t")
    return case.done(case.builder.add1(Embedding(), [case.tokens(7, 2), table]))


CASES = [
    *(
        linear(i, o, "random")
        for i, o in ((1, 1), (3, 4), (4, 5), (15, 16), (16, 17), (17, 15), (63, 65), (64, 64), (65, 63))
    ),
    *(linear(64, 17, kind) for kind in KINDS[1:]),
    linear(5, 3, "random", 2, 3),
    embedding(1),
    embedding(3),
    *(
        pair(AddInt16(f, a, b, s), kind, (2, 5), (2, 5))
        for kind in KINDS[:2]
        for f, a, b, s in (
            ("add", 16383, -16383, 14),
            ("add", 12000, 9000, 13),
            ("maximum", 9000, 8000, 13),
            ("minimum", -9000, 1, 1),
        )
    ),
    pair(AddInt16("add", 100, 200, 9), "random", (2, 1), (1, 3)),
    pair(AddInt16("add", 100, 200, 9), "random", (2, 3), (3,), True),
    *(pair(MulInt16(m), kind, (7,), (7,)) for kind in KINDS[:2] for m in (0, 70000, (1 << 31) - 1)),
    pair(MulInt16(90000), "random", (2, 3), (), True),
    *(
        pair(DivInt16(m, s), kind, (7,), (7,))
        for kind in KINDS[:2]
        for m, s in ((20000, 2), (0, 30), ((1 << 31) - 1, 0))
    ),
    pair(DivInt16(30000, 1), "random", (2, 3), (1, 3)),
    pair(DivInt16(1 << 20, 20), "random", (9,), (9,), True),
    *(single(RescaleInt16(m, s), "random", 19) for m, s in ((16383, 14), (-5000, 10), (16383, 1), (1, 30))),
    single(ClipInt16(0, 32767), "random", 19),
    single(ClipInt16(-100, 12000), "random", 19),
    table(),
    saturating_table(),
    *(
        layer_norm(kind, e, *shape)
        for kind in KINDS[:2]
        for e, shape in ((0, (1,)), (10**6, (17,)), (10**15, (3, 8)), (5, (65,)))
    ),
    constant_frame(),
    *(
        log_power(kind, offset, floor, *shape)
        for kind in ("random", "alternating")
        for offset, floor, shape in ((0, 1, (1,)), (1 << 40, 1, (17,)), (0, 1 << 46, (2, 65)))
    ),
    log_power("alternating", (1 << 62) - 1, (1 << 62) - 1, 300),
    silence(),
    *(
        single(SoftmaxInt16(m, s), "random", *shape)
        for m, s, shape in ((20000, 15, (7,)), (300, 12, (3, 4)), (32767, 1, (5,)), (1, 4, (1,)))
    ),
    *(
        masked_softmax(m, s, kind, *shape)
        for m, s, shape in ((20000, 15, (7,)), (300, 12, (3, 4)), (1, 4, (2,)), (1, 12, (2, 3, 300)))
        for kind in ("random", "alternating")
    ),
    *(
        single(LogSoftmaxInt16(m, s, gain, log), "random", *shape)
        for m, s, gain, log in ((20000, 15, 40000, 4000), (300, 12, 9000, 900), (1, 4, 2**31 - 1, 2**31 - 1))
        for shape in ((7,), (2, 65))
    ),
    *(
        single(ReduceInt16(f, axes, keep, m), "random", 2, 3, 4)
        for f, m in (("sum", 1 << 30), ("sum", 2**31 - 1), ("max", 0), ("min", 0))
        for axes, keep in (((-1,), False), ((-3, -1), True))
    ),
    pair(MatmulInt16(1 << 20), "random", (3, 4), (4, 5)),
    pair(MatmulInt16(2**31 - 1), "alternating", (2, 3, 70), (2, 70, 2)),
    pair(MatmulInt16(1 << 20), "random", (2, 3, 4), (4, 5), True),
    moves(),
    float_embedding_of_integers(),
]
