"""The integer cases for runtimes with an integer arithmetic of their own, which agree within a tolerance."""

from copy import deepcopy
from dataclasses import replace

from edgernn.ops.integer import GruInt16, LogSoftmaxInt16, LstmInt16, MaskedSoftmaxInt16, RnnInt16, SoftmaxInt16
from tests.ops.cases.base import Case
from tests.ops.integer_cases import integer_cases
from tests.ops.integer_cases.base import IntegerCaseBuilder

LSB = 1 / 32767
TOLERANCES = (
    (LstmInt16, 0.02), (GruInt16, 0.02), (RnnInt16, 0.02), (SoftmaxInt16, 12 * LSB),
    (MaskedSoftmaxInt16, 12 * LSB), (LogSoftmaxInt16, 8 * LSB),
)  # fmt: skip
"""Op -> largest difference, relative to the range of the dtype. Recurrent layers with random weights over the whole
range of int8 amplify a difference from step to step."""


def log_softmax(*shape: int) -> Case:
    """With multipliers that belong to one scale: operand 2^-10, result 2^-11."""
    case = IntegerCaseBuilder(f"log_softmax_int16_consistent_{shape}")
    op = LogSoftmaxInt16(16384, 12, 131072, 4096)
    return case.done(case.builder.add1(op, [case.int16(*shape)]))


def foreign_cases() -> list[Case]:
    """Scales of ports and states are dropped: in these cases they contradict the multipliers, which then decide."""
    cases = [deepcopy(case) for case in integer_cases() if not _contradicts(case)]
    cases += [log_softmax(7), log_softmax(2, 65)]
    for case in cases:
        graph = case.graph
        graph.inputs = [replace(port, scale=None) for port in graph.inputs]
        graph.states = [replace(state, scale=None) for state in graph.states]
        case.tolerance = max((t for kind, t in TOLERANCES if _has(case, kind)), default=4 * LSB)
    return cases


def _contradicts(case: Case) -> bool:
    return _has(case, LogSoftmaxInt16)


def _has(case: Case, kind: type) -> bool:
    return any(isinstance(node.op, kind) for node in case.graph.nodes)
