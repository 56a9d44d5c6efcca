"""The numba engine: long runs of random models, shapes that the op cases lack, refusals, memory."""

import gc
import resource
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn import ops, runtime
from edgernn.errors import EngineError, FrameError, UnsupportedOpError
from edgernn.export.ern import write
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.types import StreamInfo, ValueType
from edgernn.runtime.engines import numba as engine_module
from edgernn.runtime.engines.numba import NumbaEngine
from tests.ops.cases.base import Case, CaseBuilder
from tests.ops.test_engines import reference_run
from tests.support import open_engine

STEPS = 1000


def session_of(case: Case, folder: Path, engine: str = "numba") -> runtime.Session:
    path = folder / "model.ern"
    write(case.graph, path)
    return runtime.load(path, engine)


def add_layer(case: CaseBuilder, kind: str, x: str, inputs: int, hidden: int) -> str:
    scale = hidden**-0.5
    h = case.state(hidden)
    if kind == "lstm":
        c = case.state(hidden)
        shapes = [(4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,)]
        y, c_next = case.builder.add(ops.Lstm(hidden), [x, h, c, *(case.weight(*s, scale=scale) for s in shapes)])
        case.carry(c, c_next)
    elif kind == "gru":
        shapes = [(3 * hidden, inputs), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,)]
        y = case.builder.add1(ops.Gru(hidden), [x, h, *(case.weight(*s, scale=scale) for s in shapes)])
    else:
        shapes = [(hidden, inputs), (hidden, hidden), (hidden,)]
        weights = [case.weight(*s, scale=0.5 * scale) for s in shapes]
        y = case.builder.add1(ops.Rnn(hidden, kind), [x, h, *weights])
    case.carry(h, y)
    return y


def random_stack(seed: int) -> Case:
    case = CaseBuilder(f"stack_{seed}")
    width = int(case.rng.integers(1, 50))
    x = case.input(width)
    for _ in range(case.rng.integers(1, 4)):
        kind, hidden = case.rng.choice(["lstm", "gru", "tanh", "relu"]), int(case.rng.integers(1, 70))
        x, width = add_layer(case, kind, x, width, hidden), hidden
    head = [case.weight(7, width, scale=width**-0.5), case.weight(7)]
    return case.done(case.builder.add1(ops.Linear(), [x, *head]))


@pytest.mark.parametrize("seed", range(12))
def test_a_thousand_steps_agree_with_the_reference(seed: int, tmp_path: Path) -> None:
    case = random_stack(seed)
    found, wanted = session_of(case, tmp_path), session_of(case, tmp_path, "reference")
    rng = np.random.default_rng(seed)
    frames = rng.standard_normal((STEPS, *found.inputs[0].shape)).astype(np.float32)
    have = np.stack(list(found.stream(frames)))
    want = np.stack(list(wanted.stream(frames)))
    assert np.abs(have - want).max() <= 1e-5 * np.abs(want).max()
    for name, state in found.get_states().items():
        np.testing.assert_allclose(state, wanted.get_states()[name], rtol=0, atol=1e-5)


def matrices(m: int, k: int, n: int, kinds: str, lead: tuple[int, ...] = ()) -> Case:
    """``kinds``: s for a stream, c for a constant."""
    case = CaseBuilder(f"matmul_{m}_{k}_{n}_{kinds}_{lead}")
    left = case.input(*lead, m, k) if kinds[0] == "s" else case.weight(m, k)
    right = case.input(*lead, k, n) if kinds[1] == "s" else case.weight(k, n)
    return case.done(case.builder.add1(ops.Matmul(), [left, right]))


def many_rows(rows: int, inputs: int, outputs: int) -> Case:
    case = CaseBuilder(f"rows_{rows}_{inputs}_{outputs}")
    x = case.input(rows, inputs)
    return case.done(case.builder.add1(ops.Linear(), [x, case.weight(outputs, inputs), case.weight(outputs)]))


def softmax_of_rows(rows: int, columns: int) -> Case:
    case = CaseBuilder(f"softmax_{rows}_{columns}")
    x = case.input(rows, columns)
    return case.done(case.builder.add1(ops.Softmax(-1), [x]), case.builder.add1(ops.LogSoftmax(-2), [x]))


def broadcast(*shapes: tuple[int, ...]) -> Case:
    case = CaseBuilder(f"broadcast_{shapes}")
    a, b = (case.input(*shape) for shape in shapes)
    return case.done(*(case.builder.add1(ops.Binary(f), [a, b]) for f in ("sub", "mul")))


