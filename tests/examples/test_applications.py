"""Every example: its committed weights, its README, its row in docs/applications.md, its integers on a board."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import edgernn
from edgernn.boards.catalog import load_board
from edgernn.cli.common import config
from examples import __main__ as command
from examples.common import board_costs, pictures, results, tables
from examples.common.checking import COSTS, FLOAT, SLACK, cells, differences, number
from examples.common.exporting import (
    CONFIG,
    EXAMPLES,
    artifact,
    artifact_name,
    export,
    names,
    task_of,
    write_calibration,
)
from examples.common.integers import stream
from examples.common.packaged import PackagedData, SourceData
from examples.common.results import BoardCost, Result, Scores, StreamCheck, in_unit
from examples.common.task import Run, Task, answers
from examples.common.training import rounded

DOCUMENT = command.DOCUMENT
REQUIREMENTS = [line for file in EXAMPLES.glob("requirements*.txt") for line in file.read_text().splitlines()]
SEQUENCES = 12
"""How many held-out sequences are streamed here, about."""

RECOMPUTED = ("spoken_digits", "biology", "handwriting_ocr")
"""Quick ones, of three kinds. All are compared with the table by ``make examples EXAMPLES_ARGS=--check``."""

FILES = ("README.md", "data.py", "model.py", "train.py", "export.toml", "run.py", "weights.safetensors", "metrics.json")


def installed(name: str) -> bool:
    """Whether the package of its data is."""
    command = task_of(name).package.split()
    package, version = command[-1].split("==")
    if "download" in command:
        return SourceData(package, version, "data", "").installed
    return PackagedData(package, version, "data").installed


NAMES = [pytest.param(n, marks=pytest.mark.skipif(not installed(n), reason=task_of(n).package)) for n in RECOMPUTED]


@pytest.mark.parametrize("name", names())
def test_a_folder_holds_what_an_example_is(name: str) -> None:
    folder, task = EXAMPLES / name, task_of(name)
    assert [file for file in FILES if not (folder / file).is_file()] == []
    assert task.name == name == artifact_name(task)
    assert config.read(folder / CONFIG)["inputs"] == [task.inputs]
    assert all(path.stat().st_size < 1_000_000 for path in folder.glob("*.safetensors"))
    assert task.package.split()[-1] in REQUIREMENTS
    readme = (folder / "README.md").read_text()
    assert f"make example NAME={name}" in readme and f"make train NAME={name}" in readme


@pytest.mark.parametrize("name", names())
def test_the_readme_has_the_numbers_of_the_table(name: str) -> None:
    folder = EXAMPLES / name
    for measure in task_of(name).measures:
        assert cells(folder / "README.md", name, measure.metric) == cells(DOCUMENT, name, measure.metric)
    for board in task_of(name).boards:
        assert cells(folder / "README.md", name, board) == cells(DOCUMENT, name, board)


@pytest.mark.parametrize("name", NAMES)
def test_the_row_of_the_table_is_what_comes_out(name: str, tmp_path: Path) -> None:
    """PyTorch on all held-out data; int16x8 on some, in the place of PyTorch's answers; a step on the first board."""
    torch.set_num_threads(1)
    task, held_out = task_of(name), task_of(name).held_out()
    whole = answers(task.trained(), held_out, task.summary)
    score = task.score(whole)
    row = cells(DOCUMENT, name, task.metric)
    assert number(row[4]) == pytest.approx(score, rel=FLOAT)
    assert task.reaches_target(score) == ("missed" not in row[3])

    export(task, "int16x8", tmp_path, write_calibration(task, tmp_path), "ern,so")
    part = range(0, len(held_out), max(1, len(held_out) // SEQUENCES))
    with edgernn.load(artifact(task, tmp_path)) as session:
        for k, answer in zip(part, stream(session, [held_out[k] for k in part], task.summary), strict=True):
            whole[k] = answer
    assert abs(task.difference(task.score(whole), score)) <= SLACK
    assert abs(task.difference(number(row[6]), score)) <= max(task.loss, SLACK)

    frames = board_costs.write_frames(task, tmp_path)
    cost = board_costs.cost(task, artifact(task, tmp_path, (".ern",)), frames, load_board(task.boards[0]), tmp_path)
    shown = tables.boards([_result(name, cost)]).splitlines()[2].split(" | ")
    written = cells(DOCUMENT, name, task.boards[0])
    assert [number(cell) for cell in shown[2:5]] == pytest.approx([number(cell) for cell in written[2:5]], rel=COSTS)


@pytest.mark.parametrize("name", names())
def test_three_seeds_are_on_record(name: str) -> None:
    """Or why there are fewer, which the README then says, too."""
    folder = task_of(name).folder
    metrics = json.loads((folder / "metrics.json").read_text())
    seeds = len({seed["seed"] for seed in metrics["seeds"]})
    assert seeds >= 3 or (metrics["fewer_seeds"] and "One seed" in (folder / "README.md").read_text())


def test_what_the_document_says_otherwise_is_found(tmp_path: Path) -> None:
    task = task_of("classification")
    score = json.loads((task.folder / "metrics.json").read_text())["seeds"][0]["score"]
    cost = BoardCost("b", "c", 180.0, 2048, 512, 3.0, 0.5, 8, 0.1, {"gru": 3.0})
    check = StreamCheck("int16x8", 64, ("reference", "b"), "0123456789abcdef0")
    scores = {"pytorch": score, "float32": score, "int16x8": score, "int8": score}

    def measured(metric: str = task.metric, **changed: float) -> tuple[Scores]:
        return (Scores(metric, "%", "≥ 75.00 %", {**scores, **changed}),)

    result = replace(_result("classification", cost), measures=measured(), checks=(check,))
    document = tmp_path / "table.md"
    document.write_text(tables.section(result))
    assert differences(document, [result]) == []
    changed = replace(
        result, frames=301, measures=measured(int8=score - 1.0, float32=score * 1.01),
        boards=(replace(cost, instructions=4.0),), checks=(replace(check, streams=("reference",)),),
    )  # fmt: skip
    found = differences(document, [changed])
    assert [line.split(", written")[0].split(": ")[1] for line in found] == [
        "301 steps in 2 sequences", in_unit(score * 1.01, "%"), in_unit(score - 1.0, "%") + "* |", "4", "reference",
    ]  # fmt: skip
    other = replace(result, measures=measured("another"))
    assert differences(document, [other]) == ["classification, another: no such row"]
    assert "metrics.json has" in differences(document, [replace(result, measures=measured(pytorch=score - 5))])[1]


SCORES = {"pytorch": 80.0, "float32": 80.0, "int16x8": 79.5, "int8": 79.0}


def _result(name: str, *costs: BoardCost) -> Result:
    return Result(
        name, (Scores("accuracy", "%", "≥ 75.00 %", SCORES), Scores("error", "m", "", SCORES)), 2, 300, 50.0,
        {"float32": "w.safetensors", "int16x8": "w.safetensors", "int8": "w_int8.safetensors"},
        {}, {}, {}, costs, (), (), {},
    )  # fmt: skip


def test_the_document_has_a_row_for_each_example() -> None:
    found = set(re.findall(r"^\| (\w+) \| (?!metric|board|scheme)", DOCUMENT.read_text(), re.MULTILINE))
    assert found == set(names())


def test_weights_of_its_own_are_marked() -> None:
    row, other = tables.scores([_result("x")]).splitlines()[2:]
    assert "| 79.50 % | 79.00 %* |" in row
    assert "300 steps in 2 sequences" in row
    assert "| x | error |" in other and "| 79.5 m | 79 m* |" in other


def test_what_does_not_fit_says_so() -> None:
    refused = BoardCost("small", "cortex-m0plus", 48.0, refused="region FLASH overflowed by 8 bytes")
    assert "does not fit: region FLASH overflowed by 8 bytes" in tables.boards([_result("x", refused)])


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    cost = BoardCost("b", "c", 180.0, 1, 2, 3.0, 0.5, 8, 0.1, {"gru": 3.0})
    result = _result("x", cost)
    result.write(tmp_path)
    assert results.read(tmp_path) == result


def test_a_section_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text(f"a\n{tables.BEGIN.format('results')}\nold\n{tables.END.format('results')}\nb\n")
    tables.replace_section(document, "new")
    assert re.sub(r"<!--.*?-->", "", document.read_text()).split() == ["a", "new", "b"]
    with pytest.raises(ValueError, match="scores, made by"):
        tables.replace_section(document, "new", "scores")


def test_targets_and_losses_know_which_way_is_better() -> None:
    one = task_of("forecasting")
    other = task_of("classification")
    assert one.target is not None and other.target is not None
    assert one.reaches_target(one.target) and not one.reaches_target(one.target * 1.01)
    assert other.reaches_target(other.target) and not other.reaches_target(other.target - 0.1)
    assert one.keeps(0.5, 0.6) and not one.keeps(0.61, 0.6)
    assert other.keeps(90.0, 80.0) and other.keeps(79.6, 80.0) and not other.keeps(79.4, 80.0)
    assert in_unit(0.25, "kWh") == "0.25 kWh" and in_unit(36.1234, "") == "36.12"


def test_weights_are_rounded_to_what_is_stored() -> None:
    layer = torch.nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    rounded(layer, torch.float16)
    assert torch.equal(layer.weight, before.half().float()) and not torch.equal(layer.weight, before)


def test_costs_are_drawn_by_node(tmp_path: Path) -> None:
    cost = BoardCost("b", "c", 180.0, 1, 2, 3.0, 0.5, 8, None, {"gru": 3.0, "linear": 1.0})
    pictures.draw_costs(_result("x", cost, BoardCost("s", "c", 1.0, refused="no")), tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.skipif(not installed("classification"), reason="the recordings are missing")
def test_what_an_example_shows_is_written(tmp_path: Path) -> None:
    task = task_of("classification")
    assert task.show is not None
    files = task.show(Run(tmp_path, {}, {"int16x8": answers(task.trained(), task.held_out(), task.summary)}))
    assert all(path.stat().st_size > 1000 for path in files) and files


def test_an_unknown_example_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["nonesuch"])
    assert "there is no example 'nonesuch'; examples are" in capsys.readouterr().err


def test_the_table_is_written_of_the_last_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "table.md"
    sections = ("scores", "boards", "streams")
    document.write_text("\n".join(f"{tables.BEGIN.format(s)}\n{tables.END.format(s)}\n" for s in sections))
    for attribute, value in (("DOCUMENT", document), ("BUILD", tmp_path), ("names", lambda: ["x", "y"])):
        monkeypatch.setattr(command, attribute, value)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        cost = BoardCost("b", "c", 180.0, 2048, 512, 3.0, 0.5, 8, 0.1, {"gru": 3.0})
        _result(name, cost).write(tmp_path / name)
    assert command.main(["--table"]) == 0
    assert cells(document, "y", "accuracy")[4:6] == ["80.00 %", "80.00 %"]
    assert cells(document, "x", "b (c, 180 MHz)")[2:] == ["2.0", "0.50", "3", "0.5 ± 8 %", "0.1 |"]


def test_a_process_that_fails_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BUILD", tmp_path)
    assert command._several(["nonesuch"], 1) == 1
    printed = capsys.readouterr()
    assert "there is no example 'nonesuch'" in printed.out and "nonesuch: failed" in printed.out
    assert printed.err == "failed: nonesuch\n"


def test_held_out_frames_are_written_for_boards(tmp_path: Path) -> None:
    task: Task = task_of("spoken_digits")
    if not installed("spoken_digits"):
        pytest.skip(task.package)
    frames = np.load(board_costs.write_frames(task, tmp_path))
    assert frames.shape == (board_costs.CHECKED_STEPS, 13)
    assert np.array_equal(frames[: len(task.held_out()[0])], task.held_out()[0])
