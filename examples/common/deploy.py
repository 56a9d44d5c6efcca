"""Every format of a model, each proved on every engine that is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import edgernn
from edgernn.api import Model, Progress
from edgernn.errors import EdgeRNNError, MissingExtraError
from edgernn.runtime.engines import ENGINES, ENGINES_OF_SUFFIX
from edgernn.validation.render import render_html, render_json
from edgernn.validation.results import ArtifactReport

FORMATS = (".ern", ".onnx", ".tflite", ".so", ".c")

Calibration = Sequence[dict[str, NDArray[Any]]]


@dataclass
class Deployment:
    """What became of one model.

    written: the artifacts, by suffix.
    reports: what validation found, one entry an artifact and engine.
    missing: engine or format -> why it cannot be had on this machine.
    refused: artifact and engine -> why it was not written, or does not agree. Empty when all is well.
    """

    model: Model
    folder: Path
    written: dict[str, Path] = field(default_factory=dict)
    reports: list[ArtifactReport] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether everything that was written agrees with PyTorch."""
        return not self.refused and all(report.passed for report in self.reports)

    def runnable(self) -> list[tuple[str, Path]]:
        """Engine and artifact for every engine that has one, fastest first."""
        pairs = ((engine, self._artifact_for(engine)) for engine in ENGINES if engine not in self.missing)
        return [(engine, path) for engine, path in pairs if path is not None]

    def _artifact_for(self, engine: str) -> Path | None:
        suffixes = [suffix for suffix, engines in ENGINES_OF_SUFFIX.items() if engine in engines]
        return next((self.written[suffix] for suffix in suffixes if suffix in self.written), None)

    def write_report(self, data: str) -> Path:
        """Write report.html and report.json into the folder; the path of the page."""
        report = self.model.report(self.reports, data)
        (self.folder / "report.json").write_text(render_json(report))
        page = self.folder / "report.html"
        page.write_text(render_html(report))
        return page


@dataclass(frozen=True)
class Checks:
    """How artifacts are checked.

    calibration: real sequences; random ones are used in any case.
    drift_steps: length of a stream without reset.
    """

    calibration: Calibration | None = None
    drift_steps: int = 0
    progress: Progress | None = None


def deploy(model: Model, folder: Path, checks: Checks, formats: Sequence[str] = FORMATS) -> Deployment:
    """Write ``folder``/<name>.<format> and validate each file on every engine that runs it."""
    result = Deployment(model, folder)
    for suffix in formats:
        path = folder / f"{model.name}{suffix}"
        engines = ENGINES_OF_SUFFIX.get(suffix, ())
        report = _note(result, path.name, (suffix, *engines), partial(model.save, path, **vars(checks)))
        if report is None:
            continue
        result.written[suffix] = path
        for engine in (e for e in engines if e != report.engine):
            prove = partial(edgernn.validate, path, model, engine=engine, **vars(checks))
            _note(result, f"{path.name} on {engine}", (engine,), prove)
    return result


def _note(
    result: Deployment, what: str, concerns: tuple[str, ...], check: Callable[[], ArtifactReport]
) -> ArtifactReport | None:
    """Run a check and put what comes of it where it belongs; the report, if there is one."""
    try:
        report = check()
    except MissingExtraError as problem:
        result.missing.update(dict.fromkeys(concerns, str(problem)))
        return None
    except EdgeRNNError as problem:
        result.refused[what] = str(problem)
        return None
    result.reports.append(report)
    if not report.passed:
        result.refused[what] = "; ".join(report.failures())
    return report
