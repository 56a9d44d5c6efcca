"""Integer models on the native engine: long runs, real frames, refusals, memory, both ways to call."""

import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from edgernn import runtime
from edgernn.errors import FrameError
from edgernn.export.c import write, write_shared_library
from edgernn.export.c.program import Program
from edgernn.ir.graph import Graph
from edgernn.ops.evaluate import run_block
from edgernn.runtime.quantized import dequantize
from edgernn.runtime.quantized import quantize as quantize_frame
from tests.runtime.test_numba_integers import INPUTS, STEPS, integer_model, real_frames

KINDS = ["lstm", "gru", "rnn"]


def load(graph: Graph, folder: Path, raw: bool = False) -> runtime.Session:
    path = folder / "model.so"
    write_shared_library(graph, path)
    return runtime.load(path, raw=raw)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_hundred_thousand_steps_equal_the_reference(kind: str, tmp_path: Path) -> None:
    graph = integer_model(kind)
    frames = np.random.default_rng(1).integers(-32768, 32768, (STEPS, INPUTS)).astype(np.int16)
    found, step = hashlib.sha256(), load(graph, tmp_path, raw=True).step
    for frame in frames:
        found.update(step(frame).tobytes())
    expected = run_block(graph, {graph.inputs[0].name: frames})[graph.outputs[0].name]
    assert found.hexdigest() == hashlib.sha256(expected.tobytes()).hexdigest()


def test_a_machine_without_a_compiler_of_its_own_builds_with_zig(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="zig: the package ziglang is not installed")
    graph = integer_model("lstm")
    write_shared_library(graph, tmp_path / "zig.so", cc=f"{sys.executable} -m ziglang cc")
    step = runtime.load(tmp_path / "zig.so", raw=True).step
    frames = np.random.default_rng(2).integers(-32768, 32768, (500, INPUTS)).astype(np.int16)
    expected = run_block(graph, {graph.inputs[0].name: frames})[graph.outputs[0].name]
    assert np.array_equal([step(frame) for frame in frames], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_real_frames_equal_quantized_ones_bit_for_bit(kind: str, tmp_path: Path) -> None:
    real = load(integer_model(kind), tmp_path)
    integer = runtime.load(tmp_path / "model.so", raw=True)
    (source,), (target,) = integer.inputs, integer.outputs
    assert source.scale is not None
    for frame in real_frames(source.scale, 2000):
        y = real.step(frame)
        assert y.dtype == np.float32
        assert y.tobytes() == dequantize(integer.step(quantize_frame(frame, source)), target).tobytes()
    assert real.snapshot() == integer.snapshot()


def test_frames_at_any_address_and_of_any_type_go_on_from_the_same_state(tmp_path: Path) -> None:
    session = load(integer_model("gru"), tmp_path)
    wanted = runtime.load(tmp_path / "model.so", raw=True)
    (source,), (target,) = wanted.inputs, wanted.outputs
    frame = np.random.default_rng(4).standard_normal(INPUTS).astype(np.float32)
    bytes_ = np.zeros(4 * INPUTS + 8, np.uint8)
    shifted = [bytes_[k : k + 4 * INPUTS].view(np.float32) for k in (1, 2, 3)]
    for given in (frame, *shifted, frame.astype(np.float64), list(frame), quantize_frame(frame, source)):
        if isinstance(given, np.ndarray) and not given.flags.aligned:
            given[...] = frame
        expected = dequantize(wanted.step(quantize_frame(frame, source)), target)
        np.testing.assert_array_equal(session.step(given), expected)


def test_a_refused_frame_changes_nothing(tmp_path: Path) -> None:
    session = load(integer_model("lstm"), tmp_path)
    frame = np.ones(INPUTS, np.float32)
    session.step(frame)
    before = session.snapshot()
    for bad in (np.nan, np.inf, -np.inf):
        broken = frame.copy()
        broken[-1] = bad
        with pytest.raises(FrameError, match=r"element \(2,\) is -?(nan|inf), not finite"):
            session.step(broken)
    with pytest.raises(FrameError, match=r"shape \(3,\), found \(2,\)"):
        session.step(frame[:2])
    assert session.snapshot() == before


def test_results_are_new_arrays(tmp_path: Path) -> None:
    session = load(integer_model("rnn"), tmp_path)
    first = session.step(np.ones(INPUTS, np.float32))
    kept = first.copy()
    session.step(np.zeros(INPUTS, np.float32))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(("kind", "gates"), [("lstm", 4), ("gru", 3)])
@pytest.mark.parametrize(("inputs", "hidden"), [(16, 32), (40, 64), (64, 128)])
def test_memory_is_that_of_the_states_and_gates(
    kind: str, gates: int, inputs: int, hidden: int, tmp_path: Path
) -> None:
    """Within 10 % of 2 (states) + 2 (widest layer's gates) bytes."""
    graph = integer_model(kind, inputs=inputs, hidden=hidden)
    states = sum(math.prod(state.shape) for state in graph.states)
    used = 2 * states + Program(graph, 1).plan.scratch_bytes
    assert used <= 1.1 * (2 * states + 2 * gates * hidden)
    write(graph, tmp_path / "model.c")
    assert f"#define MODEL_RAM_BYTES {used}\n" in (tmp_path / "model.h").read_text()
