"""One example from its committed weights to boards: exported, proved, scored on held-out data, profiled, shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

import edgernn
from edgernn.errors import ValidationError
from examples.common import board_costs, pictures, tables
from examples.common.exporting import FORMATS, artifact, export, write_calibration
from examples.common.integers import stream
from examples.common.results import BoardCost, Result, Scores, StreamCheck, in_unit
from examples.common.task import Answer, Measure, Run, Task, answers

INTEGERS = ("int16x8", "int8")


@dataclass
class _Work:
    """What stages leave for later ones."""

    task: Task
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    artifacts: dict[str, dict[str, int]] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    engines: dict[str, str] = field(default_factory=dict)
    state_bytes: dict[str, int] = field(default_factory=dict)
    hop: int = 1
    boards: tuple[BoardCost, ...] = ()
    checks: list[StreamCheck] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Note the time, and tell what goes on."""
        start_s = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start_s, 1)
        print(f"{self.task.name}: {name}, {self.seconds[name]:.1f} s", flush=True)

    def artifact(self, scheme: str, *suffixes: str) -> Path:
        """The file that was written, the fastest where it does not matter."""
        return artifact(self.task, self.folder / scheme, *([suffixes] if suffixes else []))


def run(task: Task, folder: Path) -> Result:
    """All of it; what is written goes into ``folder``, results.json and report.md too.

    Raises:
        EdgeRNNError: the data are not installed, an artifact does not agree with PyTorch, boards with engines, or
            int16x8 loses more than the task allows.
    """
    torch.set_num_threads(1)
    work = _Work(task, folder)
    calibration = write_calibration(task, folder)
    for scheme in FORMATS:
        with work.stage(f"export {scheme}"):
            work.artifacts[scheme] = export(task, scheme, folder / scheme, calibration)
    with work.stage("score"):
        _score(work)
    frames = board_costs.write_frames(task, folder)
    with work.stage("profile"):
        work.boards = board_costs.costs(task, work.artifact("int16x8", ".ern"), frames)
    refused = {cost.board for cost in work.boards if cost.refused}
    fitting = tuple(board for board in task.boards if board not in refused)
    for scheme in INTEGERS:
        with work.stage(f"verify {scheme}"):
            file = work.artifact(scheme, ".ern")
            work.checks.extend(board_costs.same_streams(task, scheme, file, frames, fitting))
    shown = []
    with work.stage("show"):
        if task.show is not None:
            shown = task.show(Run(folder, {scheme: work.artifact(scheme) for scheme in FORMATS}, work.answers))
    result = _result(work, shown)
    _report(result, folder)
    for measure, found in zip(task.measures, result.measures, strict=True):
        _check_loss(task, measure, found.scores)
    return result


def _check_loss(task: Task, measure: Measure, scores: dict[str, float]) -> None:
    if not measure.keeps(scores["int16x8"], scores["pytorch"]):
        raise ValidationError(
            f"{task.name}: {measure.metric} of int16x8 is worse than PyTorch's by more than {measure.loss:g} "
            f"{'points' if measure.unit == '%' else '%'}: {scores['int16x8']:.5g}, {scores['pytorch']:.5g}; "
            "train for these integers (edgernn.quant.prepare_qat)"
        )


def _score(work: _Work) -> None:
    task, held_out = work.task, work.task.held_out()
    work.answers["pytorch"] = answers(task.trained(), held_out, task.summary)
    for scheme in FORMATS:
        with edgernn.load(work.artifact(scheme)) as session:
            work.answers[scheme] = stream(session, held_out, task.summary)
            work.engines[scheme], work.state_bytes[scheme] = session.engine, session.state_bytes
            work.hop = session.hop


def _result(work: _Work, shown: list[Path]) -> Result:
    task, held_out = work.task, work.task.held_out()
    return Result(
        name=task.name, measures=tuple(_scores(measure, work.answers) for measure in task.measures),
        sequences=len(held_out), frames=sum(len(frames) for frames in held_out) // work.hop, rate_hz=task.rate_hz,
        trained={scheme: task.weights_of(scheme).name for scheme in FORMATS},
        engines=work.engines, artifacts=work.artifacts, state_bytes=work.state_bytes, boards=work.boards,
        checks=tuple(work.checks), files=tuple(str(path.relative_to(work.folder)) for path in shown),
        seconds=work.seconds,
    )  # fmt: skip


def _scores(measure: Measure, answers: dict[str, list[Answer]]) -> Scores:
    scores = {scheme: measure.score(found) for scheme, found in answers.items()}
    return Scores(measure.metric, measure.unit, _target(measure, scores["pytorch"]), scores)


def _target(measure: Measure, score: float) -> str:
    if measure.target is None:
        return ""
    bound = f"{'≤' if measure.lower_is_better else '≥'} {in_unit(measure.target, measure.unit)}"
    return bound if measure.reaches_target(score) else f"{bound}, missed"


def _report(result: Result, folder: Path) -> None:
    pictures.draw_costs(result, folder / "costs.png")
    result.write(folder)
    shown = [f"![{name}]({name})" if name.endswith(".png") else f"[{name}]({name})" for name in result.files]
    exports = [f"[{scheme}]({scheme})" for scheme in result.artifacts]
    lines = [
        f"# {result.name}", tables.section(result), *shown, "![costs](costs.png)",
        "Artifacts and the reports of their proofs: " + ", ".join(exports), "",
    ]  # fmt: skip
    (folder / "report.md").write_text("\n\n".join(lines), encoding="utf-8")
