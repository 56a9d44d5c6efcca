"""Evaluates a model of whole segments by the definitions of its ops: stage after stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment, Stage
from edgernn.ops.evaluate import blocks


def run_stages(segment: Segment, frames: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """Outputs by name, [n, *shape] for those of every frame and [*shape] for those of the whole segment.

    ``frames`` maps input names to [n, *shape], or [*shape] for a static input; floats are computed in ``dtype``.
    """
    values = stage_values(segment.stages, {p.value: frames[p.name] for p in segment.inputs}, dtype)
    count = next((len(frames[p.name]) for p in segment.inputs if p.kind == "frame"), 1)
    shapes = {p.name: (count, *p.shape) if p.kind == "frame" else p.shape for p in segment.outputs}
    return {p.name: values[p.value].reshape(shapes[p.name]) for p in segment.outputs}


def stage_values(stages: Iterable[Stage], values: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """All values that pass between stages, by name: ``values`` are those of the inputs."""
    found = dict(values)
    for stage in stages:
        frames = stage_frames(stage, found)
        made = _all_steps(stage.graph, frames, dtype)
        count = next(len(frames[p.name]) for p in stage.graph.inputs if p.kind == "frame")
        for port in stage.graph.outputs:
            shift = stage.shifts.get(port.name, 0)
            series = made[port.name][shift : shift + count]
            take = stage.takes.get(port.name, "last" if stage.direction == "once" else "")
            if take:
                found[port.name] = series[-1 if take == "last" else 0]
            else:
                found[port.name] = series[::-1] if stage.direction == "backward" else series
    return found


def _all_steps(graph: Graph, frames: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    """Outputs of each step of a pass, those after the last frame among them."""
    rows: dict[str, list[Array]] = {p.name: [] for p in graph.outputs}
    for values, size in blocks(graph, frames, dtype):
        for port in graph.outputs:
            rows[port.name].append(np.broadcast_to(values[port.value], (size, *port.shape)))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def stage_frames(stage: Stage, values: Mapping[str, Array]) -> dict[str, Array]:
    """What a stage takes, in the order of its steps: for ``evaluate.blocks``, and to calibrate its step program."""
    frames = {}
    for port in stage.graph.inputs:
        value = values[port.name]
        if port.kind == "static":
            frames[port.name] = value.reshape(port.shape)
        elif stage.direction == "once":
            frames[port.name] = value.reshape(1, *port.shape)
        else:
            series = value.reshape(-1, *port.shape)
            frames[port.name] = np.ascontiguousarray(series[::-1] if stage.direction == "backward" else series)
    return frames