def moved(*shape: int) -> Case:
    """Transposed, sliced with steps, expanded, reduced over the first axes."""
    case = CaseBuilder(f"moved_{shape}")
    x = case.input(*shape)
    rank = len(shape)
    turned = case.builder.add1(ops.Transpose(tuple(range(-1, -rank - 1, -1))), [x])
    part = case.builder.add1(ops.Slice(-1, 0, shape[0], 2), [turned])
    wide = case.builder.add1(ops.Expand((2, *case.graph.values[part].shape)), [part])
    return case.done(turned, part, wide, case.builder.add1(ops.Reduce("sum", (-rank,)), [x]))


def constants_and_aliases() -> Case:
    """Constant and input as outputs; a state becomes a part of another, one a constant."""
    case = CaseBuilder("constants_and_aliases")
    x, a, b, c = case.input(6), case.state(3), case.state(6), case.state(6)
    half = case.builder.add1(ops.Slice(-1, 3, 6), [b])
    case.carry(a, half)
    case.carry(b, x)
    case.carry(c, case.weight(6))
    total = case.builder.add1(ops.Binary("add"), [b, c])
    return case.done(case.weight(2, 2), x, a, half, total)


def integers() -> Case:
    """Arithmetic on indices before they are looked up."""
    case = CaseBuilder("integers")
    x, y = case.tokens(50, 2, 3), case.tokens(50, 2, 3)
    two = case.builder.constant(np.array(2, np.int32))
    results = [case.builder.add1(ops.Binary(f), [x, y]) for f in ("add", "sub", "mul", "maximum", "minimum")]
    results += [case.builder.add1(ops.Unary(f), [results[1]]) for f in ("relu", "abs", "neg", "square")]
    results += [case.builder.add1(ops.Reduce(f, (-2,)), [x]) for f in ("sum", "max", "min")]
    index = case.builder.add1(ops.Binary("minimum"), [x, two])
    results.append(case.builder.add1(ops.Embedding(), [index, case.weight(3, 5)]))
    results.append(case.builder.add1(ops.Transpose((-1, -2)), [x]))
    return case.done(*results)


def static_input() -> Case:
    """A frame, and an input that is the same for a whole sequence."""
    case = CaseBuilder("static_input")
    x, memory = case.input(1, 4), case.input(5, 4)
    case.graph.inputs[1] = Port("memory", (5, 4), "float32", "static", value=memory)
    keys = case.builder.add1(ops.Transpose((-1, -2)), [memory])
    weights = case.builder.add1(ops.Softmax(-1), [case.builder.add1(ops.Matmul(), [x, keys])])
    return case.done(case.builder.add1(ops.Matmul(), [weights, memory]))


SHAPES = [
    *(matrices(m, k, n, "ss") for m, k, n in [(1, 1, 1), (1, 5, 37), (4, 3, 5), (5, 16, 17), (9, 2, 33)]),
    matrices(5, 4, 18, "ss", (3,)), matrices(6, 3, 17, "cs", (2,)), matrices(6, 3, 17, "sc", (2,)),
    *(many_rows(r, i, o) for r, i, o in [(2, 3, 4), (4, 5, 17), (5, 16, 16), (9, 7, 33), (13, 1, 1)]),
    softmax_of_rows(3, 17), softmax_of_rows(5, 1), softmax_of_rows(1, 33),
    broadcast((3, 1, 17), (1, 5, 17)), broadcast((3, 5, 1), (3, 1, 19)), broadcast((1, 1), (2, 3)),
    broadcast((2, 3, 4, 5), (2, 1, 4, 1)), moved(4, 3), moved(5, 1, 3), moved(2, 3, 4, 5), moved(17, 33),
    constants_and_aliases(), integers(), static_input(),
]  # fmt: skip


@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_shapes_agree_with_the_reference(case: Case, tmp_path: Path) -> None:
    expected, final = reference_run(case)
    engine = open_engine(case.graph, "numba", tmp_path)
    for frames, wanted in zip(case.frames, expected, strict=True):
        for want, have in zip(wanted, engine.run(*frames), strict=True):
            assert have.dtype == want.dtype
            np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)
    for want, have in zip(final, engine.get_states(), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)


def held(case: CaseBuilder, values: np.ndarray) -> str:
    """A state that keeps ``values``, which a frame may not hold."""
    state = case.state(*values.shape)
    case.graph.states[-1] = replace(case.graph.states[-1], initial=values.astype(np.float32))
    case.carry(state, state)
    return state


def unary_values(function: str, values: list[float], folder: Path, *parameters: float) -> np.ndarray:
    """What the engine gives for values that a frame may not hold."""
    case = CaseBuilder(f"values_of_{function}")
    x = held(case, np.array(values, np.float32))
    y = case.builder.add1(ops.Unary(function, parameters), [x])
    return open_engine(case.done(y, case.input(1)).graph, "numba", folder).run(np.zeros(1, np.float32))[0]


