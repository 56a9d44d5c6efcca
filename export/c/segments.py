"""The C of a model that takes whole segments: a function for each stage, and one that runs them over the frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.export.c.checks import index_limits
from edgernn.export.c.pack_integer import Packing
from edgernn.export.c.program import Program
from edgernn.export.c.shared import Shared
from edgernn.export.c.source import (
    UNUSED,
    Source,
    Structure,
    arrays_of,
    common,
    port_context,
    rendered,
    signature,
    state_contexts,
    statements,
    structure,
    unused,
)
from edgernn.ir.graph import Port
from edgernn.ir.interface import LIVE_STATE
from edgernn.ir.segment import Segment, Stage
from edgernn.ir.types import DTYPE_BYTES
from edgernn.passes.plan import Block, pack


@dataclass(frozen=True)
class _Place:
    """Where a value lies: C expression of its first element, and elements from one frame to the next (0: only one)."""

    base: str
    step: int


def generate_segment(segment: Segment, stem: str, lanes: int, *, simd: str = "none", embed: bool = False) -> Source:
    """The C of ``segment``; arguments and errors as for ``edgernn.export.c.source.generate``."""
    packing, shared = Packing(lanes, simd), Shared()
    names = shared.name_ports(segment.inputs, segment.outputs)
    part = Part(segment, packing, shared, names, "model->")
    interface = segment.interface()
    own = _whole(part)
    context = {**common(shared, packing, interface.whole_segment(), stem), **own}
    return rendered("segment", context, shared, interface, embed)


def _whole(part: Part) -> dict[str, Any]:
    """What the templates of a model that is one part know of it."""
    segment, names = part.segment, part.names
    ports = [("input", p) for p in segment.inputs] + [("output", p) for p in segment.outputs]
    arguments = [names[f"{kind} {p.name}"] for kind, p in ports]
    advanced = [
        name if port.kind == "static" else f"{name} + done * {part.elements(port)}"
        for (_, port), name in zip(ports, arguments, strict=True)
    ]
    return {
        "inputs": [part.port("input", p) for p in segment.inputs],
        "outputs": [part.port("output", p) for p in segment.outputs],
        "max_frames": segment.max_frames, "hop": segment.hop, **part.context(), "checks": part.checks(),
        "signature": signature(names, segment.inputs, segment.outputs),
        "arguments": ", ".join(arguments), "advanced": ", ".join(advanced),
        "copies": [text for _, _, text in part.copies()],
        "state_bytes": segment.state_bytes,
    }  # fmt: skip


class Part:
    """The C of the stages of one segment.

    names   "input NAME" or "output NAME" -> the C expression of its first element
    root    of the expressions of what the structure holds: "model->"
    kept    outputs whose values get memory of their own, from which ``copies`` are made at the end
    """

    def __init__(
        self, segment: Segment, packing: Packing, shared: Shared, names: dict[str, str], root: str,
        kept: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.segment, self.shared, self.names, self.root, self.kept = segment, shared, names, root, kept
        self.programs = [Program(s.graph, packing.lanes, packing.simd, shared, False) for s in segment.stages]
        self.places, self.arenas = self._allocate()

    def _allocate(self) -> tuple[dict[str, _Place], dict[str, int]]:
        """Places of all values: inputs, outputs, and what is kept between stages, which shares memory by lifetime."""
        places = {p.value: _Place(self.names[f"input {p.name}"], _step(p)) for p in self.segment.inputs}
        for port in self.segment.outputs:
            if port.value not in places and port.name not in self.kept:
                places[port.value] = _Place(self.names[f"output {port.name}"], _step(port))
        last = {p.name: k for k, stage in enumerate(self.segment.stages) for p in stage.graph.inputs}
        last |= {p.value: len(self.segment.stages) for p in self.segment.outputs if p.name in self.kept}
        blocks: dict[str, tuple[Block, int]] = {}
        for k, stage in enumerate(self.segment.stages):
            for port in stage.graph.outputs:
                if port.name not in places:
                    count = 1 if _single(stage, port) else self.segment.max_steps
                    block = Block(port.dtype, port.size * count, k, max(k, last.get(port.name, k)))
                    blocks[port.name] = block, 0 if count == 1 and _single(stage, port) else port.size
        arenas = pack([block for block, _ in blocks.values()])
        for name, (block, step) in blocks.items():
            places[name] = _Place(f"{self.root}buffers_{block.dtype} + {block.offset}", step)
        return places, arenas

    def context(self) -> dict[str, Any]:
        """Stages, members of the structure, and bytes."""
        stages = [
            self._stage(k, stage, program)
            for k, (stage, program) in enumerate(zip(self.segment.stages, self.programs, strict=True))
        ]
        passes = [stage["structure"] for stage in stages]
        buffers = structure([(dtype, size, f"buffers_{dtype}") for dtype, size in self.arenas.items()])
        return {
            "stages": stages, "members": buffers.members, "buffer_bytes": buffers.used,
            "pass_bytes": max(s.nbytes for s in passes), "ram_bytes": with_union(buffers, passes),
            "alignment": max(part.alignment for part in (buffers, *passes)),
        }  # fmt: skip

    def _stage(self, number: int, stage: Stage, program: Program) -> dict[str, Any]:
        guarded = [p for p in program.graph.outputs if stage.takes.get(p.name) == "first" or stage.graph.tail]
        arrays = [*arrays_of(program), *((p.dtype, p.size, f"spare_{k}") for k, p in enumerate(guarded))]
        spare = {p.name: f"{self.root}pass.stage_{number}.spare_{k}" for k, p in enumerate(guarded)}
        return {
            "number": number, "direction": stage.direction, "structure": structure(arrays or UNUSED),
            "tail": stage.graph.tail, "live": program.members.get(LIVE_STATE, ""),
            "states": state_contexts(program), "unused": unused(program),
            "signature": signature(program.parameters, program.graph.inputs, program.graph.outputs),
            "statements": statements(program), "arguments": self._arguments(stage, program, spare),
            "timed": stage.direction != "once",
        }  # fmt: skip

    def _arguments(self, stage: Stage, program: Program, spare: dict[str, str]) -> str:
        inputs = [self._input(stage, port) for port in program.graph.inputs]
        return ", ".join([*inputs, *(self._output(stage, port, spare) for port in program.graph.outputs)])

    def _input(self, stage: Stage, port: Port) -> str:
        place = self.places[port.name]
        if not place.step:
            return place.base
        if not stage.graph.tail:
            return f"{place.base} + t * {place.step}"
        zeros = self.shared.array(np.zeros(place.step, port.dtype), f"{port.name}_none")
        return f"t < steps ? {place.base} + t * {place.step} : {zeros}"

    def _output(self, stage: Stage, port: Port, spare: dict[str, str]) -> str:
        """Results that belong to no frame of the segment go to a spare place."""
        place, shift = self.places[port.name], stage.shifts.get(port.name, 0)
        late = f"t - {shift}" if shift else "t"
        address = f"{place.base} + ({late}) * {place.step}" if place.step else place.base
        if stage.takes.get(port.name) == "first":
            return f"k == 0 ? {address} : {spare[port.name]}"
        return f"{late} < steps ? {address} : {spare[port.name]}" if stage.graph.tail else address

    def elements(self, port: Port) -> int:
        """Of a port for the most frames."""
        return port.size * (self.segment.max_steps if port.kind == "frame" else 1)

    def copies(self) -> list[tuple[str, str, str]]:
        """(target, source, statement) of outputs whose value lies elsewhere: an input, another output, or kept."""
        lines = []
        for port in self.segment.outputs:
            target, source = self.names[f"output {port.name}"], self.places[port.value].base
            if source != target:
                count = " * steps" if port.kind == "frame" else ""
                nbytes = port.size * DTYPE_BYTES[port.dtype]
                lines.append((target, source, f"ern_memcpy({target}, {source}, {nbytes}u{count});"))
        return lines

    def checks(self, only: str = "") -> list[tuple[str, str]]:
        """(condition that must hold, status to return otherwise) of all inputs, or of ``only`` one."""
        limits: dict[str, int] = {p.value: p.limit for p in self.segment.inputs if p.limit is not None}
        for program in self.programs:
            for port in program.graph.inputs:
                limit = index_limits(program.graph).get(port.value)
                if limit is not None:
                    limits[port.name] = min(limit, limits.get(port.name, limit))
        checks = []
        for port in (p for p in self.segment.inputs if only in ("", p.name)):
            count = f"{port.size} * steps" if port.kind == "frame" else port.size
            name = self.names[f"input {port.name}"]
            checks += self.shared.check(port.dtype, name, count, limits.get(port.value))
        return checks

    def port(self, kind: str, port: Port) -> dict[str, Any]:
        """A port as templates take it."""
        return {**port_context(self.names[f"{kind} {port.name}"], port), "whole": self.elements(port)}


def with_union(before: Structure, parts: list[Structure]) -> int:
    """Bytes of a structure of what is ``before``, and a union of ``parts``."""
    alignment = max(part.alignment for part in parts)
    widest = max(alignment, before.alignment)
    start = -(-before.used // alignment) * alignment
    union = -(-max(part.nbytes for part in parts) // alignment) * alignment
    return -(-(start + union) // widest) * widest


def _step(port: Port) -> int:
    return port.size if port.kind == "frame" else 0


def _single(stage: Stage, port: Port) -> bool:
    """Whether there is one value for the whole segment."""
    return port.name in stage.takes or stage.direction == "once"
