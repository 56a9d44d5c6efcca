"""Integer LSTM, GRU and RNN steps at sizes around the widths of kernels."""

from edgernn.ops.integer import GruInt16, LstmInt16, RnnInt16
from tests.ops.cases.base import Case
from tests.ops.integer_cases.base import KINDS, IntegerCaseBuilder

SIZES = [(1, 1), (3, 4), (4, 3), (5, 5), (15, 16), (16, 15), (17, 17), (63, 64), (64, 63), (65, 65)]


def lstm(inputs: int, hidden: int, kind: str, proj: int = 0, cell: int = 12, fraction: int = 15) -> Case:
    case = IntegerCaseBuilder(f"lstm_int16_{inputs}_{hidden}_{proj}_{cell}_{fraction}", kind)
    out = proj or hidden
    x, h, c = case.int16(inputs), case.int16_state(out), case.int16_state(hidden)
    operands = [x, h, c, case.int8(4 * hidden, inputs), case.int8(4 * hidden, out),
                case.multipliers(4 * hidden, inputs + out), case.biases(4 * hidden)]  # fmt: skip
    if proj:
        operands += [case.int8(proj, hidden), case.multipliers(proj, hidden), case.biases(proj)]
    h_next, c_next = case.builder.add(LstmInt16(hidden, proj, cell, fraction), operands)
    case.state_carry(h, h_next)
    case.state_carry(c, c_next)
    return case.done(h_next, c_next)


def gru(inputs: int, hidden: int, kind: str, shift: int = 0) -> Case:
    case = IntegerCaseBuilder(f"gru_int16_{inputs}_{hidden}_{shift}", kind)
    x, h = case.int16(inputs), case.int16_state(hidden)
    operands = [x, h, case.int8(3 * hidden, inputs), case.int8(3 * hidden, hidden),
                case.multipliers(3 * hidden, inputs + hidden), case.biases(3 * hidden),
                case.multipliers(hidden, hidden), case.biases(hidden)]  # fmt: skip
    after = case.builder.add1(GruInt16(hidden, shift), operands)
    case.state_carry(h, after)
    return case.done(after)


def rnn(inputs: int, hidden: int, kind: str, nonlinearity: str, fraction: int = 15) -> Case:
    case = IntegerCaseBuilder(f"rnn_int16_{nonlinearity}_{inputs}_{hidden}_{fraction}", kind)
    x, h = case.int16(inputs), case.int16_state(hidden)
    operands = [x, h, case.int8(hidden, inputs), case.int8(hidden, hidden),
                case.multipliers(hidden, inputs + hidden), case.biases(hidden)]  # fmt: skip
    after = case.builder.add1(RnnInt16(hidden, nonlinearity, fraction), operands)
    case.state_carry(h, after)
    return case.done(after)


CASES = [
    *(lstm(i, h, "random") for i, h in SIZES),
    *(lstm(17, 16, kind) for kind in KINDS[1:]),
    *(lstm(5, 6, "random", 0, cell, fraction) for cell, fraction in ((1, 15), (9, 12), (15, 10), (13, 1))),
    *(lstm(6, 17, kind, 5) for kind in KINDS),
    *(gru(i, h, "random", shift) for (i, h), shift in zip(SIZES, (0, 1, 2, 3, 4, 5, 0, 1, 2, 8), strict=True)),
    *(gru(17, 16, kind) for kind in KINDS[1:]),
    *(
        rnn(i, h, "random", n, f)
        for (i, h), n, f in zip(SIZES, ("tanh", "relu") * 5, (15, 15, 12, 15, 10) * 2, strict=True)
    ),
    *(rnn(17, 16, kind, n) for kind in KINDS[1:] for n in ("tanh", "relu")),
]