@pytest.mark.parametrize(
    ("function", "values", "results"),
    [
        ("sigmoid", [-np.inf, -200, 200, np.inf], [0, 0, 1, 1]),
        ("tanh", [-np.inf, -200, 200, np.inf, 1e-20], [-1, -1, 1, 1, 1e-20]),
        ("exp", [-np.inf, -200, -100, 88.5, 89, np.inf], [0, 0, 3.78e-44, 2.7231e38, np.inf, np.inf]),
        ("log", [0, 1e-42, 1, np.inf], [-np.inf, -96.7095, 0, np.inf]),
        ("softplus", [-np.inf, -200, np.inf], [0, 0, np.inf]),
        ("erf", [-np.inf, -9, 9, np.inf], [-1, -1, 1, 1]),
        ("relu", [-np.inf, np.inf], [0, np.inf]),
        ("reciprocal", [0, np.inf], [np.inf, 0]),
    ],
)
def test_ends_of_the_range(function: str, values: list[float], results: list[float], tmp_path: Path) -> None:
    parameters = (1.0, 20.0) if function == "softplus" else ()
    found = unary_values(function, values, tmp_path, *parameters)
    np.testing.assert_allclose(found, results, rtol=2e-3, atol=1e-37)


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "exp", "log", "relu", "abs", "sqrt", "silu", "erf", "sin"])
def test_nan_stays_nan(function: str, tmp_path: Path) -> None:
    found = unary_values(function, [np.nan, 1.0], tmp_path)
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "exp", "log", "erf"])
def test_relative_error_is_a_few_units_in_the_last_place(function: str, tmp_path: Path) -> None:
    values = np.geomspace(1e-6, 80, 2000).astype(np.float32)
    if function != "log":
        values = np.concatenate([-values, values])
    found = unary_values(function, list(values), tmp_path)
    exact = ops.Unary(function).reference(values.astype(np.float64))[0]
    normal = np.abs(exact) > 1e-37
    assert np.abs(found / np.where(normal, exact, 1) - 1)[normal].max() < 1e-6


@pytest.mark.parametrize("function", ["max", "min"])
def test_reductions_keep_nan(function: str, tmp_path: Path) -> None:
    case = CaseBuilder("nan_in_rows")
    rows = np.zeros((3, 37), np.float32)
    rows[0, 0] = rows[1, 20] = np.nan
    y = case.builder.add1(ops.Reduce(function, (-1,)), [held(case, rows)])
    found = open_engine(case.done(y, case.input(1)).graph, "numba", tmp_path).run(np.zeros(1, np.float32))[0]
    np.testing.assert_array_equal(np.isnan(found), [True, True, False])


def test_a_refused_frame_changes_nothing(tmp_path: Path) -> None:
    session = session_of(random_stack(3), tmp_path)
    frame = np.ones(session.inputs[0].shape, np.float32)
    session.step(frame)
    before = session.snapshot()
    for bad in (np.nan, np.inf, -np.inf):
        broken = frame.copy()
        broken[-1] = bad
        with pytest.raises(FrameError, match="not finite"):
            session.step(broken)
    assert session.snapshot() == before


def test_an_index_out_of_range_is_refused(tmp_path: Path) -> None:
    case = CaseBuilder("lookup")
    session = session_of(
        case.done(case.builder.add1(ops.Embedding(), [case.tokens(4, 1), case.weight(4, 3)])), tmp_path
    )
    for bad in (-1, 4, 2**31 - 1):
        with pytest.raises(FrameError, match=r"not in 0\.\.3"):
            session.step(np.array([bad], np.int32))


def test_a_computed_index_out_of_range_is_refused(tmp_path: Path) -> None:
    case = CaseBuilder("computed_lookup")
    x, counter = case.tokens(4, 1), case.state(1)
    index = case.builder.add1(ops.Binary("mul"), [x, x])
    case.carry(counter, counter)
    session = session_of(case.done(case.builder.add1(ops.Embedding(), [index, case.weight(4, 3)])), tmp_path)
    session.step(np.array([1], np.int32))
    with pytest.raises(FrameError, match="outside its table"):
        session.step(np.array([3], np.int32))


@pytest.mark.parametrize("frame", [np.zeros(4), np.zeros(5, np.float32), np.zeros((8,), np.float32)[::2]])
def test_run_refuses_other_layouts(frame: np.ndarray, tmp_path: Path) -> None:
    case = CaseBuilder("layout")
    engine = open_engine(case.done(case.builder.add1(ops.Unary("relu"), [case.input(4)])).graph, "numba", tmp_path)
    with pytest.raises(FrameError, match="C-contiguous float32"):
        engine.run(frame)


