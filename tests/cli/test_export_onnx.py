"""``edgernn export model.onnx``."""

from pathlib import Path

import onnx
import pytest

import edgernn
from tests.capture.onnx.support import layer, node, of_frames, random_frames
from tests.cli.support import cli


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a GRU whose states are not to be seen."""
    monkeypatch.chdir(tmp_path)
    proto = layer("GRU", linear_before_reset=1)
    del proto.graph.output[1:]
    onnx.save(proto, tmp_path / "events.onnx")
    return tmp_path


def test_a_file_is_converted_and_validated(here: Path) -> None:
    done = cli("export", "events.onnx", "--format", "ern,onnx", "-o", "out", "--json", "--drift-steps", "300")
    assert done.code == 0, done.err
    report = done.json
    assert report["passed"] and [i["name"] for i in report["inputs"]] == ["x"]
    with edgernn.load(here / "out/events.onnx") as session:
        assert session.step(random_frames(1, 5)[0]).shape == (7,)
    done = cli("validate", "out/events.ern", "--reference", "events.onnx", "--drift-steps", "0", "--quiet")
    assert done.code == 0, done.err


def test_integers_from_a_file(here: Path) -> None:
    import numpy as np

    np.save(here / "frames.npy", random_frames(60, 5))
    done = cli("export", "events.onnx", "--quant", "int16x8", "--calibration", "frames.npy", "--format", "ern",
                   "--drift-steps", "0", "--quiet")  # fmt: skip
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.onnx"], 2, "no such file"),
        (["events.onnx", "--weights", "w.pt"], 2, "no such file"),
        (["events.onnx", "--arg", "a=1"], 2, "--arg is for PyTorch models"),
        (["events.onnx", "--input", "z:1,T,3"], 2, "has no input 'z'"),
        (["future.onnx"], 3, "future.onnx:2 in n_y"),
    ],
)
def test_errors(here: Path, arguments: list[str], code: int, message: str) -> None:
    onnx.save(of_frames([node("ReduceMax", "x", "m", axes=[1]), node("Sub", "x m", "y")]), here / "future.onnx")
    done = cli("export", *arguments, "-o", "out")
    assert done.code == code, done.err
    assert message in done.err
    assert not (here / "out").exists() or not any((here / "out").iterdir())
