"""LSTM, GRU and RNN steps, at sizes around the lane widths of the kernels."""

from edgernn.ops import Gru, Lstm, Rnn
from tests.ops.cases.base import Case, CaseBuilder

SIZES = [(1, 1), (3, 4), (5, 3), (4, 15), (7, 16), (16, 17), (40, 33)]


def lstm(inputs: int, hidden: int, proj: int = 0) -> Case:
    case = CaseBuilder(f"lstm_{inputs}_{hidden}_{proj}")
    out = proj or hidden
    x, h, c = case.input(inputs), case.state(out), case.state(hidden)
    weights = [case.weight(4 * hidden, inputs), case.weight(4 * hidden, out), case.weight(4 * hidden)]
    if proj:
        weights.append(case.weight(proj, hidden))
    h_next, c_next = case.builder.add(Lstm(hidden, proj), [x, h, c, *weights])
    case.carry(h, h_next)
    case.carry(c, c_next)
    return case.done(h_next)


def gru(inputs: int, hidden: int) -> Case:
    case = CaseBuilder(f"gru_{inputs}_{hidden}")
    x, h = case.input(inputs), case.state(hidden)
    weights = [
        case.weight(3 * hidden, inputs),
        case.weight(3 * hidden, hidden),
        case.weight(3 * hidden),
        case.weight(3 * hidden),
    ]
    h_next = case.builder.add1(Gru(hidden), [x, h, *weights])
    case.carry(h, h_next)
    return case.done(h_next)


def rnn(inputs: int, hidden: int, nonlinearity: str) -> Case:
    case = CaseBuilder(f"rnn_{nonlinearity}_{inputs}_{hidden}")
    x, h = case.input(inputs), case.state(hidden)
    scale = 0.4 if nonlinearity == "tanh" else 0.4 / hidden
    weights = [case.weight(hidden, inputs), case.weight(hidden, hidden, scale=scale), case.weight(hidden)]
    h_next = case.builder.add1(Rnn(hidden, nonlinearity), [x, h, *weights])
    case.carry(h, h_next)
    return case.done(h_next)


def stacked() -> Case:
    """Two layers, and the state of the first read by a second consumer after its update."""
    case = CaseBuilder("stacked_gru_lstm")
    x, h, h2, c2 = case.input(5), case.state(6), case.state(9), case.state(9)
    first = case.builder.add1(Gru(6), [x, h, case.weight(18, 5), case.weight(18, 6), case.weight(18), case.weight(18)])
    second, c_next = case.builder.add(Lstm(9), [first, h2, c2, case.weight(36, 6), case.weight(36, 9), case.weight(36)])
    case.carry(h, first)
    case.carry(h2, second)
    case.carry(c2, c_next)
    return case.done(second, first, c_next)


CASES = [
    *(lstm(i, h) for i, h in SIZES),
    lstm(6, 17, 5),
    lstm(3, 4, 1),
    *(gru(i, h) for i, h in SIZES),
    *(rnn(i, h, kind) for i, h in SIZES for kind in ("tanh", "relu")),
    stacked(),
]
