"""The C of a model that takes whole segments: a function for each stage, and one that runs them over the frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.export.c.checks import index_limits
from edgernn.export.c.pack_integer import Packing
from edgernn.export.c.program import Program
from edgernn.export.c.shared import Shared
from edgernn.export.c.source import (
    Source,
    c_shape,
    common,
    generate,
    rendered,
    signature,
    state_contexts,
    statements,
    structure_members,
    unused,
)
from edgernn.export.c.text import C_TYPES, c_float, c_name
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import LIVE_STATE
from edgernn.ir.segment import Segment, Stage
from edgernn.ir.types import DTYPE_BYTES
from edgernn.passes.plan import Block, pack


@dataclass(frozen=True)
class _Place:
    """Where a value lies: C expression of its first element, and elements from one frame to the next (0: only one)."""

    base: str
    step: int


def generate_source(
    model: Graph | Segment, stem: str, lanes: int, *, simd: str = "none", embed: bool = False
) -> Source:
    """The C of a step program or of a model of whole segments, as ``generate`` or ``generate_segment`` gives it."""
    make = generate_segment if isinstance(model, Segment) else generate
    return make(model, stem, lanes, simd=simd, embed=embed)  # type: ignore[arg-type]


def generate_segment(segment: Segment, stem: str, lanes: int, *, simd: str = "none", embed: bool = False) -> Source:
    """The C of ``segment``; arguments and errors as for ``edgernn.export.c.source.generate``."""
    return _Writer(segment, Packing(lanes, simd)).source(stem, embed)


class _Writer:
    def __init__(self, segment: Segment, packing: Packing) -> None:
        self.segment, self.packing, self.shared = segment, packing, Shared()
        self.shared.files.add("ern_check.c")
        self.parameters = self._name_ports()
        self.shared.parameters.update(self.parameters.values())
        self.programs = [Program(s.graph, packing.lanes, packing.simd, self.shared, False) for s in segment.stages]
        self.places, self.arenas = self._allocate()

    def source(self, stem: str, embed: bool) -> Source:
        """All files."""
        interface = self.segment.interface()
        own = self._context()
        context = {**common(self.shared, self.packing, interface.whole_segment(), stem), **own}
        return rendered("segment", context, self.shared, interface, embed)

    def _name_ports(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for kind, ports in (("input", self.segment.inputs), ("output", self.segment.outputs)):
            for port in ports:
                names[f"{kind} {port.name}"] = c_name(port.name, names.values())
        return names

    def _allocate(self) -> tuple[dict[str, _Place], dict[str, int]]:
        """Places of all values: inputs, outputs, and what is kept between stages, which shares memory by lifetime."""
        places = {p.value: _Place(self.parameters[f"input {p.name}"], _step(p)) for p in self.segment.inputs}
        for port in self.segment.outputs:
            if port.value not in places:
                places[port.value] = _Place(self.parameters[f"output {port.name}"], _step(port))
        last = {p.name: k for k, stage in enumerate(self.segment.stages) for p in stage.graph.inputs}
        blocks: dict[str, tuple[Block, int]] = {}
        for k, stage in enumerate(self.segment.stages):
            for port in stage.graph.outputs:
                if port.name not in places:
                    count = 1 if _single(stage, port) else self.segment.max_steps
                    block = Block(port.dtype, port.size * count, k, max(k, last.get(port.name, k)))
                    blocks[port.name] = block, 0 if count == 1 and _single(stage, port) else port.size
        arenas = pack([block for block, _ in blocks.values()])
        for name, (block, step) in blocks.items():
            places[name] = _Place(f"model->buffers_{block.dtype} + {block.offset}", step)
        return places, arenas

    def _context(self) -> dict[str, Any]:
        stages = [
            self._stage(k, stage, program)
            for k, (stage, program) in enumerate(zip(self.segment.stages, self.programs, strict=True))
        ]
        ports = [("input", p) for p in self.segment.inputs] + [("output", p) for p in self.segment.outputs]
        pointers = [f"{'const ' if kind == 'input' else ''}{C_TYPES[p.dtype]} *" for kind, p in ports]
        names = [self.parameters[f"{kind} {p.name}"] for kind, p in ports]
        return {
            "inputs": [self._port("input", p) for p in self.segment.inputs],
            "outputs": [self._port("output", p) for p in self.segment.outputs],
            "max_frames": self.segment.max_frames, "hop": self.segment.hop, "stages": stages, "checks": self._checks(),
            "signature": ", ".join(f"{kind}{name}" for kind, name in zip(pointers, names, strict=True)),
            "arguments": ", ".join(names), "advanced": self._advanced(ports, names), "copies": self._copies(),
            "members": [f"{C_TYPES[d]} buffers_{d}[{n}]" for d, n in sorted(self.arenas.items(), key=_widest_first)],
            "buffer_bytes": sum(DTYPE_BYTES[d] * n for d, n in self.arenas.items()),
            "pass_bytes": max(stage["bytes"] for stage in stages),
            "state_bytes": self.segment.state_bytes, "ram_bytes": self._ram_bytes(stages),
        }  # fmt: skip

    def _stage(self, number: int, stage: Stage, program: Program) -> dict[str, Any]:
        members, _ = structure_members(program)
        guarded = [p for p in program.graph.outputs if stage.takes.get(p.name) == "first" or stage.graph.tail]
        members += [f"{C_TYPES[p.dtype]} spare_{k}[{p.size}]" for k, p in enumerate(guarded)]
        members.sort(key=lambda m: -_width(m))
        spare = {p.name: f"model->pass.stage_{number}.spare_{k}" for k, p in enumerate(guarded)}
        return {
            "number": number, "direction": stage.direction, "members": members, "tail": stage.graph.tail,
            "live": program.members.get(LIVE_STATE, ""),
            "bytes": _structure_bytes([(_width(m), _bytes(m)) for m in members]), "alignment": _width(members[0]),
            "states": state_contexts(program), "signature": signature(program), "unused": unused(program),
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

    def _advanced(self, ports: list[tuple[str, Port]], names: list[str]) -> str:
        """Arguments of segment number ``done`` of several."""
        return ", ".join(
            name if port.kind == "static" else f"{name} + done * {self._whole(port)}"
            for (_, port), name in zip(ports, names, strict=True)
        )

    def _whole(self, port: Port) -> int:
        return port.size * (self.segment.max_steps if port.kind == "frame" else 1)

    def _copies(self) -> list[str]:
        """Of outputs whose value lies elsewhere: it is an input, or another output as well."""
        lines = []
        for port in self.segment.outputs:
            target, source = self.parameters[f"output {port.name}"], self.places[port.value].base
            if source != target:
                count = " * steps" if port.kind == "frame" else ""
                lines.append(f"ern_memcpy({target}, {source}, {port.size * DTYPE_BYTES[port.dtype]}u{count});")
        return lines

    def _checks(self) -> list[tuple[str, str]]:
        """(condition that must hold, status to return otherwise)."""
        limits: dict[str, int] = {p.value: p.limit for p in self.segment.inputs if p.limit is not None}
        for program in self.programs:
            for port in program.graph.inputs:
                limit = index_limits(program.graph).get(port.value)
                if limit is not None:
                    limits[port.name] = min(limit, limits.get(port.name, limit))
        checks = []
        for port in self.segment.inputs:
            count = f"{port.size} * steps" if port.kind == "frame" else str(port.size)
            name = self.parameters[f"input {port.name}"]
            if port.dtype == "float32":
                checks.append((f"ern_all_finite_f32({name}, {count})", "ERN_NOT_FINITE"))
            elif port.dtype == "int32" and port.value in limits:
                condition = f"ern_all_between_i32({name}, {count}, 0, {limits[port.value] - 1})"
                checks.append((condition, "ERN_OUT_OF_RANGE"))
        return checks

    def _port(self, kind: str, port: Port) -> dict[str, Any]:
        return {
            "c_name": self.parameters[f"{kind} {port.name}"], "type": C_TYPES[port.dtype], "kind": port.kind,
            "shape": c_shape(port.shape), "size": port.size, "whole": self._whole(port), "limit": port.limit,
            "scale": None if port.scale is None else c_float(port.scale),
        }  # fmt: skip

    def _ram_bytes(self, stages: list[dict[str, Any]]) -> int:
        alignment = max(stage["alignment"] for stage in stages)
        largest = max(stage["bytes"] for stage in stages)
        union = (alignment, -(-largest // alignment) * alignment)
        arenas = sorted(self.arenas.items(), key=_widest_first)
        return _structure_bytes([*((DTYPE_BYTES[d], DTYPE_BYTES[d] * n) for d, n in arenas), union])


def _step(port: Port) -> int:
    return port.size if port.kind == "frame" else 0


def _single(stage: Stage, port: Port) -> bool:
    """Whether there is one value for the whole segment."""
    return port.name in stage.takes or stage.direction == "once"


def _widest_first(arena: tuple[str, int]) -> tuple[int, str]:
    return -DTYPE_BYTES[arena[0]], arena[0]


def _structure_bytes(members: list[tuple[int, int]]) -> int:
    """Of a structure with members of these alignments and sizes, in this order."""
    offset = 0
    for alignment, nbytes in members:
        offset = -(-offset // alignment) * alignment + nbytes
    widest = max(alignment for alignment, _ in members)
    return -(-offset // widest) * widest


def _width(member: str) -> int:
    return next(DTYPE_BYTES[d] for d, c_type in C_TYPES.items() if c_type == member.split()[0])


def _bytes(member: str) -> int:
    count = int(member[member.index("[") + 1 : -1])
    return math.prod((_width(member), count))
