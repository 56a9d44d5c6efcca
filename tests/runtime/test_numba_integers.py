"""Integer models on the numba engine: long runs, real frames, refusals, the choice of an engine."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from edgernn import ops, runtime
from edgernn.errors import FrameError, UnsupportedOpError
from edgernn.export.ern import write
from edgernn.ir.graph import Graph
from edgernn.ops.evaluate import run_block
from edgernn.quant import quantize
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.quantized import quantize as quantize_frame
from tests.ops.cases.base import CaseBuilder

STEPS = 100_000
INPUTS = 3


def float_model(kind: str, hidden: int = 9, inputs: int = INPUTS) -> Graph:
    """One recurrent layer and a linear one, with random weights."""
    case = CaseBuilder(f"integers_{kind}_{hidden}")
    x, h = case.input(inputs), case.state(hidden)
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    weights = [case.weight(gates * hidden, inputs), case.weight(gates * hidden, hidden)]
    biases = [case.weight(gates * hidden) for _ in range(2 if kind == "gru" else 1)]
    if kind == "lstm":
        c = case.state(hidden)
        y, c_next = case.builder.add(ops.Lstm(hidden), [x, h, c, *weights, *biases])
        case.carry(c, c_next)
    else:
        op = ops.Gru(hidden) if kind == "gru" else ops.Rnn(hidden, "tanh")
        y = case.builder.add1(op, [x, h, *weights, *biases])
    case.carry(h, y)
    head = [case.weight(5, hidden), case.weight(5)]
    return case.done(case.builder.add1(ops.Linear(), [y, *head])).graph


def integer_model(kind: str, scheme: str = "int16x8", **sizes: int) -> Graph:
    graph = float_model(kind, **sizes)
    rng = np.random.default_rng(7)
    block = rng.standard_normal((300, *graph.inputs[0].shape)).astype(np.float32)
    return quantize(graph, [{graph.inputs[0].name: block}], scheme).graph


def load(graph: Graph, folder: Path, engine: str = "numba", raw: bool = False) -> runtime.Session:
    path = folder / "model.ern"
    write(graph, path)
    return runtime.load(path, engine, raw=raw)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_hundred_thousand_steps_equal_the_reference(kind: str, tmp_path: Path) -> None:
    graph = integer_model(kind)
    frames = np.random.default_rng(1).integers(-32768, 32768, (STEPS, INPUTS)).astype(np.int16)
    session = load(graph, tmp_path, raw=True)
    found, step = hashlib.sha256(), session.step
    for frame in frames:
        found.update(step(frame).tobytes())
    expected = run_block(graph, {graph.inputs[0].name: frames})[graph.outputs[0].name]
    assert expected.dtype == np.int16
    assert found.hexdigest() == hashlib.sha256(expected.tobytes()).hexdigest()


@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (16, 31), (33, 32), (64, 47)])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("scheme", ["int16x8"])
def test_quantized_models_of_many_sizes(kind: str, scheme: str, inputs: int, hidden: int, tmp_path: Path) -> None:
    graph = integer_model(kind, scheme, inputs=inputs, hidden=hidden)
    found, wanted = load(graph, tmp_path), load(graph, tmp_path, "reference")
    for frame in np.random.default_rng(2).standard_normal((20, inputs)).astype(np.float32) * 1.5:
        np.testing.assert_array_equal(found.step(frame), wanted.step(frame))
    assert found.snapshot() == wanted.snapshot()


def real_frames(scale: float, count: int) -> np.ndarray:
    """Normal values, halves of a unit, values that saturate, the ends of float32, zeros of both signs."""
    rng = np.random.default_rng(3)
    special = [0.0, -0.0, 1e-45, 3.4e38, -3.4e38, 40000 * scale, -40000 * scale]
    halves = (rng.integers(-32770, 32770, 200) + 0.5) * scale
    units = rng.integers(-32770, 32770, 200) * scale
    values = np.concatenate([rng.standard_normal(400), special, halves, units, np.nextafter(halves, np.inf)])
    return rng.choice(values, (count, INPUTS)).astype(np.float32)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_real_frames_equal_quantized_ones_bit_for_bit(kind: str, tmp_path: Path) -> None:
    graph = integer_model(kind)
    real, integer = load(graph, tmp_path), load(graph, tmp_path, raw=True)
    (source,), (target,) = real.inputs, real.outputs
    assert source.scale is not None
    for frame in real_frames(source.scale, 2000):
        y = real.step(frame)
        wanted = dequantize(integer.step(quantize_frame(frame, source)), target)
        assert (y.dtype, y.shape) == (np.float32, target.shape)
        assert y.tobytes() == wanted.tobytes()
    assert real.snapshot() == integer.snapshot()


@pytest.mark.parametrize("engine", ["numba", "reference"])
def test_all_kinds_of_frames_go_on_from_the_same_state(engine: str, tmp_path: Path) -> None:
    graph = integer_model("gru")
    session, wanted = load(graph, tmp_path, engine), load(graph, tmp_path, "reference", raw=True)
    (source,), (target,) = session.inputs, session.outputs
    rng = np.random.default_rng(4)
    kinds = [lambda f: f, lambda f: f.astype(np.float64), list, lambda f: quantize_frame(f, source), lambda f: f[::1]]
    kinds += [lambda f: np.repeat(f, 2)[::2], lambda f: {source.name: f}]
    for k in range(70):
        frame = rng.standard_normal(INPUTS).astype(np.float32)
        found = session.step(kinds[k % len(kinds)](frame))
        np.testing.assert_array_equal(found, dequantize(wanted.step(quantize_frame(frame, source)), target))


@pytest.mark.parametrize("raw", [False, True])
def test_a_refused_frame_changes_nothing(raw: bool, tmp_path: Path) -> None:
    session = load(integer_model("lstm"), tmp_path, raw=raw)
    frame = np.ones(INPUTS, np.float32)
    session.step(frame)
    before = session.snapshot()
    for bad in (np.nan, np.inf, -np.inf):
        broken = frame.copy()
        broken[-1] = bad
        with pytest.raises(FrameError, match=r"element \(2,\) is .*not finite"):
            session.step(broken)
    with pytest.raises(FrameError, match="shape"):
        session.step(np.ones(INPUTS + 1, np.float32))
    assert session.snapshot() == before


def test_raw_sessions_give_integers_for_integers_and_for_real_values(tmp_path: Path) -> None:
    graph = integer_model("lstm")
    integer, real = load(graph, tmp_path, raw=True), load(graph, tmp_path, raw=True)
    frame = np.array([0.3, -0.2, 0.9], np.float32)
    a, b = integer.step(quantize_frame(frame, integer.inputs[0])), real.step(frame)
    assert a.dtype == b.dtype == np.int16
    np.testing.assert_array_equal(a, b)


def test_indices_and_real_results(tmp_path: Path) -> None:
    case = CaseBuilder("tokens")
    y = case.builder.add1(ops.Embedding(), [case.tokens(6, 1), case.weight(6, 4)])
    graph = case.done(y).graph
    block = np.arange(6, dtype=np.int32)[:, None]
    integers = quantize(graph, [{graph.inputs[0].name: block}]).graph
    found, wanted = load(integers, tmp_path), load(integers, tmp_path, "reference")
    for frame in block:
        assert found.step(frame).dtype == np.float32
        np.testing.assert_array_equal(found.step(frame), wanted.step(frame))
    for session in (found, wanted):
        with pytest.raises(FrameError, match=r"not in 0\.\.5"):
            session.step(np.array([6], np.int32))


def lacking() -> Graph:
    """A graph with an op that the numba engine does not have."""
    case = CaseBuilder("lacking")
    return case.done(case.builder.add1(ops.Last(), [case.input(4)])).graph


def test_auto_goes_on_to_an_engine_that_has_all_ops(tmp_path: Path) -> None:
    path = tmp_path / "model.ern"
    write(integer_model("gru"), path)
    assert runtime.load(path).engine == "numba"
    write(lacking(), path)
    session = runtime.load(path)
    assert session.engine == "reference"
    np.testing.assert_array_equal(session.step(np.arange(4, dtype=np.float32)), np.arange(4))


def test_an_engine_that_is_named_says_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "model.ern"
    write(lacking(), path)
    with pytest.raises(UnsupportedOpError, match="last"):
        runtime.load(path, "numba")