def test_what_cannot_run_is_named() -> None:
    def opened(op: object, *types: tuple[str, tuple[int, ...]]) -> None:
        graph = Graph("refused")
        builder = Builder(graph)
        for k, (dtype, shape) in enumerate(types):
            name = builder.value(f"x{k}", ValueType(dtype, shape, StreamInfo()))
            graph.inputs.append(Port(name, shape, dtype, value=name))
        y = builder.add1(op, [p.value for p in graph.inputs], "head")
        graph.outputs.append(Port("y", graph.values[y].shape, graph.values[y].dtype, value=y))
        NumbaEngine(interface_of(graph), graph)

    with pytest.raises(UnsupportedOpError, match="'last'"):
        opened(ops.Last(), ("float32", (3,)))
    with pytest.raises(ValueError, match="weights must be constants"):
        opened(ops.Linear(), ("float32", (3,)), ("float32", (2, 3)), ("float32", (2,)))
    with pytest.raises(UnsupportedOpError, match="no kernel for int32"):
        opened(ops.Unary("tanh"), ("int32", (3,)))
    with pytest.raises(UnsupportedOpError, match="float32 operands expected, found int16"):
        opened(ops.Softmax(-1), ("int16", (3,)))


def interface_of(graph: Graph) -> Interface:
    return Interface.of(graph, "0" * 64)


def test_results_and_states_are_copies(tmp_path: Path) -> None:
    session = session_of(random_stack(5), tmp_path)
    frame = np.ones(session.inputs[0].shape, np.float32)
    first = session.step(frame)
    kept, states = first.copy(), session.get_states()
    saved = {name: state.copy() for name, state in states.items()}
    session.step(frame)
    np.testing.assert_array_equal(first, kept)
    for name, state in states.items():
        np.testing.assert_array_equal(state, saved[name])


def test_a_step_kept_beyond_its_session_still_has_its_memory(tmp_path: Path) -> None:
    session = session_of(random_stack(1), tmp_path)
    frame = np.ones(session.inputs[0].shape, np.float32)
    expected = session.step(frame)
    session.reset()
    step = session.step
    session.close()
    del session
    gc.collect()
    ballast = [np.full(1 << 16, 7.0) for _ in range(16)]
    np.testing.assert_array_equal(step(frame), expected)
    del ballast


def test_sessions_are_independent(tmp_path: Path) -> None:
    case = random_stack(2)
    a, b = session_of(case, tmp_path), session_of(case, tmp_path)
    frame = np.ones(a.inputs[0].shape, np.float32)
    first = a.step(frame)
    a.step(frame)
    np.testing.assert_array_equal(b.step(frame), first)


def test_nothing_grows_over_a_hundred_thousand_steps(tmp_path: Path) -> None:
    session = session_of(random_stack(4), tmp_path)
    frame = np.ones(session.inputs[0].shape, np.float32)
    for _ in range(1000):
        session.step(frame)
    gc.collect()
    blocks, peak_kb = sys.getallocatedblocks(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    references = sys.getrefcount(None), sys.getrefcount(frame)
    for _ in range(100_000):
        session.step(frame)
    gc.collect()
    assert abs(sys.getallocatedblocks() - blocks) < 50
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb < 1024
    assert sys.getrefcount(frame) == references[1]
    assert abs(sys.getrefcount(None) - references[0]) < 50


def test_a_program_without_room_is_refused() -> None:
    graph = Graph("huge")
    builder = Builder(graph)
    x = builder.value("x", ValueType("float32", (1,), StreamInfo()))
    graph.inputs.append(Port("x", (1,), "float32", value=x))
    for _ in range(64):
        y = builder.add1(ops.Expand((1 << 28,)), [x])
    graph.outputs.append(Port("y", (1 << 28,), "float32", value=y))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (32 << 30, limits[1]))
    try:
        with pytest.raises(EngineError, match="memory"):
            NumbaEngine(interface_of(graph), graph)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_module.missing() is None
    monkeypatch.setattr(engine_module.importlib.util, "find_spec", lambda name: None)
    missing = engine_module.missing()
    assert missing is not None
    assert missing.extra == "numba"
    assert "pip install 'edgernn[numba]'" in str(missing)


def test_state_before_and_initial_values(tmp_path: Path) -> None:
    """Initial values that are not zero hold before the first step and after a reset."""
    case = random_stack(6)
    session = session_of(case, tmp_path)
    for state in case.graph.states:
        assert isinstance(state, State)
        np.testing.assert_array_equal(session.get_states()[state.name], state.initial)
    session.step(np.ones(session.inputs[0].shape, np.float32))
    session.reset()
    for state in case.graph.states:
        np.testing.assert_array_equal(session.get_states()[state.name], state.initial)
