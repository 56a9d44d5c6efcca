"""Whatever the bytes, a reader gives frames or raises UsageError."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgernn.errors import UsageError
from edgernn.ir.interface import Interface
from edgernn.runtime.frames import coerce_frame
from edgernn.runtime.io import open_source
from tests.runtime.io.support import floats, integers, interface, wav

MODELS = [interface(floats(3)), interface(integers()), interface(floats(2, 2), integers(name="b"))]
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def consume(spec: str, model: Interface, stdin: bytes = b"") -> int:
    """Frames read before the end or a UsageError. Every frame is converted as a session does."""
    count = 0
    stream = io.BufferedReader(io.BytesIO(stdin))  # type: ignore[type-var]
    with contextlib.suppress(UsageError), open_source([spec], model, stdin=stream) as source:
        for frames in source:
            for frame, port in zip(frames, model.inputs, strict=True):
                coerce_frame(frame, port)
            count += 1
            if count == 1000:
                break
    return count


def mutated(whole: bytes) -> st.SearchStrategy[bytes]:
    """The file cut off, with bytes replaced, or with bytes inserted."""
    places = st.integers(0, len(whole))

    def replaced(at: int, new: bytes, dropped: int) -> bytes:
        return whole[:at] + new + whole[at + dropped :]

    return st.one_of(
        places.map(lambda n: whole[:n]),
        st.builds(replaced, places, st.binary(max_size=8), st.integers(0, 8)),
    )


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


TEXT = st.text(alphabet='0123456789.,;-+eE \t\n[]{}"x:naif#', max_size=80).map(str.encode)


@pytest.mark.parametrize("model", MODELS, ids=["floats", "tokens", "two"])
@QUIET
@given(data=st.one_of(TEXT, st.binary(max_size=100), mutated(b'{"x": [1, 2, 3, 4], "b": 3}\n{"x": 1}\n')))
def test_standard_input(model: Interface, data: bytes) -> None:
    consume("-", model, data)


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@QUIET
@given(data=st.one_of(TEXT, mutated(b"1,2,3\n4,5,6\n"), mutated(b"[1,2,3]\n[4,5,6]\n")))
def test_text_files(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / f"x.{name}"
    path.write_bytes(data)
    for model in MODELS:
        consume(str(path), model)


@QUIET
@given(data=st.one_of(mutated(npy(np.ones((4, 3), np.float32))), mutated(npy(np.arange(9)))))
def test_npy_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(data)
    for model in MODELS[:2]:
        consume(str(path), model)


@QUIET
@given(
    data=st.one_of(
        mutated(wav(bytes(range(48)))),
        mutated(wav(bytes(range(48)), bits=24, channels=2, extensible=True)),
        mutated(wav(bytes(range(48)), bits=32, tag=3)),
    )
)
def test_wav_files_and_pipes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    for spec in (str(path), "-"):
        consume(spec, MODELS[0], data)


@QUIET
@given(array=st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=30), extra=st.integers(0, 2))
def test_what_numpy_wrote_is_read(tmp_path: Path, array: list[float], extra: int) -> None:
    whole = np.array(array[: len(array) // 3 * 3], np.float32).reshape(-1, 3)
    path = tmp_path / "x.npy"
    np.save(path, np.asfortranarray(whole) if extra == 1 else whole.astype(">f8") if extra == 2 else whole)
    assert consume(str(path), MODELS[0]) == len(whole)
