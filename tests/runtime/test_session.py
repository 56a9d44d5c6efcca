"""What a session takes and gives, whatever the engine: frames of many kinds, inputs by name, refusals, state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import ArtifactError, EngineError, FrameError, SnapshotError, UsageError
from edgernn.runtime import Session
from edgernn.runtime.engines import ENGINES, ENGINES_OF_SUFFIX

SUFFIX = {engine: suffix for suffix, engines in ENGINES_OF_SUFFIX.items() for engine in engines}
every_engine = pytest.mark.parametrize("engine", ENGINES)


class Tokens(nn.Module):
    """One index a frame to one output."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 6)
        self.gru = nn.GRU(6, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(self.embedding(x))[0]


class Two(nn.Module):
    """Two inputs to two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(7, 5, batch_first=True)

    def forward(self, sound: Tensor, motion: Tensor) -> dict[str, Tensor]:
        y, (h, _) = self.lstm(torch.cat([sound, motion], -1))
        return {"label": y, "summary": h[-1]}


class One(nn.Module):
    """One frame of floats to one output."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]


MODELS: dict[str, tuple[type[nn.Module], list[str]]] = {
    "tokens": (Tokens, ["int:1,T"]), "two": (Two, ["1,T,4", "1,T,3"]), "one": (One, ["1,T,4"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model in every format."""
    path = tmp_path_factory.mktemp("artifacts")
    torch.manual_seed(0)
    for name, (module, inputs) in MODELS.items():
        model = edgernn.convert(module().eval(), inputs=inputs, name=name)
        for suffix in ENGINES_OF_SUFFIX:
            model.save(path / f"{name}{suffix}")
    return path


def opened(folder: Path, name: str, engine: str) -> Session:
    return edgernn.load(folder / f"{name}{SUFFIX[engine]}", engine)


def same_step(session: Session, frame: Any, other: Any) -> None:
    """Both frames, from the same state, give the same bits."""
    session.reset()
    first = session.step(frame)
    session.reset()
    np.testing.assert_array_equal(first, session.step(other))


@every_engine
@pytest.mark.parametrize(
    "frame",
    [3, np.int64(3), np.int8(3), np.uint32(3), np.array(3), np.array(3, np.int16), np.array([3])[0], np.array([3])],
    ids=lambda frame: f"{type(frame).__name__} {np.asarray(frame).dtype}",
)
def test_an_index_may_be_any_integer(folder: Path, engine: str, frame: Any) -> None:
    with opened(folder, "tokens", engine) as session:
        (port,) = session.inputs
        if np.ndim(frame) and not port.shape:
            with pytest.raises(FrameError, match="shape"):
                session.step(frame)
            return
        same_step(session, frame, np.full(port.shape, 3, np.int32))


@every_engine
@pytest.mark.parametrize("frame", [9, -1, np.int64(9), 2**40, np.array(9), True, 3.0, "3", None, [1, 2]])
def test_an_index_out_of_range_or_of_another_kind_is_refused(folder: Path, engine: str, frame: Any) -> None:
    with opened(folder, "tokens", engine) as session:
        before = session.snapshot()
        with pytest.raises(FrameError, match="input 'x'"):
            session.step(frame)
        assert session.snapshot() == before


@every_engine
def test_a_stream_of_indices_is_that_of_pytorch(folder: Path, engine: str) -> None:
    torch.manual_seed(0)
    module, tokens = Tokens().eval(), np.random.default_rng(0).integers(0, 9, 40)
    with torch.no_grad():
        expected = module(torch.from_numpy(tokens)[None])[0].numpy()
    with opened(folder, "tokens", engine) as session:
        np.testing.assert_allclose(np.stack(list(session.stream(tokens))), expected, atol=1e-6)


FRAME = np.array([0.5, -1.0, 2.0, 0.25], np.float32)


@every_engine
@pytest.mark.parametrize(
    "frame",
    [FRAME.tolist(), tuple(FRAME), FRAME.astype(np.float64), FRAME.astype(np.float16), np.repeat(FRAME, 2)[::2]],
    ids=["list", "tuple", "float64", "float16", "strided"],
)
def test_a_frame_may_be_anything_that_numpy_takes(folder: Path, engine: str, frame: Any) -> None:
    with opened(folder, "one", engine) as session:
        same_step(session, frame, FRAME)


@every_engine
@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAME[:3], "shape"),
        (FRAME[None], "use session.stream"),
        (FRAME.reshape(2, 2), "reshape"),
        (np.where(FRAME == 2, np.nan, FRAME), "nan"),
        (np.where(FRAME == 2, -np.inf, FRAME), "inf"),
        (FRAME.astype(np.float64) * 1e300, "not finite"),
        (FRAME + 1j, "numbers"),
        (["a", "b", "c", "d"], "numbers"),
        ([[1.0], [2.0, 3.0]], "not an array"),
        (None, "shape"),
    ],
    ids=["short", "sequence", "square", "nan", "infinity", "too large", "complex", "text", "ragged", "none"],
)
def test_other_frames_are_refused_and_the_state_stays(folder: Path, engine: str, frame: Any, words: str) -> None:
    with opened(folder, "one", engine) as session:
        session.step(FRAME)
        before = session.snapshot()
        with pytest.raises(FrameError, match=words):
            session.step(frame)
        assert session.snapshot() == before


@every_engine
def test_inputs_in_order_by_name_and_in_a_dict_are_the_same(folder: Path, engine: str) -> None:
    rng = np.random.default_rng(0)
    sound, motion = rng.normal(size=4).astype(np.float32), rng.normal(size=3).astype(np.float32)
    with opened(folder, "two", engine) as session:
        results: list[Any] = []
        for arguments, named in (
            ((sound, motion), {}),
            ((sound.tolist(), motion), {}),
            ((sound,), {"motion": motion}),
            ((), {"motion": motion, "sound": sound}),
            (({"motion": motion, "sound": sound},), {}),
        ):
            session.reset()
            results.append(session.step(*arguments, **named))
    for result in results:
        assert list(result) == ["label", "summary"]
        np.testing.assert_array_equal(result["label"], results[0]["label"])
        np.testing.assert_array_equal(result["summary"], results[0]["summary"])


@every_engine
@pytest.mark.parametrize(
    ("arguments", "named"),
    [((), {}), ((FRAME,), {}), ((FRAME, FRAME[:3], FRAME), {}), (({"sound": FRAME},), {}), ((), {"other": FRAME}),
     ((FRAME,), {"sound": FRAME}), ((FRAME, np.full(3, np.nan)), {}), ((FRAME, FRAME), {})],
)  # fmt: skip
def test_wrong_inputs_are_refused_and_the_state_stays(
    folder: Path, engine: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with opened(folder, "two", engine) as session:
        session.step(FRAME, FRAME[:3])
        before = session.snapshot()
        with pytest.raises(FrameError):
            session.step(*arguments, **named)
        assert session.snapshot() == before
        session.step(FRAME, FRAME[:3])


@every_engine
def test_results_are_new_arrays(folder: Path, engine: str) -> None:
    with opened(folder, "one", engine) as session:
        first: Any = session.step(FRAME)
        kept = first.copy()
        session.step(FRAME)
        np.testing.assert_array_equal(first, kept)
        first[:] = np.nan
        assert np.isfinite(session.step(FRAME)).all()


@every_engine
def test_a_snapshot_moves_to_every_other_engine(folder: Path, engine: str) -> None:
    rng = np.random.default_rng(1)
    frames = rng.normal(size=(20, 4)).astype(np.float32)
    with opened(folder, "one", engine) as session:
        for frame in frames[:10]:
            session.step(frame)
        blob = session.snapshot()
        rest = np.stack(list(session.stream(frames[10:])))
    for other in ENGINES:
        with opened(folder, "one", other) as continued:
            continued.restore(blob)
            np.testing.assert_allclose(np.stack(list(continued.stream(frames[10:]))), rest, atol=1e-6)


@every_engine
@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "magic", "version", "foreign", "nan", "text"])
def test_another_snapshot_is_refused_and_the_state_stays(folder: Path, engine: str, damage: str) -> None:
    with opened(folder, "one", engine) as session, opened(folder, "tokens", engine) as stranger:
        session.step(FRAME)
        blob = session.snapshot()
        flipped = bytearray(blob)
        flipped[-3] ^= 4
        bad: Any = {
            "cut": blob[:-1], "bit": bytes(flipped), "empty": b"", "magic": b"X" + blob[1:], "text": "snapshot",
            "version": blob[:4] + b"\x09" + blob[5:], "foreign": stranger.snapshot(), "nan": with_nan(blob),
        }[damage]  # fmt: skip
        with pytest.raises(SnapshotError):
            session.restore(bad)
        assert session.snapshot() == blob
        session.restore(bytearray(blob))


def with_nan(blob: bytes) -> bytes:
    """The snapshot with NaN in its state, and a CRC that fits."""
    import struct
    import zlib

    head, payload = blob[:28], b"\x00\x00\xc0\x7f" + blob[36:]
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


@every_engine
def test_initial_states_can_be_given(folder: Path, engine: str) -> None:
    with opened(folder, "one", engine) as session:
        (state,) = session.states
        session.reset(**{state.name: np.full(5, 0.5)})
        np.testing.assert_array_equal(session.get_states()[state.name], np.full(5, 0.5, np.float32))
        for name, value in ((state.name, np.zeros(4)), (state.name, np.full(5, np.nan)), ("other", np.zeros(5))):
            with pytest.raises(UsageError):
                session.reset(**{name: value})


@every_engine
def test_a_closed_session_says_so(folder: Path, engine: str) -> None:
    session = opened(folder, "one", engine)
    session.close()
    with pytest.raises(UsageError, match="closed"):
        session.step(FRAME)


def test_files_and_engines_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such file"):
        edgernn.load(tmp_path / "none.ern")
    (tmp_path / "model.pt").touch()
    with pytest.raises(ArtifactError, match="unknown suffix"):
        edgernn.load(tmp_path / "model.pt")
    with pytest.raises(EngineError, match=r"runs .*\.so"):
        edgernn.load(folder / "one.onnx", engine="native")
    with pytest.raises(EngineError, match="unknown engine"):
        edgernn.load(folder / "one.onnx", engine="magic")
