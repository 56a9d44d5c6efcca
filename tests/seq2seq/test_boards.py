"""Encoders with decoders on emulated boards: they write what sessions write; their parts are profiled and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn.boards.artifacts import build_artifact, build_firmware, open_artifact
from edgernn.boards.catalog import load_board
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.boards.emulators.translation import FUNCTIONS, generate, translate
from edgernn.errors import FrameError, UsageError
from edgernn.export.c import write as write_c
from edgernn.ir.seq2seqfile import read_seq2seq
from edgernn.ops import OPS
from edgernn.runtime.decode import Sampler
from edgernn.runtime.seq2seq import Seq2SeqSession
from edgernn.seq2seq_model import Seq2SeqModel
from tests.cli.support import cli, ok
from tests.seq2seq.models import SYMBOLS, attentive
from tests.support import write

BOARD, MOST, LENGTH = "nucleo-f446re", 8, 6
SOURCES = [np.random.default_rng(k).integers(0, SYMBOLS, n).astype(np.int32) for k, n in enumerate((MOST, 1, 5))]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = edgernn.convert(attentive(max_output=LENGTH), inputs="int:1,T", max_frames=MOST, name="tr")
    assert isinstance(model, Seq2SeqModel)
    path = tmp_path_factory.mktemp("pair") / "tr.ern"
    write(model.quantize(SOURCES).program, path)
    return path


def test_a_board_writes_what_a_session_writes(artifact: Path, tmp_path: Path) -> None:
    board, opened = load_board(BOARD), open_artifact(artifact)
    image = build_artifact(opened, board, tmp_path / "tr.elf", tmp_path, functions=FUNCTIONS)
    model = EmulatedModel(open_emulator(board, image))
    session = edgernn.load(artifact, engine="reference")
    assert isinstance(session, Seq2SeqSession)
    with pytest.raises(FrameError, match="no source was read"):
        generate(model, LENGTH, Sampler(0.0))
    for source in SOURCES:
        for sampler in (Sampler(0.0), Sampler(1.4, seed=3)):
            assert translate(model, source.tolist(), LENGTH, sampler) == session.generate(source, sampler=sampler)
    with pytest.raises(FrameError, match="out of range"):
        translate(model, [SYMBOLS], LENGTH, Sampler(0.0))
    with pytest.raises(UsageError, match="tr_encode and tr_generate"):
        build_firmware(opened, board, tmp_path / "served.elf", tmp_path)


def test_parts_are_profiled_and_verified(artifact: Path) -> None:
    plain = ok(cli("profile", artifact, "--board", BOARD, "--json")).json
    labels = [profile["artifact"] for profile in plain["profiles"]]
    assert labels == [f"{artifact} (encode)", f"{artifact} (step)"]
    assert all(profile["instructions"]["median"] > 1000 for profile in plain["profiles"])
    folder = artifact.parent / "c"
    folder.mkdir()
    write_c(read_seq2seq(artifact, OPS)[1], folder / "tr.c")
    refused = cli("profile", folder / "tr.c", "--board", BOARD)
    assert refused.code == 2 and "give its .ern file" in refused.err
    said = ok(cli("verify-boards", artifact, "--board", BOARD, "--steps", "2")).out
    assert said.count("streams are the same, bit for bit") == 2
