"""Steps over int8 values at sizes around the widths of kernels, random and extreme."""

import numpy as np

from edgernn.ops import Concat, Reshape, Slice, Transpose
from edgernn.ops.integer import EmbeddingInt16, GruInt16, LinearInt16, LstmInt16, RescaleInt16, RnnInt16
from tests.ops.cases.base import Case
from tests.ops.integer_cases.base import IntegerCaseBuilder
from tests.ops.integer_cases.recurrent import SIZES

KINDS = ("random", "least", "most_positive", "alternating")
"""Extremes of weights are -127 and 127: no exporter writes -128."""


class NarrowCaseBuilder(IntegerCaseBuilder):
    """As IntegerCaseBuilder, with int8 inputs and states beside those of int16."""

    def __init__(self, name: str, kind: str = "random", pre_shift: int = 0) -> None:
        super().__init__(name, kind)
        self.pre_shift = pre_shift

    def weights(self, *shape: int) -> str:
        """int8 weights within -127..127."""
        content = {
            "random": lambda: self.rng.integers(-127, 128, shape),
            "least": lambda: np.full(shape, -127),
            "most_positive": lambda: np.full(shape, 127),
            "alternating": lambda: np.where(np.arange(int(np.prod(shape))) % 2, 127, -127).reshape(shape),
        }[self.kind]()
        return self.builder.constant(content.astype(np.int8), "w")

    def multipliers(self, rows: int, columns: int) -> str:
        """Multipliers that bring typical sums, after the shift, to the range of int16, and some that saturate it."""
        typical = 2.0**32 * 20000 / (128 * 73 * np.sqrt(columns)) / 2**self.pre_shift
        values = typical * self.rng.uniform(0.3, 3.0, rows)
        return self.builder.constant(np.minimum(values, 2**31 - 1).astype(np.int32), "m")


def linear(inputs: int, outputs: int, kind: str, dtype: str, shift: int, *lead: int) -> Case:
    name = "_".join(map(str, ["linear_int8", inputs, outputs, dtype, shift, *lead]))
    case = NarrowCaseBuilder(name, kind, shift + (8 if dtype == "int8" else 0))
    x = case.narrow_input(*lead, inputs)
    biases = case.biases(outputs, 6000 if dtype == "int16" else 40)
    operands = [x, case.weights(outputs, inputs), case.multipliers(outputs, inputs), biases]
    return case.done(case.builder.add1(LinearInt16(dtype, shift), operands))


def lstm(inputs: int, hidden: int, kind: str, proj: int = 0, cell: int = 12, fraction: int = 7, shift: int = 4) -> Case:
    case = NarrowCaseBuilder(f"lstm_int8_{inputs}_{hidden}_{proj}_{cell}_{fraction}_{shift}", kind, shift)
    out = proj or hidden
    x, h, c = case.narrow_input(inputs), case.narrow_state(out), case.int16_state(hidden)
    operands = [x, h, c, case.weights(4 * hidden, inputs), case.weights(4 * hidden, out),
                case.multipliers(4 * hidden, inputs + out), case.biases(4 * hidden)]  # fmt: skip
    if proj:
        case.pre_shift = 9
        operands += [case.weights(proj, hidden), case.multipliers(proj, hidden), case.biases(proj, 40)]
    h_next, c_next = case.builder.add(LstmInt16(hidden, proj, cell, fraction, shift, 1 if proj else 0), operands)
    case.state_carry(h, h_next)
    case.state_carry(c, c_next)
    return case.done(h_next, c_next)


def gru(inputs: int, hidden: int, kind: str, shift: int = 8, pre_shift: int = 4) -> Case:
    case = NarrowCaseBuilder(f"gru_int8_{inputs}_{hidden}_{shift}_{pre_shift}", kind, pre_shift)
    x, h = case.narrow_input(inputs), case.int16_state(hidden)
    operands = [x, h, case.weights(3 * hidden, inputs), case.weights(3 * hidden, hidden),
                case.multipliers(3 * hidden, inputs + hidden), case.biases(3 * hidden),
                case.multipliers(hidden, hidden), case.biases(hidden)]  # fmt: skip
    after = case.builder.add1(GruInt16(hidden, shift, pre_shift), operands)
    case.state_carry(h, after)
    return case.done(after)


