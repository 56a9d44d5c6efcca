"""The onnxruntime engine: files it refuses, errors in a step, buffers and states."""

import gc
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgernn.runtime as runtime
from edgernn import ops
from edgernn.errors import ArtifactError, EngineError, FrameError, MissingExtraError
from edgernn.export.onnx import to_bytes
from edgernn.ir.onnxfile import CHECKSUM_KEY, checksum, parse_onnx
from edgernn.runtime.engines import onnxruntime as engine_module
from edgernn.runtime.engines.reference import ReferenceEngine
from tests.ops.cases.base import Case, CaseBuilder


def gru_tagger() -> Case:
    case = CaseBuilder("gru_tagger")
    x, h = case.input(5), case.state(6)
    weights = [case.weight(18, 5), case.weight(18, 6), case.weight(18), case.weight(18)]
    after = case.builder.add1(ops.Gru(6), [x, h, *weights])
    case.carry(h, after)
    return case.done(case.builder.add1(ops.Linear(), [after, case.weight(3, 6), case.weight(3)]))


def tokens_with_memory() -> Case:
    """An embedding whose indices have no declared range, added up over time."""
    case = CaseBuilder("tokens_with_memory")
    token, total = case.tokens(7, 1), case.state(1, 4)
    port = case.graph.inputs[0]
    case.graph.inputs[0] = type(port)(port.name, port.shape, port.dtype, value=port.value)
    vector = case.builder.add1(ops.Embedding(), [token, case.weight(7, 4)])
    case.carry(total, case.builder.add1(ops.Binary("add"), [total, vector]))
    return case.done(vector)


CASE = gru_tagger()
DATA = to_bytes(CASE.graph)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    file.write_bytes(DATA)
    return file


