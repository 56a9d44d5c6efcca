"""The C of a model of two parts: encode, step, generate, and the memory that they share."""

from __future__ import annotations

from typing import Any

from edgernn.errors import UnsupportedModelError
from edgernn.export.c.generation import SUFFIXES
from edgernn.export.c.pack_integer import Packing
from edgernn.export.c.segments import Part, with_union
from edgernn.export.c.shared import Shared
from edgernn.export.c.source import Source, Structure, c_shape, common, port_context, rendered, signature, structure
from edgernn.export.c.text import C_TYPES, c_name
from edgernn.ir.graph import Port
from edgernn.ir.seq2seq import FRAMES_STATE, Seq2SeqProgram
from edgernn.ir.types import DTYPE_BYTES

WORK = "work"
ENCODE, STEP = "encode", "step"


def generate_seq2seq(
    program: Seq2SeqProgram, stem: str, lanes: int, *, simd: str = "none", embed: bool = False
) -> Source:
    """The C of ``program``; arguments and errors as for ``edgernn.export.c.source.generate``."""
    return _Writer(program, Packing(lanes, simd)).source(stem, embed)


class _Writer:
    def __init__(self, program: Seq2SeqProgram, packing: Packing) -> None:
        self.program, self.packing, self.shared = program, packing, Shared()
        self.face = program.interface()
        self.symbol, self.scores = self.face.inputs[0], self.face.outputs[0]
        self.parameters = self.shared.name_ports((*program.encode.inputs, self.symbol), (self.scores,))
        self.members = self._members()
        self.encode = Part(program.encode, packing, self.shared, self._encode_names(), f"model->{WORK}.{ENCODE}.")
        kept = frozenset(c.after for c in program.carried if c.after)
        self.step = Part(program.step, packing, self.shared, self._step_names(), f"model->{WORK}.{STEP}.", kept)

    def source(self, stem: str, embed: bool) -> Source:
        """All files."""
        own = self._context(embed)
        return rendered(
            "seq2seq", {**common(self.shared, self.packing, self.face, stem), **own}, self.shared, self.face, embed
        )

    def _members(self) -> dict[str, str]:
        """State -> member of the structure."""
        names: dict[str, str] = {}
        for state in self.face.states:
            names[state.name] = c_name(state.name, {WORK, *names.values()})
        return names

    def _encode_names(self) -> dict[str, str]:
        """Outputs go straight to where the decoder reads them; the first place of several."""
        names = {f"input {p.name}": self.parameters[f"input {p.name}"] for p in self.program.encode.inputs}
        for inner, outer in self.program.memory.items():
            names.setdefault(f"output {outer}", f"model->{self.members[inner]}")
        for carried in self.program.carried:
            if carried.start:
                names.setdefault(f"output {carried.start}", f"model->{self.members[carried.state.name]}")
        return names

    def _step_names(self) -> dict[str, str]:
        names = {f"input {self.program.symbol}": self.parameters[f"input {self.symbol.name}"]}
        names[f"output {self.program.scores}"] = self.parameters[f"output {self.scores.name}"]
        names |= {f"input {inner}": f"model->{self.members[inner]}" for inner in self.program.memory}
        for carried in self.program.carried:
            member = f"model->{self.members[carried.state.name]}"
            names[f"input {carried.before}"] = member
            if carried.after:
                names[f"output {carried.after}"] = member
        return names

    def _context(self, embed: bool) -> dict[str, Any]:
        encode, step = self.encode.context(), self.step.context()
        parts = [Structure([], part["ram_bytes"], part["alignment"]) for part in (encode, step)]
        states = structure([(s.dtype, _size(s.shape), self.members[s.name]) for s in self.face.states])
        scores = self.scores
        sample = f"ern_sample_{SUFFIXES[scores.dtype]}"
        log_row = f"ern_log_row_{SUFFIXES[scores.dtype]}"
        if not embed:
            self.shared.files.update((f"{sample}.c", f"{log_row}.c"))
        return {
            "sources": [self._source(p) for p in self.program.encode.inputs],
            "symbol": port_context(self.parameters[f"input {self.symbol.name}"], self.symbol),
            "scores": port_context(self.parameters[f"output {scores.name}"], scores),
            "sample": None if embed else sample, "log_row": log_row, "states": self._states(),
            "starts": self._of_states({c.state.name for c in self.program.carried if not c.start}),
            "changing": self._of_states({c.state.name for c in self.program.carried if c.after}),
            "memory": [self.members[inner] for inner in self.program.memory],
            "frames": self.members[FRAMES_STATE], "writing": self.program.writing,
            "max_frames": self.program.encode.max_frames, "hop": self.program.encode.hop,
            "encode": {**encode, "checks": self.encode.checks(), "copies": self._encode_copies()},
            "step": {
                **step, "checks": self.step.checks(self.program.symbol),
                "copies": _ordered(self.step.copies(), self.program.name),
            },
            "encode_signature": signature(self.parameters, self.program.encode.inputs, ()),
            "step_signature": signature(self.parameters, (self.symbol,), (scores,)),
            "members": states.members, "buffer_bytes": max(encode["buffer_bytes"], step["buffer_bytes"]),
            "ram_bytes": with_union(states, parts),
        }  # fmt: skip

    def _source(self, port: Port) -> dict[str, Any]:
        return self.encode.port("input", port)

    def _states(self) -> list[dict[str, Any]]:
        rows = []
        for state in self.face.states:
            initial = self.shared.array(state.initial, f"{state.name}_initial") if state.initial.any() else ""
            rows.append({
                "member": self.members[state.name], "type": C_TYPES[state.dtype], "shape": c_shape(state.shape),
                "size": _size(state.shape), "element_bytes": DTYPE_BYTES[state.dtype],
                "is_float": int(state.dtype == "float32"), "initial": initial,
            })  # fmt: skip
        return rows

    def _of_states(self, names: set[str]) -> list[dict[str, Any]]:
        """Some of the states, as the templates take them."""
        return [row for row, state in zip(self._states(), self.face.states, strict=True) if state.name in names]

    def _encode_copies(self) -> list[str]:
        """Of outputs that go to several places."""
        lines = [text for _, _, text in self.encode.copies()]
        for carried in self.program.carried:
            if carried.start:
                source, member = self.encode.names[f"output {carried.start}"], self.members[carried.state.name]
                if source != f"model->{member}":
                    lines.append(f"ern_memcpy(model->{member}, {source}, sizeof model->{member});")
        for inner, outer in self.program.memory.items():
            source, member = self.encode.names[f"output {outer}"], self.members[inner]
            if source != f"model->{member}":
                lines.append(f"ern_memcpy(model->{member}, {source}, sizeof model->{member});")
        return lines


def _ordered(copies: list[tuple[str, str, str]], name: str) -> list[str]:
    """Such that nothing is overwritten before it was copied."""
    left, lines = list(copies), list[str]()
    while left:
        sources = {source for _, source, _ in left}
        ready = [c for c in left if c[0] not in sources]
        if not ready:
            raise UnsupportedModelError(
                f"the decoder of {name!r} exchanges two of its states",
                remedy="keep each where it is; or export .ern alone",
            )
        lines += [text for _, _, text in ready]
        left = [c for c in left if c not in ready]
    return lines


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