def rnn(inputs: int, hidden: int, kind: str, nonlinearity: str, fraction: int = 7, shift: int = 4) -> Case:
    narrowing = 8 if nonlinearity == "relu" else 0
    case = NarrowCaseBuilder(f"rnn_int8_{nonlinearity}_{inputs}_{hidden}_{fraction}_{shift}", kind, shift + narrowing)
    x, h = case.narrow_input(inputs), case.narrow_state(hidden)
    operands = [x, h, case.weights(hidden, inputs), case.weights(hidden, hidden),
                case.multipliers(hidden, inputs + hidden), case.biases(hidden, 40)]  # fmt: skip
    after = case.builder.add1(RnnInt16(hidden, nonlinearity, fraction, shift), operands)
    case.state_carry(h, after)
    return case.done(after)


def embedding(*shape: int) -> Case:
    case = NarrowCaseBuilder(f"embedding_int8_{shape}")
    multiplier = case.builder.constant(case.rng.integers(1, 1 << 17, 11).astype(np.int32), "m")
    operands = [case.tokens(11, *shape), case.weights(11, 6), multiplier]
    return case.done(case.builder.add1(EmbeddingInt16("int8"), operands))


def rescale(source: str, target: str, multiplier: int, shift: int) -> Case:
    case = NarrowCaseBuilder(f"rescale_{source}_{target}_{multiplier}_{shift}")
    x = case.narrow_input(19) if source == "int8" else case.int16(19)
    return case.done(case.builder.add1(RescaleInt16(multiplier, shift, target), [x]))


def moves() -> Case:
    """Ops that only move elements, on int8."""
    case = NarrowCaseBuilder("moves_int8")
    x = case.narrow_input(2, 6)
    a = case.builder.add1(Transpose((-1, -2)), [case.builder.add1(Reshape((4, 3)), [x])])
    b = case.builder.add1(Slice(-1, 1, 4, 2), [a])
    return case.done(a, b, case.builder.add1(Concat(-1), [a, b]))


def chain() -> Case:
    """Both widths in one step: an LSTM over int8, a rescale to int16 and back, a linear layer."""
    case = NarrowCaseBuilder("chain_int8", pre_shift=4)
    x, h, c = case.narrow_input(9), case.narrow_state(10), case.int16_state(10)
    operands = [x, h, c, case.weights(40, 9), case.weights(40, 10), case.multipliers(40, 19), case.biases(40)]
    h_next, c_next = case.builder.add(LstmInt16(10, 0, 12, 7, 4), operands)
    case.state_carry(h, h_next)
    case.state_carry(c, c_next)
    wide = case.builder.add1(RescaleInt16(512, 1, "int16"), [h_next])
    narrow = case.builder.add1(RescaleInt16(12000, 21, "int8"), [wide])
    case.pre_shift = 2
    operands = [narrow, case.weights(7, 10), case.multipliers(7, 10), case.biases(7)]
    return case.done(wide, case.builder.add1(LinearInt16("int16", 2), operands))


CASES = [
    *(lstm(i, h, "random") for i, h in SIZES),
    *(lstm(17, 16, kind) for kind in KINDS[1:]),
    *(lstm(5, 6, "random", 0, cell, fraction, 0) for cell, fraction in ((1, 9), (9, 8), (15, 6), (13, 1))),
    *(lstm(6, 17, kind, 5) for kind in KINDS),
    *(gru(i, h, "random", shift) for (i, h), shift in zip(SIZES, (8, 7, 6, 8, 7, 6, 8, 5, 1, 0), strict=True)),
    *(gru(17, 16, kind) for kind in KINDS[1:]),
    *(rnn(i, h, "random", n, f) for (i, h), n, f in zip(SIZES, ("tanh", "relu") * 5, (7, 7, 8, 7, 6) * 2, strict=True)),
    *(rnn(17, 16, kind, n) for kind in KINDS[1:] for n in ("tanh", "relu")),
    *(
        linear(i, o, "random", dtype, shift)
        for i, o in ((1, 1), (3, 4), (4, 5), (15, 16), (16, 17), (17, 15), (63, 65), (64, 64), (65, 63))
        for dtype, shift in (("int16", 3), ("int8", 0))
    ),
    *(linear(64, 17, kind, "int16", 4) for kind in KINDS[1:]),
    linear(5, 3, "random", "int16", 1, 2, 3),
    linear(5, 3, "random", "int8", 1, 2, 3),
    embedding(1),
    embedding(3),
    *(
        rescale(source, target, m, s)
        for source, target in (("int16", "int8"), ("int8", "int16"), ("int8", "int8"))
        for m, s in ((16383, 14), (-5000, 10), (512, 1), (12000, 21))
    ),
    moves(),
    chain(),
]
