"""Every layer with weights at every size around the widths of kernels, random and extreme, in each integer scheme."""

from __future__ import annotations

from functools import cache

import numpy as np

from edgernn.ops.integer import LinearInt16
from tests.export.c_support import merged
from tests.ops.cases.base import Case
from tests.ops.integer_cases import narrow, recurrent
from tests.ops.integer_cases.base import KINDS, IntegerCaseBuilder
from tests.ops.integer_cases.recurrent import SIZES
from tests.ops.test_engines import reference_run

SCHEMES = ("int16x8", "int8", "int16x4")
FOUR_BITS = 7
"""Largest magnitude of a weight of four bits."""


def width_cases(scheme: str) -> list[Case]:
    """For each of SIZES and each kind of content: an LSTM, with and without projection, a GRU, RNNs, a linear layer.

    Weights of "int16x8" are from -127 on, as exporters write them: -128, which some packings refuse, is in the cases
    beside these.
    """
    cases = _narrow_cases() if scheme == "int8" else _wide_cases()
    bound = FOUR_BITS if scheme == "int16x4" else 127
    for case in cases:
        case.name = f"{scheme}_{case.name}"
        for name, array in case.graph.constants.items():
            if array.dtype == np.int8:
                case.graph.constants[name] = _bounded(array, bound)
            elif scheme == "int16x4" and name.startswith("m"):
                case.graph.constants[name] = np.minimum(array.astype(np.int64) * 16, 2**31 - 1).astype(np.int32)
    return cases


def _bounded(weights: np.ndarray, bound: int) -> np.ndarray:
    """Extremes stay extremes, and what is between them is folded into the range."""
    if np.isin(weights, (-128, -127, 127)).all():
        return np.clip(weights, -bound, bound)
    return (weights if bound == 127 else weights % (2 * bound + 1) - bound).astype(np.int8)


def _wide_cases() -> list[Case]:
    cases = []
    for inputs, hidden in SIZES:
        for kind in KINDS:
            cases += [
                recurrent.lstm(inputs, hidden, kind),
                recurrent.lstm(inputs, hidden, kind, max(1, hidden - 2)),
                recurrent.gru(inputs, hidden, kind, hidden % 4),
                recurrent.rnn(inputs, hidden, kind, "tanh", 14),
                recurrent.rnn(inputs, hidden, kind, "relu"),
                _wide_linear(inputs, hidden, kind),
            ]
    return cases


def _wide_linear(inputs: int, outputs: int, kind: str) -> Case:
    case = IntegerCaseBuilder(f"linear_int16_{inputs}_{outputs}", kind)
    operands = [case.int16(inputs), case.int8(outputs, inputs), case.multipliers(outputs, inputs)]
    return case.done(case.builder.add1(LinearInt16(), [*operands, case.biases(outputs)]))


def _narrow_cases() -> list[Case]:
    cases = []
    for inputs, hidden in SIZES:
        for kind in narrow.KINDS:
            cases += [
                narrow.lstm(inputs, hidden, kind),
                narrow.lstm(inputs, hidden, kind, max(1, hidden - 2)),
                narrow.gru(inputs, hidden, kind, 8 - hidden % 3),
                narrow.rnn(inputs, hidden, kind, "tanh"),
                narrow.rnn(inputs, hidden, kind, "relu"),
                narrow.linear(inputs, hidden, kind, "int16", 3),
                narrow.linear(inputs, hidden, kind, "int8", 0),
            ]
    return cases


@cache
def model(scheme: str) -> tuple[Case, bytes]:
    """All cases of a scheme as one model, and its outputs, step by step, as the reference computes them."""
    case = merged(width_cases(scheme))
    return case, b"".join(y.tobytes() for step in reference_run(case)[0] for y in step)


def require_same(found: bytes, scheme: str) -> None:
    """Name the first output that differs."""
    case, expected = model(scheme)
    if found == expected:
        return
    assert len(found) == len(expected)
    at = int(np.flatnonzero(np.frombuffer(found, np.uint8) != np.frombuffer(expected, np.uint8))[0])
    step, at = divmod(at, len(expected) // len(case.frames))
    for port in case.graph.outputs:
        if at < (nbytes := port.size * np.dtype(port.dtype).itemsize):
            layer = next(n for n in case.graph.nodes if port.value in n.outputs)
            raise AssertionError(f"step {step}: {port.name} of {layer.op!r} differs from byte {at} on")
        at -= nbytes
