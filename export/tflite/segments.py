"""Models of whole segments in builtin operators: a WHILE for each pass over the frames, whose body is a step.

The file takes as many frames as the longest segment has, in tensors [max_steps, *frame] of which rows after the last
frame are not read, and the number of frames; outputs of every frame are [max_steps, *frame] too.

Between passes, frames are kept in float32, or in int8: these are what GATHER and DYNAMIC_UPDATE_SLICE of all three
runtimes take. Numbers of 16 bits, and indices, are exact in float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgernn.errors import UnsupportedModelError
from edgernn.export.tflite.loops import Loop, Operators
from edgernn.export.tflite.lower import lower_program, tensor_of
from edgernn.export.tflite.writer import Quantization, Writer
from edgernn.ir.graph import Port
from edgernn.ir.interface import LIVE_STATE
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment, Stage
from edgernn.passes.scales import infer_scales

STEPS = "steps"
"""Name of the input that is the number of steps, unless a port has it."""

EXACT = 1 << 24
"""Integers of at most this size are exact in float32."""


class SegmentLowering:
    """Appends the stages of a segment, whose ops are those that the backend has; see ``with_live_port``."""

    def __init__(self, segment: Segment, writer: Writer) -> None:
        self.segment, self.writer = segment, writer
        self.main = Operators(writer, "segment")
        self._series: dict[str, int] = {}
        self._whole: dict[str, int] = {}
        self.steps = 0

    def ends(self) -> tuple[dict[str, int], dict[str, int]]:
        """Append all, and return names of inputs and outputs -> tensors."""
        inputs = {p.name: self._input(p) for p in self.segment.inputs}
        self.steps = self.writer.tensor(_free(STEPS, inputs), (1,), "int32")
        for stage in self.segment.stages:
            if stage.direction == "once":
                self._once(stage)
            else:
                _Pass(self, stage).append()
        return {**inputs, _free(STEPS, inputs): self.steps}, {p.name: self._output(p) for p in self.segment.outputs}

    def _input(self, port: Port) -> int:
        if port.dtype == "int32" and (port.limit or 0) > EXACT:
            raise UnsupportedModelError(
                f"input {port.name!r} has indices up to {port.limit}; TensorFlow Lite files of whole segments hold "
                f"those below {EXACT}", remedy="choose another --format"
            )  # fmt: skip
        rows = self.segment.max_steps if port.kind == "frame" else 1
        tensor = self.writer.tensor(port.name, (rows, *port.shape), port.dtype, _of(port.scale))
        if port.kind == "frame":
            self._series[port.value] = self.main.reshape(self.main.cast(tensor, stored(port.dtype)), (rows, port.size))
        else:
            self._whole[port.value] = tensor
        return tensor

    def _output(self, port: Port) -> int:
        """A tensor of its own."""
        quantization = _of(port.scale)
        if port.kind == "frame":
            rows = self.main.rows(self._series[port.value], 0, self.segment.max_steps)
            found = self.main.cast(rows, port.dtype, quantization)
        else:
            found = self._whole[port.value]
        shape = (self.segment.max_steps if port.kind == "frame" else 1, *port.shape)
        result = self.main.reshape(found, shape, quantization)
        self.writer.rename(result, port.name)
        return result

    def whole(self, port: Port) -> int:
        """A value that all frames share, in the shape of a port."""
        tensor = self._whole[port.name]
        shape = (1, *port.shape)
        if self.writer.shape(tensor) == shape:
            return tensor
        return self.main.reshape(tensor, shape, self.writer.quantization(tensor))

    def series(self, port: Port, tail: int) -> int:
        """The frames of a port; with a row of zeros after the last one, where a pass goes on behind it."""
        series = self._series[port.name]
        if not tail:
            return series
        zeros = self.main.zeros(1, port.size, self.writer.dtype(series))
        return self.main.with_row(self.main.joined(series, zeros), zeros, self.steps)

    def keep(self, port: Port, tensor: int, in_frames: bool) -> None:
        """Record what a stage gives: a series, or a value of the whole segment."""
        (self._series if in_frames else self._whole)[port.name] = tensor

    def _once(self, stage: Stage) -> None:
        graph, scales = stage.graph, infer_scales(stage.graph)
        tensors = {p.value: self.whole(p) for p in graph.inputs}
        tensors |= {s.before: initial(self.writer, s.initial, s.name, scales.get(s.before)) for s in graph.states}
        lower_program(graph, self.writer, tensors, scales)
        for port in graph.outputs:
            self.keep(port, tensor_of(graph, self.writer, tensors, port.value), False)


class _Pass:
    """One pass over the frames on its way into a file."""

    def __init__(self, segment: SegmentLowering, stage: Stage) -> None:
        self.segment, self.stage, self.graph = segment, stage, stage.graph
        self.scales: Mapping[str, float] = infer_scales(stage.graph)
        self.loop = Loop(segment.writer, stage.graph.name)
        self.inside = Operators(self.loop.body, f"{stage.graph.name}/step")
        self._count()

    def _count(self) -> None:
        """Variables of time: the step, the first one, and the number of all."""
        main, tail = self.segment.main, self.graph.tail
        self.forward = self.stage.direction == "forward"
        start = main.ints(0) if self.forward else main.number("ADD", self.segment.steps, main.ints(-1))
        end = main.number("ADD", self.segment.steps, main.ints(tail)) if self.forward else main.ints(-1)
        self.t, self.first = self.loop.variable(start, "t"), self.loop.variable(start, "first")
        self.end, self.steps = self.loop.variable(end, "end"), self.loop.variable(self.segment.steps, STEPS)
        self.loop.set(self.t, self.inside.number("ADD", self.t, self.inside.ints(1 if self.forward else -1)))

    def append(self) -> None:
        """Append the loop, and record what it gives."""
        at = self.inside.number("MINIMUM", self.t, self.steps) if self.graph.tail else self.t
        tensors = {p.value: self._input(p, at) for p in self.graph.inputs}
        states = []
        for s in self.graph.states:
            before = initial(self.segment.writer, s.initial, s.name, self.scales.get(s.before))
            states.append(self.loop.variable(before, s.name))
            tensors[s.before] = states[-1]
        lower_program(self.graph, self.loop.body, tensors, self.scales)
        for s, variable in zip(self.graph.states, states, strict=True):
            self.loop.set(variable, tensor_of(self.graph, self.loop.body, tensors, s.after))
        kept = [self._kept(p, tensor_of(self.graph, self.loop.body, tensors, p.value)) for p in self.graph.outputs]
        low, high = (self.t, self.end) if self.forward else (self.end, self.t)
        ends = self.loop.in_condition(low), self.loop.in_condition(high)
        after = self.loop.run(Operators(self.loop.condition, "condition").number("LESS", *ends, dtype="bool"))
        for port, (variable, row) in zip(self.graph.outputs, kept, strict=True):
            self._record(port, after[variable], row)

    def _input(self, port: Port, at: int) -> int:
        if port.name == LIVE_STATE:
            return self.inside.reshape(self.inside.truth("LESS", self.t, self.steps), (1, *port.shape))
        if port.kind == "static":
            return self.loop.variable(self.segment.whole(port), port.name)
        series = self.loop.variable(self.segment.series(port, self.graph.tail), port.name)
        quantization = _of(self.scales.get(port.value))
        row = self.inside.cast(self.inside.row(series, at), port.dtype, quantization)
        return self.inside.reshape(row, (1, *port.shape), quantization)

    def _kept(self, port: Port, value: int) -> tuple[int, int | None]:
        """The variable that keeps a result, and the row of it that is wanted: None for all."""
        take, tail, shift = self.stage.takes.get(port.name), self.graph.tail, self.stage.shifts.get(port.name, 0)
        if take == "last" and not tail:
            zeros, scale = np.zeros(port.shape, port.dtype), self.scales.get(port.value)
            last = self.loop.variable(initial(self.segment.writer, zeros, port.name, scale), port.name)
            self.loop.set(last, value)
            return last, None
        if take:
            code, other = ("LESS", self.steps) if take == "last" else ("NOT_EQUAL", self.first)
            return self._written(port, value, 2, self.inside.truth(code, self.t, other)), int(take == "last")
        index = self.t
        if shift:
            late = self.inside.number("ADD", self.t, self.inside.ints(-shift))
            index = self.inside.number("MAXIMUM", late, self.inside.ints(0))
        return self._written(port, value, self.segment.segment.max_steps + tail, index), None

    def _written(self, port: Port, value: int, rows: int, index: int) -> int:
        """A variable of so many rows, of which a turn writes one."""
        series = self.segment.main.zeros(rows, port.size, stored(port.dtype))
        variable = self.loop.variable(series, port.name)
        row = self.inside.reshape(self.inside.cast(value, stored(port.dtype)), (1, port.size))
        self.loop.set(variable, self.inside.with_row(variable, row, index))
        return variable

    def _record(self, port: Port, tensor: int, row: int | None) -> None:
        main, quantization = self.segment.main, self._quantization(port)
        if row is not None:
            found = main.cast(main.rows(tensor, row, 1), port.dtype, quantization)
            tensor = main.reshape(found, (1, *port.shape), quantization)
        self.segment.keep(port, tensor, port.name not in self.stage.takes)

    def _quantization(self, port: Port) -> Quantization | None:
        return _of(self.scales.get(port.value))


def stored(dtype: str) -> str:
    """The dtype in which frames of ``dtype`` are kept."""
    return dtype if dtype in ("float32", "int8") else "float32"


def initial(writer: Writer, array: Array, name: str, scale: float | None) -> int:
    """A constant that a state begins with."""
    return writer.constant(array[None], f"{name}/initial", _of(scale))


def _of(scale: float | None) -> Quantization | None:
    return None if scale is None else Quantization((scale,), (0,))


def _free(name: str, taken: Mapping[str, int]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)
