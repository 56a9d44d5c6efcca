"""The native engine: calls, refusals, memory and snapshots."""

import ctypes
import dataclasses
import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn.errors import FrameError, UsageError
from edgernn.export import ern
from edgernn.export.c import write_shared_library
from edgernn.runtime.engines import native, native_call
from edgernn.runtime.engines.native import NativeEngine
from edgernn.runtime.session import Session
from edgernn.runtime.snapshot import pack_snapshot
from tests.export.c_support import merged
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case
from tests.ops.test_engines import reference_run

CASES = {case.name: case for case in all_cases()}


@pytest.fixture(scope="module")
def gru(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("native") / "gru.so"
    write_shared_library(CASES["gru_5_3"].graph, path)
    return path


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two float inputs, one of tokens, three outputs, and states."""
    path = tmp_path_factory.mktemp("native") / "wide.so"
    write_shared_library(wide_case().graph, path)
    return path


def wide_case() -> Case:
    return merged([CASES["lstm_3_4_0"], CASES["embedding_(3,)"], CASES["swap"]])


def through_ctypes(path: Path, monkeypatch: pytest.MonkeyPatch) -> NativeEngine:
    with monkeypatch.context() as patch:
        patch.setattr(native_call, "MAX_INPUTS", -1)
        return native.open(path)


@pytest.fixture(params=["python", "ctypes"])
def call(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Opens a library so that its step is called one way or the other."""
    if request.param == "python":
        if sys.implementation.name != "cpython" or sys.version_info < (3, 11):
            pytest.skip("native: no stable buffer interface before CPython 3.11")
        return native.open
    return lambda path: through_ctypes(path, monkeypatch)


def test_calls_are_builtin_functions_here(gru: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
    assert (type(native.open(gru).single()) is type(len)) == fast
    assert type(through_ctypes(gru, monkeypatch).single()) is not type(len)


def test_both_ways_of_calling_give_the_reference(call, wide: Path) -> None:  # type: ignore[no-untyped-def]
    case, engine = wide_case(), call(wide)
    for want, frames in zip(reference_run(case)[0], case.frames, strict=True):
        found = engine.run(*frames)
        assert isinstance(found, tuple)
        for w, f in zip(want, found, strict=True):
            assert (f.dtype, f.shape) == (w.dtype, w.shape)
            np.testing.assert_allclose(f, w, atol=1e-5)


def test_results_are_new_arrays(call, gru: Path) -> None:  # type: ignore[no-untyped-def]
    step = call(gru).single()
    first = step(np.ones(5, np.float32))
    kept = first.copy()
    second = step(np.ones(5, np.float32))
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, second)
    assert first.flags.owndata
    assert first.flags.writeable


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_change_nothing(call, gru: Path, bad: float) -> None:  # type: ignore[no-untyped-def]
    engine = call(gru)
    engine.single()(np.ones(5, np.float32))
    before = engine.get_states()
    frame = np.ones(5, np.float32)
    frame[4] = bad
    with pytest.raises(FrameError, match=r"element \(4,\) is .*the state is unchanged"):
        engine.single()(frame)
    with pytest.raises(FrameError, match=r"element \(4,\)"):
        engine.run(frame)
    np.testing.assert_array_equal(engine.get_states()[0], before[0])


@pytest.mark.parametrize("bad", [-1, 11, 2**31 - 1, -(2**31)])
def test_indices_out_of_range_change_nothing(call, wide: Path, bad: int) -> None:  # type: ignore[no-untyped-def]
    engine, frames = call(wide), list(wide_case().frames[0])
    engine.run(*frames)
    before = engine.get_states()
    frames[1] = np.int32([0, bad, 1])
    with pytest.raises(FrameError, match=f"element \\(1,\\) is {bad}, not in 0..10; the state is unchanged"):
        engine.run(*frames)
    for old, new in zip(before, engine.get_states(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="native: the calls are not built-in functions")
def test_the_library_itself_checks_sizes_and_types(gru: Path, wide: Path) -> None:
    """A session has checked the frame before; the function that reads memory checks again."""
    engine = native.open(gru)
    for run in (engine.single(), engine.run):
        with pytest.raises(FrameError, match=r"a frame has shape \(5,\), found \(4,\)"):
            run(np.ones(4, np.float32))
        with pytest.raises(FrameError):
            run(np.ones(5, np.float64))
        with pytest.raises(TypeError):
            run("text")  # type: ignore[arg-type]
        with pytest.raises((BufferError, ValueError)):
            run(np.ones(10, np.float32)[::2])
    with pytest.raises(FrameError):
        engine.run(np.ones(5, np.float32), np.ones(5, np.float32))
    with pytest.raises(FrameError):
        native.open(wide).single()(np.ones(3, np.float32))
    assert np.isfinite(engine.single()(np.ones(5, np.float32))).all()


def test_frames_need_no_alignment(call, gru: Path) -> None:  # type: ignore[no-untyped-def]
    values = np.random.default_rng(0).standard_normal(5).astype(np.float32)
    odd = np.frombuffer(b"\0" + values.tobytes(), np.uint8)[1:].view(np.float32)
    assert not odd.flags.aligned
    np.testing.assert_array_equal(call(gru).single()(odd), call(gru).single()(values))
    np.testing.assert_array_equal(call(gru).run(odd)[0], call(gru).run(values)[0])


def test_sessions_of_one_file_are_independent(gru: Path) -> None:
    first, second = edgernn.load(gru), edgernn.load(gru)
    x = np.ones(5, np.float32)
    start = first.step(x)
    first.step(x)
    np.testing.assert_array_equal(second.step(x), start)


def test_session_goes_on_after_a_refusal_and_after_reset(gru: Path) -> None:
    session = edgernn.load(gru, engine="native")
    assert session.engine == "native"
    x = np.ones(5, np.float32)
    first = session.step(x)
    with pytest.raises(FrameError):
        session.step(x * np.nan)
    second = session.step(x)
    session.reset()
    np.testing.assert_array_equal(session.step(x), first)
    np.testing.assert_array_equal(session.step(x), second)


def test_function_outlives_engine_and_session(gru: Path) -> None:
    session = edgernn.load(gru)
    step, x = session.step, np.ones(5, np.float32)
    want = [step(x).copy() for _ in range(3)]
    session.reset()
    del session
    gc.collect()
    for w in want:
        np.testing.assert_array_equal(step(x), w)


def test_engines_are_freed(gru: Path) -> None:
    engine = native.open(gru)
    engine.single()(np.ones(5, np.float32))
    memory = weakref.ref(engine._caller.outputs[0])
    del engine
    gc.collect()
    assert memory() is None


def test_steps_allocate_nothing_that_stays(gru: Path) -> None:
    step, x = edgernn.load(gru).step, np.ones(5, np.float32)
    bad = x * np.nan
    step(x)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(2000):
        step(x)
        with pytest.raises(FrameError):
            step(bad)
    gc.collect()
    assert sys.getallocatedblocks() - before < 500


@pytest.mark.parametrize("name", ["stacked_gru_lstm", "swap", "linear_3_4"])
def test_snapshots_of_c_and_python_are_the_same_bytes(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    write_shared_library(case.graph, tmp_path / "model.so")
    engine = native.open(tmp_path / "model.so")
    table, address = engine._caller.table, engine._caller.model_address
    for frames in case.frames:
        engine.run(*frames)
    blob = ctypes.create_string_buffer(table.snapshot_bytes)
    table.snapshot(address, blob)
    assert blob.raw == pack_snapshot(engine.interface, engine.get_states())
    kept = engine.get_states()
    table.reset(address)
    assert table.restore(address, blob, table.snapshot_bytes) == 0
    for old, new in zip(kept, engine.get_states(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_c_refuses_every_damaged_snapshot(gru: Path) -> None:
    engine = native.open(gru)
    table, address = engine._caller.table, engine._caller.model_address
    good = pack_snapshot(engine.interface, engine.get_states())
    before = engine.get_states()[0]
    damaged = [good[:k] for k in range(len(good))] + [good + b"\0"]
    for position in range(len(good)):
        flipped = bytearray(good)
        flipped[position] ^= 1 << (position % 8)
        damaged.append(bytes(flipped))
    for blob in damaged:
        assert table.restore(address, blob, len(blob)) == 3, blob.hex()
    foreign = dataclasses.replace(engine.interface, fingerprint="11" * 32)
    other = pack_snapshot(foreign, engine.get_states())
    assert table.restore(address, other, len(other)) == 4
    infinite = pack_snapshot(engine.interface, [np.full(3, np.inf, np.float32)])
    assert table.restore(address, infinite, len(infinite)) == 3
    np.testing.assert_array_equal(engine.get_states()[0], before)


def test_snapshot_moves_between_engines(gru: Path, tmp_path: Path) -> None:
    ern.write(CASES["gru_5_3"].graph, tmp_path / "gru.ern")
    first, second = edgernn.load(gru), edgernn.load(tmp_path / "gru.ern", engine="reference")
    x = np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)
    for frame in x[:4]:
        first.step(frame)
    second.restore(first.snapshot())
    for frame in x[4:]:
        np.testing.assert_allclose(first.step(frame), second.step(frame), atol=1e-6)


def test_closed_session_says_so(gru: Path) -> None:
    with edgernn.load(gru) as session:
        assert isinstance(session, Session)
        session.step(np.ones(5, np.float32))
    with pytest.raises(UsageError, match="closed"):
        session.step(np.ones(5, np.float32))
