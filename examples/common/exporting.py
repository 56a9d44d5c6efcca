"""The artifacts of an example, written by ``edgernn export`` as its export.toml says.

    python -m examples.common.exporting NAME     writes the calibration that export.toml names
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgernn.cli.common import config
from edgernn.cli.export import command
from edgernn.seq2seq_model import FORMATS as OF_TWO_PARTS
from examples.common.task import Task

CONFIG = "export.toml"
CALIBRATION = "calibration.npz"
FORMATS = {"float32": "ern,onnx,tflite,c,so", "int16x8": "ern,onnx,tflite,c,so", "int8": "ern,tflite,so"}
"""Scheme -> what is written and proved."""

FASTEST = (".so", ".ern")
EXAMPLES = Path(__file__).parents[1]
BUILD = EXAMPLES.parent / "build" / "examples"


def write_calibration(task: Task, folder: Path) -> Path:
    """The sequences from which ranges are taken, where export.toml looks for them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CALIBRATION
    arrays = {f"sequence_{k}": frames for k, frames in enumerate(task.calibration())}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def export(task: Task, scheme: str, folder: Path, calibration: Path, formats: str | None = None) -> dict[str, int]:
    """Write and prove the artifacts of a scheme into ``folder``; the bytes of each, by suffix.

    Raises:
        EdgeRNNError: an artifact does not agree with PyTorch, or cannot be written.
    """
    formats = formats or formats_of(task, scheme)
    arguments = [
        "--config", str(task.folder / CONFIG), "--quant", scheme, "--weights", str(task.weights_of(scheme)),
        "--calibration", str(calibration), "--format", formats, "--output", str(folder), "--quiet",
    ]  # fmt: skip
    command.main(arguments, standalone_mode=False)
    name = artifact_name(task)
    return {suffix: (folder / f"{name}.{suffix}").stat().st_size for suffix in formats.split(",")}


def formats_of(task: Task, scheme: str) -> str:
    """What is written of a scheme, with commas between."""
    return ",".join(f for f in FORMATS[scheme].split(",") if task.mode != "seq2seq" or f in OF_TWO_PARTS)


def artifact_name(task: Task) -> str:
    """What the files are called."""
    name: str = config.read(task.folder / CONFIG)["name"]
    return name


def artifact(task: Task, folder: Path, suffixes: Sequence[str] = FASTEST) -> Path:
    """The first of the suffixes that was written."""
    paths = [folder / f"{artifact_name(task)}{suffix}" for suffix in suffixes]
    return next(path for path in paths if path.is_file())


def names() -> list[str]:
    """The examples: folders with an export.toml."""
    return sorted(path.parent.name for path in EXAMPLES.glob(f"*/{CONFIG}"))


def task_of(name: str) -> Task:
    """The task of an example. Raises ModuleNotFoundError where there is no such example."""
    task: Task = importlib.import_module(f"examples.{name}.run").TASK
    return task


if __name__ == "__main__":
    print(write_calibration(task_of(sys.argv[1]), BUILD / sys.argv[1]))
