"""Runs the stages of a model of whole segments, each on an engine for step programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.interface import LIVE_STATE
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment, Stage
from edgernn.runtime.engines.base import Engine


class StageRunner:
    """Of an .ern file: one engine a stage. See ``edgernn.runtime.segment.Runner``."""

    def __init__(self, segment: Segment, engines: Sequence[Engine]) -> None:
        self.segment, self.interface = segment, segment.interface()
        self.name = engines[0].name
        self.buffer_bytes, self.state_bytes = segment.buffer_bytes, segment.state_bytes
        self._engines = list(engines)

    def run(self, inputs: Sequence[Array], count: int) -> list[Array]:
        """As ``Runner.run``."""
        values = {port.value: array for port, array in zip(self.segment.inputs, inputs, strict=True)}
        for stage, engine in zip(self.segment.stages, self._engines, strict=True):
            _run_stage(stage, engine, values, count)
        return [
            values[p.value].reshape((count, *p.shape) if p.kind == "frame" else p.shape).copy()
            for p in self.segment.outputs
        ]

    def close(self) -> None:
        """Release the engines."""
        for engine in self._engines:
            engine.close()


def _run_stage(stage: Stage, engine: Engine, values: dict[str, Array], count: int) -> None:
    """Run one stage and add its outputs to ``values``."""
    engine.reset()
    once = stage.direction == "once"
    ports, outputs = stage.graph.inputs, stage.graph.outputs
    made = [
        np.empty(p.shape if p.name in stage.takes or once else (count, *p.shape), p.dtype) for p in outputs
    ]
    whole = [once or p.kind == "static" for p in ports]
    arrays = [values[p.name].reshape(p.shape if w else (count, *p.shape)) for p, w in zip(ports, whole, strict=True)]
    for k in range(1 if once else count):
        t = count - 1 - k if stage.direction == "backward" else k
        results = engine.run(*[a if w else a[t] for a, w in zip(arrays, whole, strict=True)])
        for array, port, result in zip(made, outputs, results, strict=True):
            take = stage.takes.get(port.name, "")
            late = t - stage.shifts.get(port.name, 0)
            if once or take == "last" or (take == "first" and k == 0):
                array[...] = result
            elif not take and late >= 0:
                array[late] = result
    if stage.graph.tail:
        _finish(stage, engine, [a if w else np.zeros_like(a[0]) for a, w in zip(arrays, whole, strict=True)], made)
    values.update({port.name: array for port, array in zip(outputs, made, strict=True)})


def _finish(stage: Stage, engine: Engine, frames: list[Array], made: list[Array]) -> None:
    """The steps after the last frame."""
    states = zip(stage.graph.states, engine.get_states(), strict=True)
    engine.set_states([np.zeros_like(a) if s.name == LIVE_STATE else a for s, a in states])
    for k in range(stage.graph.tail):
        results = engine.run(*frames)
        for array, port, result in zip(made, stage.graph.outputs, results, strict=True):
            late = len(array) + k - stage.shifts.get(port.name, 0) if port.name not in stage.takes else -1
            if 0 <= late < len(array):
                array[late] = result
