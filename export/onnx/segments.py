"""Models of whole segments in ONNX operators: each pass over the frames takes all of them at once, or is a Scan.

Values of every frame have the shape (steps, 1, *frame), others (1, 1, *frame).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgernn.export.onnx.lower import lower
from edgernn.export.onnx.model import ModelBuilder, value_info
from edgernn.export.onnx.nodes import NodeList, Store
from edgernn.export.onnx.sequences import takes_sequences
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import LIVE_STATE
from edgernn.ir.onnxfile import LEAD
from edgernn.ir.segment import Segment, Stage

STEPS = "steps"
"""Name of the axis of time."""

WAYS = {"forward": 0, "backward": 1}
"""Directions of frames and results of a Scan."""

SEQUENCES = {"forward": "forward", "backward": "reverse", "once": ""}
"""Directions of the recurrent operators."""

END = np.iinfo(np.int64).max


class SegmentBuilder(NodeList):
    """Collects the outermost graph. Ops of the stages are those that ``lower`` has; see ``with_live_port``."""

    def __init__(self, segment: Segment, at_once: Callable[[Stage], bool] = takes_sequences) -> None:
        """``at_once``: whether a pass takes all frames at once."""
        super().__init__(Store())
        self.segment, self._at_once = segment, at_once
        self.integer = False
        ports = [*segment.inputs, *segment.outputs]
        self.ports = [(p, self.store.unique(p.name or kind)) for p, kind in zip(ports, self._kinds(), strict=True)]
        self._values = {p.value: (name, p.shape) for p, name in self.ports[: len(segment.inputs)]}
        """Values that there are: name in the file, and shape of a frame."""

    def finish(self) -> onnx.GraphProto:
        """All stages, and the outputs. The initializers are in the store."""
        for stage in self.segment.stages:
            inline = stage.direction == "once" or self._at_once(stage)
            made = self._inlined(stage) if inline else self._scanned(stage)
            self._values.update({p.name: (n, p.shape) for p, n in zip(stage.graph.outputs, made, strict=True)})
        inputs, outputs = self.ports[: len(self.segment.inputs)], self.ports[len(self.segment.inputs) :]
        for port, name in outputs:
            self.op_named("Identity", [self._read(port.value, port)], [name])
        declared = ([_declared(port, name) for port, name in ends] for ends in (inputs, outputs))
        return helper.make_graph(self.nodes, self.segment.name or "model", *declared)

    def _kinds(self) -> list[str]:
        return ["input"] * len(self.segment.inputs) + ["output"] * len(self.segment.outputs)

    def _read(self, value: str, port: Port) -> str:
        """The name of a value with the shape of a port: stages may differ in axes of length 1."""
        name, shape = self._values[value]
        return name if shape == port.shape else self.op1("Reshape", [name, self.ints((0, 1, *port.shape))])

    def _program(self, graph: Graph, given: dict[str, str], direction: str = "") -> ModelBuilder:
        builder = ModelBuilder(graph, self.store, given, direction)
        builder.lower_all(lower)
        self.integer = self.integer or bool(builder.scales)
        return builder

    def _inlined(self, stage: Stage) -> list[str]:
        """The nodes of a stage that takes no frames, or all of them, and the names of its outputs."""
        graph = stage.graph
        given = {p.value: self._read(p.name, p) for p in graph.inputs}
        given |= {s.before: self.constant(s.initial.reshape((1,) * LEAD + s.shape)) for s in graph.states}
        builder = self._program(graph, given, SEQUENCES[stage.direction])
        names = [builder.stored(p.value) for p in graph.outputs]
        self.nodes += builder.nodes
        return [self._taken(stage, port, name) for port, name in zip(graph.outputs, names, strict=True)]

    def _scanned(self, stage: Stage) -> list[str]:
        """A pass over the frames, and the names of its outputs: frames in order, or one."""
        graph, way = stage.graph, WAYS[stage.direction]
        frames = [p for p in graph.inputs if p.kind == "frame"]
        series = self._series(frames, graph.tail)
        builder = self._program(graph, {p.value: self._read(p.name, p) for p in graph.inputs if p.kind != "frame"})
        body = builder.finish(graph.name)
        for ends, count in ((body.input, len(frames)), (body.output, len(graph.outputs))):
            _move_to_end(ends, count)
        initial = [self.constant(s.initial.reshape((1,) * LEAD + s.shape)) for s in graph.states]
        made = self.op(
            "Scan", [*initial, *(self.op1("Unsqueeze", [name, self.ints([1])]) for name in series)],
            len(graph.states) + len(graph.outputs), body=body, num_scan_inputs=len(frames),
            scan_input_directions=[way] * len(frames), scan_output_directions=[way] * len(graph.outputs),
        )[len(graph.states) :]  # fmt: skip
        return [
            self._taken(stage, port, self.op1("Squeeze", [name, self.ints([1])]))
            for port, name in zip(graph.outputs, made, strict=True)
        ]

    def _series(self, ports: Sequence[Port], tail: int) -> list[str]:
        """Frames as the steps of a pass take them: zeros after the last one."""
        real = [self._read(p.name, p) for p in ports if p.name != LIVE_STATE]
        if not tail:
            return real
        if len(real) < len(ports):
            real.append(self._ones(real[0]))
        zeros = [self.constant(np.zeros((tail, 1, *p.shape), p.dtype)) for p in ports]
        return [self.op1("Concat", pair, axis=0) for pair in zip(real, zeros, strict=True)]

    def _ones(self, series: str) -> str:
        """1 for each step."""
        ones = self.op1("ConstantOfShape", [self.op1("Shape", [series], start=0, end=1)], value=_ONE)
        return self.op1("Reshape", [ones, self.ints([-1, 1, 1])])

    def _taken(self, stage: Stage, port: Port, series: str) -> str:
        """Of the results of all steps, in order of the frames: those that are wanted."""
        tail, take, shift = stage.graph.tail, stage.takes.get(port.name), stage.shifts.get(port.name, 0)
        if take:
            at_end = (take == "last") == (stage.direction == "forward")
            return self.op1("Gather", [series, self.ints([-1 - tail if at_end else 0])], axis=0)
        if not tail:
            return series
        bounds = [shift, shift - tail if shift < tail else END, 0]
        return self.op1("Slice", [series, *(self.ints([n]) for n in bounds)])


_ONE = helper.make_tensor("one", TensorProto.INT32, [1], [1])


def _declared(port: Port, name: str) -> onnx.ValueInfoProto:
    return value_info(name, port.dtype, (STEPS if port.kind == "frame" else 1, 1, *port.shape))


def _move_to_end(ends: Any, count: int) -> None:
    """The first ``count`` of a repeated field behind the others: Scan has states before frames."""
    moved = [*ends[count:], *ends[:count]]
    del ends[:]
    ends.extend(moved)
