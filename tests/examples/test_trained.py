"""The trained models: honest splits, committed weights that score what is written, integers that keep the score."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import edgernn
from edgernn.errors import UsageError
from examples import accuracy
from examples.char_lm import data as texts
from examples.classification import data as exercises
from examples.classification.train import turned
from examples.common import integers
from examples.common.task import Answer, Frames, Task
from examples.forecasting import ahead, anomalies
from examples.forecasting import data as demand
from examples.forecasting.run import TASK as FORECASTING
from examples.spoken_digits.run import TASK as SPOKEN_DIGITS

PACKAGES = {"classification": exercises.PACKAGE, "char_lm": texts.PACKAGE, "forecasting": demand.PACKAGE}
INSTALLED = [
    pytest.param(
        task,
        marks=pytest.mark.skipif(not PACKAGES[task.name].installed, reason=PACKAGES[task.name].install),
        id=task.name,
    )
    for task in accuracy.TASKS
    if task.name in PACKAGES
]
LIMITS = {"int16x8": (0.1, 1.0, 40.0), "int8": (0.5, 1.0, 35.0), "int16x4": (1.0, 1.0, 18.0)}
"""Scheme -> by how much the score may differ from that of float32, in points or in percent; least SQNR in dB."""


def metrics(task: Task) -> dict[str, object]:
    found: dict[str, object] = json.loads(task.weights.with_name("metrics.json").read_text())
    return found


@pytest.mark.parametrize("task", [*INSTALLED, pytest.param(SPOKEN_DIGITS, id="spoken_digits")])
def test_integers_keep_the_score(task: Task, tmp_path: Path) -> None:
    """The score of some of the held-out sequences, and what that makes of the whole."""
    rows = integers.measure(task, tmp_path, list(LIMITS), drift_steps=0, count=min(300, len(task.held_out())))
    for row in rows[1:]:
        points, percent, sqnr_db = LIMITS[row.scheme]
        assert abs(row.difference) <= (points if task.unit == "%" else percent), row
        assert row.sqnr_db > sqnr_db, row
        assert row.state_bytes * 2 == rows[0].state_bytes


@pytest.mark.parametrize("task", INSTALLED)
def test_a_package_that_is_missing_is_named(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = importlib.import_module("examples.common.packaged")

    def missing(name: str) -> None:
        raise packaged.PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", missing)
    with pytest.raises(UsageError, match=task.package.split()[-1]):
        task.held_out()


@pytest.mark.skipif(not exercises.PACKAGE.installed, reason=exercises.PACKAGE.install)
def test_nobody_is_on_both_sides() -> None:
    known, held_out = exercises.train_and_held_out()
    assert set(held_out.subjects) == set(exercises.HELD_OUT_SUBJECTS)
    assert not set(known.subjects) & set(held_out.subjects)
    assert len(known) + len(held_out) == 140
    windows, labels = exercises.windows(held_out)
    assert {w.shape for w in windows} == {(exercises.WINDOW, exercises.CHANNELS)}
    assert set(labels) == set(range(len(exercises.EXERCISES)))


def test_turning_a_watch_keeps_lengths() -> None:
    windows = torch.randn(5, 20, 6, generator=torch.Generator().manual_seed(0))
    found = turned(windows, torch.Generator().manual_seed(1))
    for part in (slice(0, 3), slice(3, 6)):
        torch.testing.assert_close(found[..., part].norm(dim=-1), windows[..., part].norm(dim=-1))
    assert not torch.allclose(found, windows, atol=0.01)


@pytest.mark.skipif(not texts.PACKAGE.installed, reason=texts.PACKAGE.install)
def test_no_message_is_on_both_sides() -> None:
    known, held_out = texts.train_and_held_out()
    seen = {(label, text.tobytes()) for text, label in zip(known.texts, known.labels, strict=True)}
    cut = [text.size == texts.MAX_BYTES for text in held_out.texts]
    for text, label, long in zip(held_out.texts, held_out.labels, cut, strict=True):
        assert long or (label, text.tobytes()) not in seen
    assert np.bincount(held_out.labels).min() > 100


def test_messages_are_read_as_gettext_does(tmp_path: Path) -> None:
    file = tmp_path / "django.po"
    file.write_text(
        'msgid ""\nmsgstr ""\n"Language: xx\\n"\n\n#: x.py:1\nmsgid "Hello \\"you\\"\\n"\nmsgstr ""\n"Hal"\n"lo\\n"\n\n'
        '#, fuzzy\nmsgid "wrong"\nmsgstr "falsch"\n\nmsgid "one"\nmsgid_plural "many"\n'
        'msgstr[0] "eins"\nmsgstr[1] "viele"\n'
    )
    assert list(texts.messages(file)) == [('Hello "you"\n', "Hallo\n"), ("one", "eins")]


@pytest.mark.skipif(not demand.PACKAGE.installed, reason=demand.PACKAGE.install)
def test_hours_look_back_and_ahead_as_they_say() -> None:
    series = demand.load()
    t = 5000
    assert series.features[t, 1] == pytest.approx(np.log1p(series.demand[t - 23]))
    assert series.features[t, 2] == pytest.approx(np.log1p(series.demand[t - 167]))
    assert series.features[t, 5] == series.features[t + 24, 3]
    assert series.targets[t].tolist() == [series.demand[t + 1], series.demand[t + 24]]
    found = {name: demand.held_out_errors(series, values) for name, values in demand.simple_forecasts(series).items()}
    assert [round(float(e), 3) for e in found["persistence"]] == [1.182, 1.232]


@pytest.mark.skipif(not demand.PACKAGE.installed, reason=demand.PACKAGE.install)
def test_the_forecast_is_better_than_what_needs_no_model() -> None:
    task = next(task for task in accuracy.TASKS if task.name == "forecasting")
    found = metrics(task)
    seeds, simple = found["seeds"], found["without_model_mae_kwh"]
    assert isinstance(seeds, list) and isinstance(simple, dict)
    gains = np.array([1 - np.array(row["mae_kwh"]) / np.array(errors) for row in seeds for errors in simple.values()])
    assert gains[:, 1].min() >= 0.33
    assert gains[:, 0].min() >= 0.31


@pytest.mark.skipif(not demand.PACKAGE.installed, reason=demand.PACKAGE.install)
def test_faults_are_found_by_forecast_error() -> None:
    """All of them, with the few false alarms that the README names."""
    model = FORECASTING.trained()

    @torch.no_grad()
    def forecast(hours: Frames) -> Answer:
        return np.asarray(model(torch.from_numpy(hours)[None])[0])

    found = anomalies.find(forecast)
    assert len(anomalies.spans(found.faulty)) == anomalies.FAULTS
    assert (found.detected, found.false_alarms) == (20, 4)
    assert found.f1 == pytest.approx(40 / 44)


def test_runs_of_flags_are_told_apart() -> None:
    assert anomalies.spans(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    quiet = anomalies.Found(np.zeros(200), 1.0, np.arange(200) // 20 == 3)
    assert (quiet.detected, quiet.false_alarms, quiet.f1) == (0, 0, 0.0)
    early = anomalies.Found(np.where(np.arange(200) == 5, 2.0, 0.0), 1.0, quiet.faulty)
    assert (early.detected, early.false_alarms) == (0, 1)


@pytest.mark.skipif(not demand.PACKAGE.installed, reason=demand.PACKAGE.install)
def test_days_ahead_begin_with_the_forecast_of_one_hour(tmp_path: Path) -> None:
    series = demand.load()
    path = tmp_path / "forecasting.ern"
    edgernn.convert(FORECASTING.trained(), inputs=FORECASTING.inputs).save(path)
    with edgernn.load(path) as session:
        days = ahead.find(session, series)
        session.reset()
        start = demand.trained_hours(series) - demand.LEAD_IN_H
        answers = np.stack([session.step(frame) for frame in series.features[start:]])
    midnights = ahead.midnights(series)
    whole = np.diff(midnights) == 24
    assert days.foreseen.shape == (len(midnights), 24) and whole.mean() > 0.98
    np.testing.assert_allclose(days.foreseen[:, 0], answers[midnights - start, 0], rtol=1e-5)
    assert np.array_equal(days.before[1:][whole], days.measured[:-1][whole])
    assert days.error < 0.7 * days.error_of_before
