"""Silero VAD, from its layers and from each of its ONNX files."""

from pathlib import Path

import numpy as np
import pytest

import edgernn
from benchmarks.third_party.model import largest_error, load, originals, stream
from benchmarks.third_party.silero import FILES, FOLDER, SILERO, Silero, SileroLayers, SileroOnnx, SileroSequence
from benchmarks.third_party.speech import spoken
from tests.third_party.support import TOLERANCE, check_float, check_integers, needs

pytestmark = needs(Silero)
FRAME_BY_FRAME = [name for name in FILES if "sequence" not in name]


def test_layers(tmp_path: Path) -> None:
    given = SileroLayers()
    model = given.convert()
    check_float(model, given, tmp_path)
    check_integers(model, given, tmp_path)


def test_decisions_are_about_speech(tmp_path: Path) -> None:
    """The probabilities agree with the annotation of the recording: it is really speech that is found."""
    given = SileroLayers()
    frames = given.test()[0]
    given.convert().save(tmp_path / "vad.ern")
    with load(tmp_path / "vad.ern") as session:
        found = stream(session, frames)[:, 0] >= 0.5
    centres_s = (np.arange(150, 150 + len(frames)) + 0.5) * 0.032
    assert (found == spoken(centres_s)).mean() > 0.85
    assert 0.2 < found.mean() < 0.8


@pytest.mark.parametrize("file", FRAME_BY_FRAME)
def test_files_that_are_called_frame_by_frame(file: str, tmp_path: Path) -> None:
    given = SileroOnnx(file)
    model = given.convert()
    check_float(model, given, tmp_path, ("native",))
    assert [(p.name, p.shape) for p in model.interface.inputs] == [("input", (576,))]
    assert model.interface.state_bytes == 1024


def test_onnx_file_in_integers(tmp_path: Path) -> None:
    given = SileroOnnx()
    check_integers(given.convert(), given, tmp_path)


def test_file_over_whole_sequences(tmp_path: Path) -> None:
    given = SileroSequence()
    model = given.convert()
    check_float(model, given, tmp_path, ("native", "onnxruntime"))
    check_integers(model, given, tmp_path)


def test_8_khz(tmp_path: Path) -> None:
    """The other branch of its If: half as many samples a frame."""
    file = SILERO.file(FOLDER + "silero_vad.onnx", FILES["silero_vad.onnx"])
    model = edgernn.convert(file, inputs=["input:1,288", "sr=8000"])
    assert model.interface.inputs[0].shape == (288,)
    model.save(tmp_path / "vad.ern")


def test_an_export_of_other_weights_is_noticed(tmp_path: Path) -> None:
    """The safetensors file and the ONNX files hold different weights, so comparing across them has to fail."""
    SileroLayers().convert().save(tmp_path / "vad.ern")
    with load(tmp_path / "vad.ern") as session:
        assert largest_error(session, SileroOnnx(), originals(SileroOnnx())) > 1000 * TOLERANCE
