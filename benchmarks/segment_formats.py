"""Whole segments as files for other runtimes, and as compiled C.

    python -m benchmarks.segment_formats [--json results.json]

Microseconds of a frame of bidirectional layers, or of attention, with a linear layer, in one thread: as C ("native"),
in ONNX Runtime by recurrent operators over all frames, or by a Scan with a step of the program, and in LiteRT. The rule
of ``edgernn.export.onnx.sequences`` (all frames at once where that is possible) stands on this.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor, nn

import edgernn
from benchmarks.report import machine, show_table, write_json
from benchmarks.timing import interleaved_us, medians
from edgernn.export.c import write_shared_library
from edgernn.export.onnx import build_segment, to_file
from edgernn.export.tflite import write as write_tflite
from edgernn.runtime.segment import SegmentSession
from edgernn.segments import SegmentModel

SIZES = (
    ("LSTM", 16, 24, 40), ("LSTM", 40, 64, 100), ("LSTM", 40, 64, 1000), ("LSTM", 64, 128, 100), ("GRU", 64, 128, 100),
    ("Attention", 64, 64, 50), ("Attention", 64, 64, 200),
)  # fmt: skip
"""(layer, inputs, hidden, frames)."""

FORMS = {"native": "so", "operators": "onnx", "Scan": "onnx", "LiteRT": "tflite"}
"""Name -> suffix."""


class Attention(nn.Module):
    """Of four heads, of all frames to all frames."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.linear = nn.MultiheadAttention(inputs, 4, batch_first=True), nn.Linear(inputs, 10)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.linear(self.layer(x, x, x, need_weights=False)[0])
        return found


class Both(nn.Module):
    """A bidirectional layer and a linear one."""

    def __init__(self, layer: str, inputs: int, hidden: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = getattr(nn, layer)(inputs, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.linear(self.layer(x)[0])
        return found


def measure(layer: str, inputs: int, hidden: int, frames: int, rounds: int) -> dict[str, float]:
    """Median microseconds a frame. Raises click.ClickException where forms disagree."""
    module = Attention(inputs) if layer == "Attention" else Both(layer, inputs, hidden)
    model = edgernn.convert(module.eval(), inputs=f"1,T,{inputs}", mode="segment", max_frames=frames)
    if not isinstance(model, SegmentModel):
        raise click.ClickException("no model of segments")
    x = np.random.default_rng(1).standard_normal((frames, inputs)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        files = {form: Path(folder) / f"{form}.{suffix}" for form, suffix in FORMS.items()}
        write_shared_library(model.segment, files["native"])
        files["operators"].write_bytes(to_file(build_segment(model.segment)))
        files["Scan"].write_bytes(to_file(build_segment(model.segment, lambda stage: False)))
        write_tflite(model.segment, files["LiteRT"])
        runs = {form: _runner(path) for form, path in files.items()}
        results = [run(x) for run in runs.values()]
        worst = max(float(np.abs(y - results[0]).max()) for y in results)
        if not worst < 1e-5:
            raise click.ClickException(f"{layer} {inputs}->{hidden}: the forms differ by {worst:.2g}")
        times = medians(interleaved_us(runs, {form: [x] for form in runs}, rounds))
    return {form: us / frames for form, us in times.items()}


def _runner(path: Path) -> Callable[[Any], Any]:
    session = edgernn.load(path)
    if not isinstance(session, SegmentSession):
        raise click.ClickException("no session of segments")
    return session.run


@click.command(help=__doc__)
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(3), help="Bursts of each form.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(rounds: int, json_path: Path | None) -> None:
    """See the module."""
    results: dict[str, dict[str, float]] = {}
    rows = []
    for layer, inputs, hidden, frames in SIZES:
        us = results[f"{layer}_{inputs}_{hidden}_{frames}"] = measure(layer, inputs, hidden, frames, rounds)
        rows.append([f"{layer}({inputs}->{hidden}), {frames} frames", *(f"{us[form]:.2f}" for form in FORMS)])
    show_table(f"Microseconds a frame, {machine()}", ["layer", *FORMS], rows)
    write_json({"machine": machine(), "us": results}, json_path)


if __name__ == "__main__":
    main()
