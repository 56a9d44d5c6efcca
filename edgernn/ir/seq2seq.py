"""A model of two parts: one reads a whole source, the other writes a target, symbol after symbol."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgernn.ir.graph import Port, State
from edgernn.ir.interface import Interface, Writing, state_to_plain
from edgernn.ir.segment import Segment, segment_fingerprint, segment_to_plain
from edgernn.ir.tokenizer import Tokenizer

MODE = "seq2seq"
FRAMES_STATE = "source_frames"
"""Name of the state that holds how many steps of memory there are: one int32, 0 before a source was read."""


@dataclass(frozen=True, eq=False)
class Carried:
    """What the decoder carries from one symbol to the next.

    state  its name, shape, dtype, scale, and what it is where no source was read, or where the encoder does not say
    before input of the step that reads it
    after  output of the step that is its next value, "" where it stays the same for a source
    start  output of the encoder that it starts from, "" where it starts from ``state.initial``
    """

    state: State
    before: str
    after: str = ""
    start: str = ""


@dataclass
class Seq2SeqProgram:
    """Encoder and decoder.

    encode   of the source
    step     of one symbol, over the frames of memory; it has as many steps as ``encode``
    memory   input of the step of kind "frame" -> output of ``encode``, both of one type and scale
    carried  every static input of the step but the symbol
    symbol   input of the step: the symbol before
    scores   output of the step: a score for each symbol
    tokenizer  what the symbols of the target stand for; that of the source is that of ``encode``
    """

    name: str
    encode: Segment
    step: Segment
    memory: dict[str, str]
    carried: list[Carried]
    symbol: str
    scores: str
    writing: Writing
    tokenizer: Tokenizer | None = None

    @property
    def scheme(self) -> str:
        """Of both parts."""
        return "+".join(dict.fromkeys([*self.encode.scheme.split("+"), *self.step.scheme.split("+")]))

    @property
    def states(self) -> tuple[State, ...]:
        """All that the decoder remembers: what is carried, memory, and how much of it there is."""
        ports = {p.name: p for p in self.step.inputs}
        most = self.step.max_steps
        memory = [
            State(name, (most, *ports[name].shape), ports[name].dtype,
                  np.zeros((most, *ports[name].shape), ports[name].dtype), scale=ports[name].scale)
            for name in self.memory
        ]  # fmt: skip
        return (
            *(c.state for c in self.carried), *memory,
            State(FRAMES_STATE, (1,), "int32", np.zeros(1, np.int32)),
        )  # fmt: skip

    def interface(self) -> Interface:
        """What every artifact says of itself: a step takes a symbol and gives scores."""
        symbol = next(p for p in self.step.inputs if p.name == self.symbol)
        scores = next(p for p in self.step.outputs if p.name == self.scores)
        return Interface(
            self.name, seq2seq_fingerprint(self), (replace(symbol, kind="frame"),), (replace(scores, kind="frame"),),
            self.states, MODE, self.scheme, tokenizer=self.tokenizer, writing=self.writing,
            encoder=self.encode.interface(),
        )  # fmt: skip

    @property
    def buffer_bytes(self) -> int:
        """Bytes of what is kept between the passes of one part, besides memory and what is carried."""
        return max(self.encode.buffer_bytes, self.step.buffer_bytes)


def links_to_plain(program: Seq2SeqProgram) -> dict[str, Any]:
    """How the parts belong together."""
    return {
        "memory": program.memory, "symbol": program.symbol, "scores": program.scores,
        "carried": [
            {"state": state_to_plain(c.state), "before": c.before, "after": c.after, "start": c.start}
            for c in program.carried
        ],
    }  # fmt: skip


def part_to_plain(segment: Segment) -> dict[str, Any]:
    """One part: its interface and stages."""
    return {"interface": replace(segment, tokenizer=None).interface().to_json(), **segment_to_plain(segment)}


def seq2seq_fingerprint(program: Seq2SeqProgram) -> str:
    """SHA-256 (hex) over both parts, how they belong together, and what begins and ends a target."""
    parts = [segment_fingerprint(program.encode), segment_fingerprint(program.step)]
    plain = json.dumps([parts, links_to_plain(program), program.writing.to_plain()], sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def same_elements(a: Port, b: Port | State) -> bool:
    """Whether one can hold what the other has."""
    return (a.dtype, a.scale, a.size) == (b.dtype, b.scale, math.prod(b.shape))


def by_name(ports: Sequence[Port]) -> dict[str, Port]:
    """Ports by their names."""
    return {p.name: p for p in ports}
