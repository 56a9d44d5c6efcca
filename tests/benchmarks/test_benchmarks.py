"""The benchmarks run, compare like with like, and say what is missing."""

import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import candidates, footprint, host_step, onnx_forms, reading
from benchmarks.models import MODELS, OUTPUTS, Model, frames, step_program, weights
from edgernn.errors import MissingExtraError
from edgernn.ir.check import check_graph
from edgernn.ir.interface import Interface
from edgernn.runtime.engines import onnxruntime
from edgernn.runtime.engines.reference import ReferenceEngine


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_unit_and_step_program_are_the_same_model(cell: str) -> None:
    model = Model("small", cell, 5, 6, layers=2)
    graph = step_program(model)
    check_graph(graph)
    reference = ReferenceEngine(Interface.of(graph, "0" * 64), graph)
    _, step = candidates.operator_step(model)
    for frame in frames(model, 20):
        found = step(frame[None, None]).reshape(-1)
        np.testing.assert_allclose(found, reference.run(frame)[0], rtol=0, atol=1e-6)


def test_models_are_those_of_the_targets() -> None:
    names = {model.name for model in MODELS}
    assert all(set(limits) <= names for limits in host_step.TARGETS.values())
    assert weights(MODELS[0]).layers[0][0].shape == (512, 64)


def test_host_step_writes_ratios(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    arguments = ["--model", "lstm_40_64", "--engine", "onnxruntime", "--rounds", "3", "--json", str(path)]
    run = CliRunner().invoke(host_step.main, arguments)
    assert run.exit_code == 0, run.output
    result = json.loads(path.read_text())["results"]["lstm_40_64"]
    assert result["ratio"][candidates.UNIT] == 1.0
    assert result["ratio"]["onnxruntime"] == result["us"]["onnxruntime"] / result["us"][candidates.UNIT]


def test_missing_engine_is_reported_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = MissingExtraError("onnxruntime", "onnxruntime", "this")
    monkeypatch.setattr(onnxruntime, "missing", lambda: error)
    lineup = candidates.lineup(MODELS[1], ("onnxruntime", "reference"), tmp_path)
    assert set(lineup.steps) == {candidates.UNIT, "reference"}
    assert "pip install 'edgernn[onnxruntime]'" in lineup.missing["onnxruntime"]


def test_candidates_that_differ_are_not_timed(tmp_path: Path) -> None:
    lineup = candidates.lineup(MODELS[1], ("reference",), tmp_path)
    step = lineup.steps["reference"]
    lineup.steps["reference"] = lambda frame: step(frame) + 1e-3
    with pytest.raises(click.ClickException, match=r"reference differs from the unit by 0\.001"):
        host_step.check_agreement(lineup, MODELS[1])


def test_integer_rows_run_the_quantized_model(tmp_path: Path) -> None:
    lineup = candidates.lineup(MODELS[1], ("numba",), tmp_path)
    row = candidates.integer_row("numba", "int16x8")
    assert set(lineup.steps) == {candidates.UNIT, "numba", row, candidates.integer_row("numba", "int8")}
    host_step.check_agreement(lineup, MODELS[1])
    step = lineup.steps[row]
    lineup.steps[row] = lambda frame: step(frame) + np.float32(0.02)
    with pytest.raises(click.ClickException, match=f"{row} differs from the unit"):
        host_step.check_agreement(lineup, MODELS[1])


def test_reading_takes_the_bytes_of_the_weights(tmp_path: Path) -> None:
    model = Model("small", "gru", 5, 6, layers=2)
    assert reading.weight_bytes(model) == 18 * (5 + 6) + 18 * (6 + 6) + 6 * OUTPUTS
    step = reading.reading_step(MODELS[1], tmp_path)
    assert step(None) == step(None)


def test_missed_targets_are_named() -> None:
    results = {"lstm_64_128": {"ratio": {"native": 0.2, "numba": 0.2}}}
    assert host_step.missed(results) == ["native, lstm_64_128: 0.200 > 0.16"]
    results = {"lstm_64_128": {"ratio": {"native int8": 0.2, host_step.READING: 0.15}}}
    words = "native int8, lstm_64_128: 0.200 > 0.11, but reading the weights alone takes 0.150"
    assert host_step.missed(results) == [words]


def test_forms_agree() -> None:
    assert set(onnx_forms.measure("gru", 3, 4, rounds=3)) == set(onnx_forms.FORMS)


def test_footprint_probe_reports_a_failing_process(tmp_path: Path) -> None:
    figures = footprint.run_probe("block = numpy.ones(4_000_000, numpy.float64)", tmp_path)
    assert 28 < figures["mb"] < 40
    with pytest.raises(click.ClickException, match="ZeroDivisionError"):
        footprint.run_probe("1 / 0", tmp_path)