def sealed(model: onnx.ModelProto) -> bytes:
    """``model`` with a checksum that fits it."""
    kept = [p for p in model.metadata_props if p.key != CHECKSUM_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    body = model.SerializeToString()
    entry = onnx.StringStringEntryProto(key=CHECKSUM_KEY, value=checksum(body))
    return bytes(body + onnx.ModelProto(metadata_props=[entry]).SerializeToString())


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file with changed metadata and a fitting checksum."""
    model = onnx.load_from_string(DATA)
    plain = json.loads(model.metadata_props[0].value)
    change(plain)
    model.metadata_props[0].value = json.dumps(plain)
    return sealed(model)


def test_every_truncation_is_refused() -> None:
    for length in range(len(DATA)):
        with pytest.raises(ArtifactError, match="file: "):
            parse_onnx(DATA[:length], "file")


def test_ten_thousand_damaged_files_are_refused() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10_000):
        damaged = bytearray(DATA)
        for position in rng.integers(0, len(DATA), rng.integers(1, 4)):
            damaged[position] ^= int(rng.integers(1, 256))
        if damaged != DATA:
            with pytest.raises(ArtifactError, match="file: "):
                parse_onnx(bytes(damaged), "file")


def test_damaged_files_are_refused_by_load(path: Path) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        damaged = bytearray(DATA[: rng.integers(1, len(DATA) + 1)])
        damaged[rng.integers(0, len(damaged))] ^= 1
        path.write_bytes(bytes(damaged))
        with pytest.raises(ArtifactError, match=r"model\.onnx: "):
            runtime.load(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ONNX file"),
        (b"GIF89a", "not an ONNX file"),
        (bytes(1000), "not an ONNX file"),
        (bytes(range(256)) * 40, "not an ONNX file"),
        (b'{"format": 1}', "not an ONNX file"),
        (DATA + b"\0", "not an ONNX file"),
        (DATA + DATA, "checksum does not match"),
        (DATA[:-1] + b"!", "checksum does not match"),
    ],
    ids=["empty", "gif", "zeros", "bytes", "json", "byte added", "doubled", "checksum"],
)
def test_what_is_no_artifact(data: bytes, message: str, path: Path) -> None:
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=message):
        runtime.load(path)


def test_foreign_onnx_file(path: Path) -> None:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("x", "y")]
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "foreign", info[:1], info[1:])
    onnx.save(helper.make_model(body), path)
    with pytest.raises(ArtifactError, match=r"an ONNX model, but edgernn did not write it.*edgernn export"):
        runtime.load(path)


def test_file_changed_by_another_tool(path: Path) -> None:
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = bytes(len(model.graph.initializer[0].raw_data))
    onnx.save(model, path)
    with pytest.raises(ArtifactError, match="changed after its export"):
        runtime.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p["inputs"][0].update(shape=[6]), "announces inputs"),
        (lambda p: p["states"][0].update(shape=[4096], initial=None), "announces inputs"),
        (lambda p: p["outputs"][0].update(shape=[2]), "announces outputs"),
        (lambda p: p["inputs"][0].update(dtype="int32"), "announces inputs"),
        (lambda p: p["states"].clear(), "announces inputs"),
        (lambda p: p["outputs"].append(dict(p["outputs"][0], name="more")), "announces outputs"),
        (lambda p: p.update(format=99), "format version 99"),
        (lambda p: p.pop("fingerprint"), "fingerprint"),
    ],
)
def test_metadata_that_disagrees_with_the_model(
    change: Callable[[Any], object], message: str, path: Path
) -> None:
    path.write_bytes(altered(change))
    with pytest.raises(ArtifactError, match=message):
        runtime.load(path)


def test_model_that_onnxruntime_refuses(path: Path) -> None:
    model = onnx.load_from_string(DATA)
    model.opset_import[0].version = 9999
    path.write_bytes(sealed(model))
    with pytest.raises(EngineError, match=r"model\.onnx: onnxruntime [\d.]+ cannot load it: .*9999"):
        runtime.load(path)


def test_missing_package(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'edgernn\[onnxruntime\]'"):
        runtime.load(path)


@pytest.mark.parametrize("way", ["run", "single"])
def test_failing_step_keeps_the_state(way: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    case = tokens_with_memory()
    path = tmp_path / "tokens.onnx"
    path.write_bytes(to_bytes(case.graph))
    engine = engine_module.open(path)
    step = engine.run if way == "run" else engine.single()
    step(np.array([3], np.int32))
    (before,) = engine.get_states()
    with pytest.raises(EngineError, match=r"tokens\.onnx: .* failed in a step; the state is un.*Gather"):
        step(np.array([99], np.int32))
    np.testing.assert_array_equal(engine.get_states()[0], before)
    again = np.asarray(step(np.array([3], np.int32))).reshape(-1)
    np.testing.assert_array_equal(engine.get_states()[0].reshape(-1), before.reshape(-1) + again)
    engine.reset()
    np.testing.assert_array_equal(engine.get_states()[0], case.graph.states[0].initial)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("way", ["run", "single"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_frame_that_is_not_finite_changes_nothing(way: str, value: float, path: Path) -> None:
    engine = engine_module.open(path)
    step = engine.run if way == "run" else engine.single()
    frame = CASE.frames[0][0].copy()
    frame[2] = value
    with pytest.raises(FrameError, match=r"input 'x0': element \(2,\) is .*not finite"):
        step(frame)
    np.testing.assert_array_equal(engine.get_states()[0], CASE.graph.states[0].initial)


def test_finite_frames_with_a_sum_of_squares_beyond_float32_are_taken(path: Path) -> None:
    session = runtime.load(path)
    assert np.isfinite(session.step(np.full(5, 3e38, np.float32))).all()


@pytest.mark.parametrize("shape", [(1,), (3,)])
@pytest.mark.parametrize("token", [-1, 7, 2**31 - 1])
def test_tokens_out_of_range_are_refused(shape: tuple[int, ...], token: int, path: Path) -> None:
    case = CaseBuilder("tokens")
    indices = case.tokens(7, *shape)
    vectors = case.builder.add1(ops.Embedding(), [indices, case.weight(7, 4)])
    path.write_bytes(to_bytes(case.done(vectors).graph))
    session = runtime.load(path)
    frame = np.full(shape, 6, np.int32)
    expected = session.step(frame)
    frame[-1] = token
    with pytest.raises(FrameError, match=r"not in 0\.\.6"):
        session.step(frame)
    np.testing.assert_array_equal(session.step(np.full(shape, 6, np.int32)), expected)


def test_single_steps_equal_the_reference(path: Path) -> None:
    session, case = runtime.load(path), CASE
    reference = ReferenceEngine(session.interface, case.graph)
    assert session.engine == "onnxruntime"
    for (frame,) in case.frames * 20:
        np.testing.assert_allclose(session.step(frame), reference.run(frame)[0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(session.get_states()["s0"], reference.get_states()[0], rtol=0, atol=1e-6)


def test_results_and_states_are_copies(path: Path) -> None:
    session = runtime.load(path)
    frame = CASE.frames[0][0].copy()
    y = session.step(frame)
    first, state = y.copy(), session.get_states()["s0"]
    kept = state.copy()
    frame[:] = 7
    session.step(frame)
    np.testing.assert_array_equal(y, first)
    np.testing.assert_array_equal(state, kept)
    given = kept.copy()
    session.reset(s0=given)
    given[:] = 9
    np.testing.assert_array_equal(session.get_states()["s0"], kept)


@pytest.mark.parametrize("steps", [1, 2])
def test_snapshot_moves_to_another_session_in_either_turn(steps: int, path: Path) -> None:
    first, second = runtime.load(path), runtime.load(path)
    second.step(CASE.frames[5][0])
    for (frame,) in CASE.frames[:steps]:
        first.step(frame)
    second.restore(first.snapshot())
    for (frame,) in CASE.frames:
        np.testing.assert_array_equal(first.step(frame), second.step(frame))


def test_a_bare_step_outlives_its_engine(path: Path) -> None:
    expected = [runtime.load(path).step(CASE.frames[0][0])]
    step = engine_module.open(path).single()
    gc.collect()
    clutter = [np.full(6, 9e9, np.float32) for _ in range(1000)]
    np.testing.assert_array_equal(step(CASE.frames[0][0]), expected[0])
    del clutter


def test_public_and_direct_calls_agree(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = runtime.load(path)
    monkeypatch.setattr(engine_module, "_direct_call", lambda s, each: (s.run_with_iobinding, None, each))
    public = runtime.load(path)
    for (frame,) in CASE.frames:
        np.testing.assert_array_equal(direct.step(frame), public.step(frame))


def test_without_the_extension_object_the_public_call_is_used() -> None:
    class Public:
        def run_with_iobinding(self) -> None: ...

    session, bindings = Public(), [object(), object()]
    assert engine_module._direct_call(session, bindings) == (session.run_with_iobinding, None, bindings)


def test_a_session_starts_no_threads(path: Path) -> None:
    runtime.load(path).step(CASE.frames[0][0])
    before = len(os.listdir("/proc/self/task"))
    sessions = [runtime.load(path) for _ in range(3)]
    for session in sessions:
        session.step(CASE.frames[0][0])
    assert len(os.listdir("/proc/self/task")) == before


def test_close_is_final_and_may_be_repeated(path: Path) -> None:
    engine = engine_module.open(path)
    engine.close()
    engine.close()
    with pytest.raises(EngineError):
        engine.run(CASE.frames[0][0])
