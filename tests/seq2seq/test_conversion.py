"""Encoders with decoders as artifacts: proved against the module, run, written and read."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import edgernn
from edgernn.errors import ArtifactError, FrameError, UsageError, ValidationError
from edgernn.ir.container import read_container
from edgernn.ir.ernfile import PROGRAM_KEY
from edgernn.ir.tokenizer import Tokenizer
from edgernn.runtime.seq2seq import Seq2SeqSession
from edgernn.seq2seq_model import Seq2SeqModel
from tests.seq2seq.drawn import ATTENTION, CELLS, drawn
from tests.seq2seq.models import SYMBOLS, attentive, feeding, plain
from tests.seq2seq.tutorials import CASES, made
from tests.support import write

MOST = 10
MODELS = {"attentive": attentive, "plain": plain, "feeding": feeding}


def converted(make) -> Seq2SeqModel:
    model = edgernn.convert(make(), inputs="int:1,T", max_frames=MOST, name="tr")
    assert isinstance(model, Seq2SeqModel)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_files_agree_with_pytorch(name: str, tmp_path: Path) -> None:
    model = converted(MODELS[name])
    write(model.program, tmp_path / "tr.ern")
    report = model.proof().check(tmp_path / "tr.ern", "reference")
    assert report.passed, report.failures()
    assert [p.name for p in report.properties] == ["memory", "independence", "snapshot", "length", "generation"]
    session = edgernn.load(tmp_path / "tr.ern", engine="reference")
    assert isinstance(session, Seq2SeqSession)
    source = np.random.default_rng(0).integers(0, SYMBOLS, 7)
    for beam in (None, 3):
        assert session.generate(source, beam=beam) == MODELS[name]().generate(torch.from_numpy(source)[None], beam)


@pytest.mark.parametrize("name", CASES)
def test_decoders_as_tutorials_have_them(name: str, tmp_path: Path) -> None:
    model = edgernn.convert(made(name), inputs=CASES[name][2], max_frames=8, name="tr")
    assert isinstance(model, Seq2SeqModel)
    write(model.program, tmp_path / "tr.ern")
    report = model.proof().check(tmp_path / "tr.ern", "reference")
    assert report.passed, report.failures()
    assert model.program.encode.hop == (2 if name == "strided and stacked" else 1)


def test_the_fast_engine_agrees_too(tmp_path: Path) -> None:
    report = converted(attentive).save(tmp_path / "tr.ern")
    assert report.passed and report.engine == "numba"


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.sampled_from(CELLS), st.sampled_from(ATTENTION), st.booleans(), st.integers(1, 3))
def test_any_cell_with_any_attention(cell: str, attention: str, floats: bool, layers: int) -> None:
    model = edgernn.convert(
        drawn(cell, attention, floats, layers), inputs="1,T,3" if floats else "int:1,T", max_frames=MOST, name="tr"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tr.ern"
        write(model.program, path)
        report = model.proof().check(path, "reference")
    assert report.passed, report.failures()


def test_what_depends_on_memory_alone_is_computed_once() -> None:
    program = converted(feeding).program
    step = [node.op.kind for stage in program.step.stages for node in stage.graph.nodes]
    assert len(program.memory) == 2 and step.count("linear") == 3
    assert step.count("unary") == 1 and "masked" not in "".join(step)
    assert {c.before: bool(c.start) for c in program.carried} == {"state_0": True, "state_1": False, "state_2": False}


def test_a_wrong_weight_shows(tmp_path: Path) -> None:
    model = converted(attentive)
    graph = model.program.step.stages[-1].graph
    name = next(n for n in graph.constants if n.endswith("weight"))
    graph.constants[name] = graph.constants[name] + np.float32(0.01)
    model.interface = model.program.interface()
    write(model.program, tmp_path / "tr.ern")
    report = model.proof().check(tmp_path / "tr.ern", "reference")
    assert not report.passed and "differs by" in report.failures()[0]
    with pytest.raises(ValidationError, match="another model"):
        converted(plain).proof().check(tmp_path / "tr.ern", "reference")


@pytest.fixture
def session(tmp_path: Path) -> Seq2SeqSession:
    model = converted(attentive)
    model.source_tokenizer = Tokenizer.of_characters("^$_abcdef")
    model.tokenizer = Tokenizer.of_characters("^$_uvwxyz")
    write(model.program, tmp_path / "tr.ern")
    found = edgernn.load(tmp_path / "tr.ern", engine="reference")
    assert isinstance(found, Seq2SeqSession)
    return found


def test_texts_and_steps_and_snapshots(session: Seq2SeqSession) -> None:
    text = session.generate("fade")
    assert session.tokenizer is not None and session.tokenizer.encode(text) == session.generate([8, 3, 6, 7])
    session.encode("fade")
    first = session.step(1)
    blob = session.snapshot()
    second = session.step(4)
    session.encode("beef")
    session.restore(blob)
    assert np.array_equal(session.step(4), second) and not np.array_equal(first, second)
    assert len(session.search(3)) == 3 and np.isfinite(session.search(3)[0].log2)
    assert "up to 10 frames" in repr(session) and session.max_frames == MOST


def test_what_does_not_fit_is_a_clear_error(session: Seq2SeqSession, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="encode"):
        session.step(1)
    for source, said in (([0] * 11, "1 to 10 frames"), ([9], "0..8"), ([], "1 to 10 frames")):
        with pytest.raises(FrameError, match=said):
            session.encode(np.asarray(source, np.int32))
    session.encode([3])
    with pytest.raises(FrameError, match="8"):
        session.step(9)
    data = bytearray((tmp_path / "tr.ern").read_bytes())
    data[-5] ^= 1
    (tmp_path / "bad.ern").write_bytes(data)
    with pytest.raises(ArtifactError, match="fingerprint"):
        edgernn.load(tmp_path / "bad.ern")
    for options, said in (
        ({}, "give max_frames"), ({"max_frames": 4, "state": "1,3"}, "no other option"),
        ({"max_frames": 4, "inputs": ["int:1,T", "1,3"]}, "one input"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            edgernn.convert(attentive(), **{"inputs": "int:1,T", **options})
    with pytest.raises(UsageError, match=r"\.ern"):
        converted(plain).save(tmp_path / "tr.onnx")


@pytest.fixture(scope="module")
def file_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "tr.ern"
    write(converted(attentive).program, path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("key", "value"),
    [("memory", {"memory": 3}), ("memory", {"other": "output_0"}), ("memory", []), ("symbol", "state"), ("scores", 1),
     ("carried", [{}]), ("carried", []), ("encode", {}), ("step", "x"), ("step", {"interface": "{}"})],
)  # fmt: skip
def test_files_whose_parts_do_not_fit_are_refused(
    key: str, value: object, file_bytes: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "tr.ern"
    metadata, arrays = read_container(file_bytes, str(path))
    program = {**json.loads(metadata[PROGRAM_KEY]), key: value}
    path.write_bytes(save(dict(arrays), {**metadata, PROGRAM_KEY: json.dumps(program)}))
    with pytest.raises(ArtifactError):
        edgernn.load(path)
