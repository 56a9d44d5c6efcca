"""Encoders with decoders in integers: memory has one scale, and what is carried has one from symbol to symbol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn.errors import UsageError
from edgernn.ir.seq2seq import by_name, same_elements
from edgernn.ops.seq2seq import run_seq2seq
from edgernn.seq2seq_model import Seq2SeqModel
from tests.seq2seq.models import SYMBOLS, attentive, feeding, plain
from tests.support import write

MOST = 10
MODELS = {"attentive": attentive, "plain": plain, "feeding": feeding}


def converted(name: str) -> Seq2SeqModel:
    model = edgernn.convert(MODELS[name](max_output=6), inputs="int:1,T", max_frames=MOST, name="tr")
    assert isinstance(model, Seq2SeqModel)
    return model


def sources(count: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, SYMBOLS, n) for n in rng.integers(1, MOST + 1, count)]


@pytest.mark.parametrize(
    ("name", "scheme"),
    [(n, "int16x8") for n in MODELS] + [("plain", "int8"), ("feeding", "int8"), ("attentive", "int16x4"),
                                        ("plain", "weights8")],
)  # fmt: skip
def test_quantized_pairs_are_proved(name: str, scheme: str, tmp_path: Path) -> None:
    quantized = converted(name).quantize(sources(), scheme)
    program = quantized.program
    write(program, tmp_path / "tr.ern")
    report = quantized.proof().check(tmp_path / "tr.ern", "reference")
    assert report.passed, report.failures()
    assert report.properties[-1].name == ("same program" if scheme == "weights8" else "bit identity")
    assert (report.outputs[0].sqnr_db or 0) > {"int16x4": 18, "int8": 30}.get(scheme, 40)
    inputs, outputs = by_name(program.step.inputs), by_name(program.step.outputs)
    encoded = by_name(program.encode.outputs)
    for inner, outer in program.memory.items():
        assert same_elements(encoded[outer], inputs[inner])
    for carried in program.carried:
        assert same_elements(inputs[carried.before], carried.state)
        assert not carried.after or same_elements(outputs[carried.after], carried.state)
        assert not carried.start or same_elements(encoded[carried.start], carried.state)


def test_integers_are_those_of_the_file_on_the_fast_engine(tmp_path: Path) -> None:
    quantized = converted("attentive").quantize(sources())
    assert quantized.save(tmp_path / "tr.ern").engine == "numba"
    session = edgernn.load(tmp_path / "tr.ern", raw=True)
    source = sources()[0].astype(np.int32)
    session.encode(source)
    found = np.stack([session.step(s) for s in (1, 4, 7)])
    name = quantized.program.encode.inputs[0].name
    assert np.array_equal(found, run_seq2seq(quantized.program, {name: source[:, None]}, [1, 4, 7]))
    assert found.dtype.kind == "i"


def test_targets_come_from_the_user_or_from_the_module() -> None:
    model = converted("plain")
    given = model.pairs(sources(2), [[3, 4, 2], [5, 2]])
    assert given is not None and [p["targets"].tolist() for p in given] == [[3, 4, 2], [5, 2]]
    written = model.pairs([{"source": s} for s in sources(2)])
    assert written is not None and all(len(p["targets"]) <= 6 for p in written)
    for targets, said in (([[3]], "2 sources with 1 targets"), ([[3], [99]], "symbols 0 to 8"), ([[3], []], "a row")):
        with pytest.raises(UsageError, match=said):
            model.pairs(sources(2), targets)
    for options, said in (({}, "needs calibration"), ({"calibration": sources(), "max_loss": 0.1}, "max_loss"),
                          ({"calibration": sources(), "layers": {"none": "int8"}}, "matches no layer")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            model.quantize(**options)


def test_the_report_has_the_values_of_both_parts(tmp_path: Path) -> None:
    quantized = converted("attentive").quantize(sources(3))
    integers = quantized.report([], "sources").integers
    assert integers is not None
    names = {row.value for row in integers.values}
    assert {"tanh", "linear_1"} <= names


def test_pytorch_runs_once_for_all_files_of_the_same_calibration() -> None:
    model = converted("plain")
    given = sources(2)
    proof = model.proof(given)
    assert model.proof(given) is proof and model.proof() is proof
    assert model.proof(sources(3)) is not proof
