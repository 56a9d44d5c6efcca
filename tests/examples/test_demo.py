"""The demo: what it writes and prints, and that it says so when something disagrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgernn
from edgernn.errors import EngineError, MissingExtraError, UsageError
from edgernn.runtime.engines import ENGINES, tflite
from examples.common import deploy as deploying
from examples.common import footprint
from examples.common.deploy import FORMATS, Checks, deploy
from examples.ecosystem import forecaster
from examples.spoken_digits import demo, recording, scoring
from examples.spoken_digits.data import train_and_held_out
from examples.spoken_digits.model import SpokenDigits, trained
from tests.examples.test_spoken_digits import needs_recordings

README = Path(__file__).parents[2] / "README.md"
QUICK = ["--recordings", "20", "--drift-steps", "200"]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """Folder, JSON and tables of one quick run."""
    import contextlib
    import io

    folder = tmp_path_factory.mktemp("demo") / "out"
    texts = []
    original = demo.run
    outcomes: list[demo.Outcome] = []

    def run_once(*arguments: Any) -> demo.Outcome:
        if not outcomes:
            outcomes.append(original(*arguments))
        return outcomes[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "run", run_once)
        for extra in (["--json"], []):
            text = io.StringIO()
            with contextlib.redirect_stdout(text):
                assert demo.main(["--output", str(folder), *QUICK, *extra]) == 0
            texts.append(text.getvalue())
    return folder, json.loads(texts[0]), texts[1]


@needs_recordings
def test_every_engine_streams_the_recordings_like_pytorch(printed: tuple[Path, dict[str, Any], str]) -> None:
    _, plain, _ = printed
    rows = {row["engine"]: row for row in plain["engines"]}
    assert plain["passed"]
    assert plain["recordings"] == 20
    assert set(rows) | set(plain["missing"]) >= set(ENGINES)
    assert "reference" in rows
    for row in rows.values():
        assert row["score"]["agreement"] == 1.0
        assert row["score"]["accuracy"] == plain["pytorch_accuracy"]
        assert 0 <= row["score"]["max_error"] <= row["tolerance"] < 1e-3
        assert row["score"]["frames"] == plain["frames"]
        assert row["score"]["step_us"] > 0
        assert row["footprint"]["load_ms"] > 0
        assert plain["numpy_mb"] < row["footprint"]["resident_mb"] < 400
        assert row["size_bytes"] > 1000


@needs_recordings
def test_artifacts_and_reports_are_where_the_demo_says(printed: tuple[Path, dict[str, Any], str]) -> None:
    folder, plain, text = printed
    for path in plain["reports"].values():
        page = Path(path)
        assert page.is_relative_to(folder)
        assert "<svg" in page.read_text()
        assert path in text
        report = json.loads(page.with_suffix(".json").read_text())
        assert report["passed"]
        for artifact in report["artifacts"]:
            assert Path(artifact["path"]).stat().st_size == artifact["size_bytes"]
    for name in ("sentiment LSTM", "GRU forecaster"):
        found = plain["ecosystem"][name]
        missing = set(found["missing"])
        assert {Path(file).suffix for file in found["written"]} == set(FORMATS) - missing
        assert not found["refused"]
        assert found["max_error"] < 1e-5


@needs_recordings
def test_the_readme_shows_the_tables_that_the_demo_prints(printed: tuple[Path, dict[str, Any], str]) -> None:
    shown = README.read_text().split("```text\n")[1].split("```")[0]
    assert first_words(shown) == first_words(printed[2])


def first_words(table: str) -> list[str]:
    """Of each line; ─ for a rule of any width."""
    return [line.split()[0].replace("─", "") or "─" for line in table.splitlines() if line.strip()]


@needs_recordings
def test_an_artifact_of_other_weights_disagrees(tmp_path: Path) -> None:
    _, held_out = train_and_held_out()
    few = held_out.take(range(40))
    untrained = SpokenDigits().eval()
    edgernn.convert(untrained, inputs="1,T,13").save(tmp_path / "other.ern")
    with edgernn.load(tmp_path / "other.ern", "reference") as session:
        score = scoring.stream(session, few, scoring.pytorch_scores(trained(), few))
    row = demo.EngineRow("reference", "other.ern", 1, score, footprint.Footprint(1.0, 1.0), 1e-4)
    assert score.agreement < 1.0
    assert score.max_error > 1e-4
    assert not row.agrees


def test_an_artifact_that_disagrees_is_named_and_fails_the_demo(tmp_path: Path) -> None:
    module = forecaster.fresh()
    model = edgernn.convert(module, inputs=forecaster.INPUTS)
    with torch.no_grad():
        module.fc.bias += 0.01
    found = deploy(model, tmp_path, Checks(), (".ern",))
    assert list(found.refused) == ["gru_forecaster.ern"]
    assert not found.passed
    assert found.runnable() == []
    assert list(tmp_path.iterdir()) == []


def test_a_missing_engine_is_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "missing", lambda: MissingExtraError("ai-edge-litert", "tflite", "the tflite engine"))
    model = edgernn.convert(forecaster.fresh(), inputs=forecaster.INPUTS)
    found = deploy(model, tmp_path, Checks(), (".ern", ".tflite"))
    assert "edgernn[tflite]" in found.missing["tflite"]
    assert found.passed
    assert {engine for engine, _ in found.runnable()} == {"numba", "reference"} - set(found.missing)


def test_the_report_names_every_engine_that_ran(tmp_path: Path) -> None:
    model = edgernn.convert(forecaster.fresh(), inputs=forecaster.INPUTS)
    found = deploying.deploy(model, tmp_path, Checks(), (".ern",))
    page = found.write_report("random").read_text()
    assert all(engine in page for engine, _ in found.runnable())


def test_a_folder_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="was not made by this demo"):
        demo.clean(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_the_folder_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo.clean(folder)
    (folder / "old.ern").touch()
    demo.clean(folder)
    assert [path.name for path in folder.iterdir()] == [demo.MARKER]


@needs_recordings
def test_a_recording_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "three.npy"
    assert recording.main(["3", str(file)]) == 0
    frames = np.load(file)
    assert frames.shape[1] == 13
    assert f"a spoken 3, {len(frames)} frames" in capsys.readouterr().out
    assert int(trained()(torch.from_numpy(frames)[None]).argmax()) == 3


def test_a_fresh_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no such file"):
        footprint.measure(tmp_path / "none.ern", "reference", tmp_path / "none.npy", 1)
