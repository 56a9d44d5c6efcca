"""Finding the engine for a file, and refusing what is no artifact."""

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgernn.errors import ArtifactError, EngineError, MissingExtraError
from edgernn.runtime import load
from edgernn.runtime.engines import ENGINES, ENGINES_OF_SUFFIX
from tests.runtime.sessions import artifact
from tests.support import SUFFIX_OF_ENGINE, require


@pytest.mark.parametrize("engine", ENGINES)
def test_named_engine(engine: str) -> None:
    require(engine)
    with load(artifact("gru", engine), engine) as session:
        assert session.engine == engine and session.path == str(artifact("gru", engine))
    with load(str(artifact("gru", engine)), engine=engine) as session:
        assert session.engine == engine


@pytest.mark.parametrize("suffix", ENGINES_OF_SUFFIX)
def test_auto_takes_the_first_that_is_installed(suffix: str) -> None:
    candidates = ENGINES_OF_SUFFIX[suffix]
    installed = [e for e in candidates if importlib.import_module(ENGINES[e]).missing() is None]
    if not installed:
        pytest.skip(f"{', '.join(candidates)}: not installed")
    with load(artifact("gru", candidates[0])) as session:
        assert session.engine == installed[0]


def test_auto_goes_on_where_an_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = MissingExtraError("numba", "numba", "the numba engine")
    monkeypatch.setattr(importlib.import_module(ENGINES["numba"]), "missing", lambda: missing)
    with load(artifact("gru", "reference")) as session:
        assert session.engine == "reference"
    with pytest.raises(MissingExtraError, match=r"pip install 'edgernn\[numba\]'") as caught:
        load(artifact("gru", "reference"), "numba")
    assert isinstance(caught.value, ImportError) and caught.value.exit_code == 2


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_only_engine_is_missing(suffix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (engine,) = ENGINES_OF_SUFFIX[suffix]
    missing = MissingExtraError(engine, engine, f"the {engine} engine")
    monkeypatch.setattr(importlib.import_module(ENGINES[engine]), "missing", lambda: missing)
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"anything")
    for name in ("auto", engine):
        with pytest.raises(MissingExtraError, match=f"the {engine} engine needs the package"):
            load(path, name)


@pytest.mark.parametrize(
    ("make", "engine", "error", "words"),
    [
        (lambda f: f / "absent.ern", "auto", ArtifactError, "no such file"),
        (lambda f: f, "auto", ArtifactError, "no such file"),
        (lambda f: _file(f / "model.pt"), "auto", ArtifactError, r"unknown suffix '.pt'; artifacts end in .so"),
        (lambda f: _file(f / "model"), "auto", ArtifactError, "unknown suffix ''"),
        (lambda f: _file(f / "model.ern"), "gpu", EngineError, "unknown engine 'gpu'; engines are auto, native"),
        (lambda f: _file(f / "model.ern"), "native", EngineError, r"runs .so files; this .ern file runs on numba"),
        (lambda f: _file(f / "model.onnx"), "tflite", EngineError, "this .onnx file runs on onnxruntime"),
    ],
)  # fmt: skip
def test_refusals(
    make: Callable[[Path], Path], engine: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        load(make(tmp_path), engine)


def _file(path: Path) -> Path:
    path.write_bytes(b"something")
    return path


CONTENTS = {
    "empty": b"",
    "zeros": bytes(100),
    "text": b"hello, this is no artifact\n" * 10,
    "zip": b"PK\x03\x04" + bytes(60),
    "elf header": b"\x7fELF\x02\x01\x01" + bytes(57),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_files_that_are_no_artifacts(engine: str, content: str, tmp_path: Path) -> None:
    require(engine)
    path = tmp_path / f"model{SUFFIX_OF_ENGINE[engine]}"
    path.write_bytes(CONTENTS[content])
    with pytest.raises(ArtifactError) as caught:
        load(path, engine)
    assert str(path) in str(caught.value) and caught.value.exit_code == 2


PAIRS = [(a, b) for a in ENGINES for b in ENGINES if SUFFIX_OF_ENGINE[a] != SUFFIX_OF_ENGINE[b]]


@pytest.mark.parametrize(("engine", "other"), PAIRS)
def test_artifact_of_another_format_under_a_wrong_suffix(engine: str, other: str, tmp_path: Path) -> None:
    require(engine)
    require(other)
    path = tmp_path / f"model{SUFFIX_OF_ENGINE[engine]}"
    shutil.copy(artifact("gru", other), path)
    with pytest.raises(ArtifactError):
        load(path, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_cut_off_artifact(engine: str, tmp_path: Path) -> None:
    require(engine)
    whole = artifact("gru", engine).read_bytes()
    for length in (1, len(whole) // 3, len(whole) - 1):
        path = tmp_path / f"cut_{length}{SUFFIX_OF_ENGINE[engine]}"
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError):
            load(path, engine)
