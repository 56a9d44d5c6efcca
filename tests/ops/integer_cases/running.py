"""Integer statistics over time, from the first frame and from states near their limits."""

from edgernn.ops.integer import RunningInt16
from edgernn.ops.integer.running import MOST_FRAMES, MOST_WEIGHT, STARTS
from tests.ops.cases.base import Case
from tests.ops.integer_cases.base import KINDS, IntegerCaseBuilder

FULL = {
    "sum": ((-(2**31), 2**31 - 1), (0, 65535)),
    "mean": ((-(2**23), 2**23 - 1), (0, 65535), (MOST_FRAMES - 3, MOST_FRAMES - 3)),
    "softmax": ((-(2**30), 2**30 - 1), (MOST_WEIGHT - 40000, MOST_WEIGHT), (20000, 40000)),
}
"""Function -> least and largest initial value of each state, after many frames."""


def running(
    op: RunningInt16, kind: str, shape: tuple[int, ...], score: tuple[int, ...] = (), full: bool = False
) -> Case:
    case = IntegerCaseBuilder(f"{op}_{shape}_{score}_{full}", kind)
    values = [case.int16(*shape), *([case.int16(*score)] if op.function == "softmax" else [])]
    limits = FULL[op.function] if full else [(start, start) for start in STARTS[op.function]]
    states = [case.exact_state(s, *limit) for s, limit in zip(op.shapes(shape, score), limits, strict=True)]
    y, *after = case.builder.add(op, [*values, *states])
    for state, name in zip(states, after, strict=True):
        case.state_carry(state, name)
    return case.done(y)


SUM, MEAN = RunningInt16("sum", 9000, 14), RunningInt16("mean", 16383, 12)
SOFTMAX = RunningInt16("softmax", 12000, 28, 20000, 17, 18000)

CASES = [
    *(running(op, kind, (7,), full=full) for op in (SUM, MEAN) for kind in KINDS[:2] for full in (False, True)),
    running(RunningInt16("sum", 16383, 60), "random", (2, 3), full=True),
    running(RunningInt16("mean", 1, 30), "random", (2, 3)),
    running(RunningInt16("mean", 16383, 0), "random", (1,)),
    *(
        running(SOFTMAX, kind, shape, score, full)
        for kind in KINDS[:2]
        for shape, score in (((7,), (1,)), ((3, 4), (3, 1)), ((5,), (5,)))
        for full in (False, True)
    ),
    running(RunningInt16("softmax", 16383, 1, 32767, 1, 1), "random", (4,), (1,)),
]
