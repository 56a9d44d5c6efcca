"""Layers whose matrices are in int8, at sizes around the widths of kernels: the products of the other cases."""

from dataclasses import replace

import numpy as np

from edgernn.ops import Embedding, Linear, Matmul
from edgernn.quant import quantize_weights
from tests.ops.cases import recurrent
from tests.ops.cases.base import Case, CaseBuilder

SIZES = [(1, 1), (5, 3), (16, 17), (17, 15), (63, 64), (64, 65)]
LAYERS = ("lstm_3_4_0", "lstm_16_17_0", "lstm_40_33_0", "lstm_6_17_5", "gru_1_1", "gru_4_15", "gru_40_33",
          "rnn_tanh_5_3", "rnn_relu_16_17", "rnn_tanh_40_33", "stacked_gru_lstm")  # fmt: skip
EXTREMES = {"most_negative": -127, "most_positive": 127, "zero": 0}


def quantized(case: Case) -> Case:
    """``case`` with int8 weights."""
    return replace(case, name=f"weights8_{case.name}", graph=quantize_weights(case.graph))


def linear(inputs: int, outputs: int, rows: int = 0) -> Case:
    case = CaseBuilder(f"linear_{inputs}_{outputs}_{rows}")
    x = case.input(rows, inputs) if rows else case.input(inputs)
    return quantized(case.done(case.builder.add1(Linear(), [x, case.weight(outputs, inputs), case.weight(outputs)])))


def matmul(rows: int, inputs: int, outputs: int) -> Case:
    case = CaseBuilder(f"matmul_{rows}_{inputs}_{outputs}")
    return quantized(case.done(case.builder.add1(Matmul(), [case.input(rows, inputs), case.weight(inputs, outputs)])))


def tied() -> Case:
    """An embedding whose table is the matrix of a linear layer too."""
    case = CaseBuilder("tied")
    table = case.weight(11, 6)
    embedded = case.builder.add1(Embedding(), [case.tokens(11, 3), table])
    return quantized(case.done(embedded, case.builder.add1(Linear(), [embedded, table, case.weight(11)])))


def extreme(kind: str) -> Case:
    """Every weight at the same end of its range."""
    case = linear(17, 21)
    graph = case.graph.copy()
    graph.constants = {n: np.full_like(a, EXTREMES[kind]) if a.dtype == np.int8 else a
                       for n, a in graph.constants.items()}  # fmt: skip
    return replace(case, name=f"{case.name}_{kind}", graph=graph)


CASES = [
    *(quantized(case) for case in recurrent.CASES if case.name in LAYERS),
    *(linear(i, o) for i, o in SIZES),
    linear(7, 9, rows=3),
    matmul(2, 5, 19),
    tied(),
    *map(extreme, EXTREMES),
]
