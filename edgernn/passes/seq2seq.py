"""Graphs of encoder and decoder -> a program of two parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgernn.ir.graph import Graph, State
from edgernn.ir.interface import Writing
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment
from edgernn.ir.seq2seq import Carried, Seq2SeqProgram, by_name
from edgernn.ops import Reshape
from edgernn.passes.hoist import hoist
from edgernn.passes.segment import to_segment

SCORES = "scores"
"""Name of the output of a step."""


@dataclass(frozen=True)
class Parts:
    """Sequence graphs of encoder and decoder, and what belongs together.

    memory  output of the encoder, "" without memory; ``memory_input`` of the decoder
    starts  of each state: output of the encoder, or constant
    befores, afters  of each state: input and output of the decoder; "" where it is not read, or stays the same
    """

    encoder: Graph
    decoder: Graph
    memory: str
    memory_input: str
    starts: list[str | Array]
    befores: list[str]
    afters: list[str]
    symbol: str
    scores: str


def to_seq2seq(parts: Parts, name: str, max_frames: int, writing: Writing) -> Seq2SeqProgram:
    """The program of both parts, for sources of up to ``max_frames`` frames.

    Raises UnsupportedModelError and UsageError as ``to_segment``.
    """
    encoder, decoder, links = parts.encoder, parts.decoder, dict[str, str]()
    carried = {after for after, before in zip(parts.afters, parts.befores, strict=True) if before}
    decoder = _with_outputs(decoder, {parts.scores, *carried})
    if parts.memory:
        encoder, decoder, links = hoist(encoder, decoder, parts.memory, parts.memory_input)
    pairs = zip(parts.befores, parts.starts, strict=True)
    begun = {before: start for before, start in pairs if before and isinstance(start, str)}
    encoder = _with_outputs(encoder, {*links.values(), *begun.values()})
    encode = to_segment(encoder, max_frames)
    step = to_segment(decoder, encode.max_steps)
    step.outputs = [replace(p, name=SCORES) if p.name == parts.scores else p for p in step.outputs]
    afters = dict(zip(parts.befores, parts.afters, strict=True))
    constants = {b: s for b, s in zip(parts.befores, parts.starts, strict=True) if b and not isinstance(s, str)}
    memory, states = dict[str, str](), list[Carried]()
    for port in step.inputs:
        if port.kind == "frame":
            memory[port.name] = links[port.name]
        elif port.name != parts.symbol:
            start = begun.get(port.name, links.get(port.name, ""))
            state = _state(step, port.name, constants.get(port.name))
            states.append(Carried(state, port.name, afters.get(port.name, ""), start))
    return Seq2SeqProgram(name, encode, step, memory, states, parts.symbol, SCORES, writing)


def _state(step: Segment, name: str, initial: Array | None) -> State:
    port = by_name(step.inputs)[name]
    value = np.zeros(port.shape, np.float32) if initial is None else initial.astype(np.float32).reshape(port.shape)
    return State(name, port.shape, port.dtype, value)


def _with_outputs(graph: Graph, names: set[str]) -> Graph:
    """``graph`` with these outputs alone, in whatever shape they are computed."""
    new, producers = graph.copy(), graph.producers()
    new.outputs = []
    for port in graph.outputs:
        value = port.value
        while port.kind == "final" and value in producers and isinstance(producers[value].op, Reshape):
            value = producers[value].inputs[0]
        if port.name in names:
            new.outputs.append(replace(port, value=value, shape=graph.values[value].shape))
    return new
