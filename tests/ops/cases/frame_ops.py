"""Ops that work on one frame."""

import numpy as np

from edgernn.ops import (
    Binary,
    Concat,
    Embedding,
    Expand,
    LayerNorm,
    Linear,
    LogSoftmax,
    MaskedSoftmax,
    Matmul,
    Reduce,
    Reshape,
    Select,
    Slice,
    Softmax,
    Transpose,
)  # fmt: skip
from edgernn.ops.binary import BINARY_FUNCTIONS
from edgernn.ops.reduce import REDUCTIONS
from tests.ops.cases.base import Case, CaseBuilder


def linear(inputs: int, outputs: int, *lead: int) -> Case:
    case = CaseBuilder("_".join(map(str, ["linear", inputs, outputs, *lead])))
    x = case.input(*lead, inputs)
    return case.done(case.builder.add1(Linear(), [x, case.weight(outputs, inputs), case.weight(outputs)]))


def binary(function: str, a: tuple[int, ...], b: tuple[int, ...], constant: bool) -> Case:
    case = CaseBuilder(f"{function}_{a}_{b}_{'constant' if constant else 'stream'}")
    low = 0.5 if function in ("div", "pow") else None
    x = case.input(*a, low=low)
    y = case.weight(*b) if constant else case.input(*b, low=low)
    return case.done(case.builder.add1(Binary(function), [x, y]))


def of_constant(function: str) -> Case:
    """Constant on the left."""
    case = CaseBuilder(f"{function}_of_constant")
    x = case.input(5, low=0.5)
    left = case.builder.constant(abs(case.rng.standard_normal(5)) + 0.5)
    return case.done(case.builder.add1(Binary(function), [left, x]))


def single(name: str, op: object, *shape: int) -> Case:
    case = CaseBuilder(name)
    return case.done(*case.builder.add(op, [case.input(*shape)]))


def masked_softmax(*shape: int) -> Case:
    """The first element is always seen."""
    case = CaseBuilder(f"masked_softmax_{shape}")
    return case.done(case.builder.add1(MaskedSoftmax(), [case.input(*shape), first_and(case, shape[-1])]))


def first_and(case: CaseBuilder, size: int) -> str:
    """A mask of random elements behind one that is seen."""
    one = case.builder.constant(np.ones(1, np.int32), "one")
    return case.builder.add1(Concat(-1), [one, case.tokens(2, size - 1)])


def matmul(stream_left: bool, stream_right: bool, lead: tuple[int, ...] = ()) -> Case:
    case = CaseBuilder(f"matmul_{stream_left}_{stream_right}_{lead}")
    a = case.input(*lead, 3, 4) if stream_left else case.weight(3, 4)
    b = case.input(*lead, 4, 5) if stream_right else case.weight(4, 5)
    return case.done(case.builder.add1(Matmul(), [a, b]))


def embedding(*shape: int) -> Case:
    case = CaseBuilder(f"embedding_{shape}")
    return case.done(case.builder.add1(Embedding(), [case.tokens(11, *shape), case.weight(11, 6)]))


def layer_norm(*shape: int) -> Case:
    case = CaseBuilder(f"layer_norm_{shape}")
    x = case.input(*shape)
    return case.done(case.builder.add1(LayerNorm(1e-5), [x, case.weight(shape[-1]), case.weight(shape[-1])]))


def concat(axis: int) -> Case:
    case = CaseBuilder(f"concat_{axis}")
    second = [2, 3]
    second[axis] = 4
    x, y, k = case.input(2, 3), case.input(*second), case.weight(2, 3)
    return case.done(case.builder.add1(Concat(axis), [x, y, k, x]))


def select(*shape: int) -> Case:
    """By a token of 0 or 1: between two values, a value and a constant, and as what a state becomes."""
    case = CaseBuilder(f"select_{shape}")
    signal, x, y, k = case.tokens(2, 1), case.input(*shape), case.input(*shape), case.weight(*shape)
    kept = case.state(*shape)
    after = case.builder.add1(Select(), [signal, x, kept])
    case.carry(kept, after)
    return case.done(case.builder.add1(Select(), [signal, x, y]), case.builder.add1(Select(), [signal, y, k]), after)


def shared_output() -> Case:
    """An input that is also an output, and a value that is two outputs."""
    case = CaseBuilder("shared_output")
    x = case.input(3)
    y = case.builder.add1(Reshape((3, 1)), [x])
    return case.done(x, y, y)


CASES = [
    linear(1, 1), linear(3, 4), linear(17, 5), linear(40, 33), linear(4, 6, 3), linear(5, 2, 2, 3),
    *(binary(f, (5,), (5,), False) for f in BINARY_FUNCTIONS if f != "pow"),
    *(binary(f, (2, 3), (3,), True) for f in ("add", "sub", "mul", "maximum", "minimum")),
    binary("add", (2, 1), (1, 3), False), binary("mul", (4,), (), True), binary("pow", (5,), (5,), False),
    *(of_constant(f) for f in ("sub", "div", "pow")),
    matmul(True, True), matmul(True, False), matmul(False, True), matmul(True, True, (2,)),
    embedding(1), embedding(3), layer_norm(1), layer_norm(17), layer_norm(3, 8),
    *(single(f"reduce_{f}_{axes}_{keep}", Reduce(f, axes, keep), 2, 3, 4)
      for f in REDUCTIONS for axes in ((-1,), (-2,), (-3, -1)) for keep in (False, True)),
    single("softmax", Softmax(-1), 7), single("softmax_middle", Softmax(-2), 3, 4),
    single("log_softmax", LogSoftmax(-1), 7), single("log_softmax_middle", LogSoftmax(-2), 3, 4),
    masked_softmax(2), masked_softmax(17), masked_softmax(3, 1, 40),
    single("reshape", Reshape((4, 3)), 2, 6), single("transpose", Transpose((-1, -3, -2)), 2, 3, 4),
    single("expand", Expand((4, 2, 3)), 2, 1), single("slice", Slice(-1, 1, 6, 2), 2, 7),
    single("slice_middle", Slice(-2, 1, 3), 4, 3), concat(-1), concat(-2), shared_output(), select(5), select(2, 3, 4),
]  # fmt: skip
