"""Quantizes models of two parts, which agree on the integers that pass between them and from symbol to symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgernn.ir.graph import State
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment
from edgernn.ir.seq2seq import Seq2SeqProgram
from edgernn.ops.integer.arithmetic import saturated
from edgernn.ops.seq2seq import step_inputs
from edgernn.quant.context import INTEGER_MAX
from edgernn.quant.stages import (
    Given,
    QuantizedSegment,
    check_patterns,
    observe_segment,
    quantize_observed,
    quantize_segment_weights,
)

Pair = tuple[Mapping[str, Array], Sequence[int]]
"""What the encoder reads, and the symbols that the decoder reads, the first of which is what it begins with."""

ENCODE, STEP = "encode", "step"


@dataclass(frozen=True)
class QuantizedSeq2Seq:
    """A model of two parts in integers.

    encode, step  what is known of the stages
    runs          what the step was given at calibration
    """

    program: Seq2SeqProgram
    encode: QuantizedSegment
    step: QuantizedSegment
    runs: list[dict[str, Array]]


def quantize_seq2seq(
    program: Seq2SeqProgram, pairs: Sequence[Pair], scheme: str, method: str = "minmax",
    layers: Mapping[str, str] | None = None,
) -> QuantizedSeq2Seq:  # fmt: skip
    """``program`` in integers, by ``pairs`` of real sources and what is written for them.

    Memory has the integers of the encoder. What is carried has those of the step that gives it on, or those of the
    encoder where these need a larger range.
    """
    check_patterns([*program.encode.stages, *program.step.stages], layers or {})
    runs = [given for source, symbols in pairs for given in step_inputs(program, source, symbols, "float32")[0]]
    read = observe_segment(program.encode, [source for source, _ in pairs])
    made = observe_segment(program.step, runs)
    outer = _scales(quantize_observed(read, scheme, method, layers).segment)
    given: Given = {inner: outer[name] for inner, name in program.memory.items() if name in outer}
    fixed = [c for c in program.carried if not c.after]
    given.update({c.before: outer[c.start] for c in fixed if c.start})
    inner = _scales(quantize_observed(made, scheme, method, layers, given=given).segment)
    agreed = _agreed(program, outer, inner)
    encode = quantize_observed(read, scheme, method, layers, wanted=_of_values(program.encode, agreed, ENCODE))
    inputs = given | {c.before: agreed[STEP, c.before] for c in program.carried}
    step = quantize_observed(
        made, scheme, method, layers, given=inputs, wanted=_of_values(program.step, agreed, STEP)
    )
    carried = [replace(c, state=_in_integers(c.state, *agreed[STEP, c.before])) for c in program.carried]
    new = replace(program, encode=encode.segment, step=step.segment, carried=carried)
    return QuantizedSeq2Seq(new, encode, step, runs)


def quantize_seq2seq_weights(program: Seq2SeqProgram) -> Seq2SeqProgram:
    """``program`` with the matrices of all layers in int8."""
    encode, step = (quantize_segment_weights(part) for part in (program.encode, program.step))
    return replace(program, encode=encode, step=step)


def _scales(segment: Segment) -> Given:
    """Dtype and scale of each output."""
    return {p.name: (p.dtype, p.scale) for p in segment.outputs if p.scale is not None}


Place = tuple[str, str]
"""(part, value)."""


def _agreed(program: Seq2SeqProgram, outer: Given, inner: Given) -> dict[Place, tuple[str, float]]:
    """Of all values that hold the same thing, at whatever time: the dtype and scale that suits all that compute it."""
    encoded, stepped = ({p.name: p.value for p in part.outputs} for part in (program.encode, program.step))
    read = {p.name: p.value for p in program.step.inputs}
    groups: list[set[Place]] = []
    natural: dict[Place, list[tuple[str, float]]] = {}
    for carried in program.carried:
        members: set[Place] = {(STEP, read[carried.before])}
        if carried.after:
            members.add((STEP, stepped[carried.after]))
            natural.setdefault((STEP, stepped[carried.after]), []).append(inner[carried.after])
        if carried.start:
            members.add((ENCODE, encoded[carried.start]))
            natural.setdefault((ENCODE, encoded[carried.start]), []).append(outer[carried.start])
        groups = _merged(groups, members)
    return {
        place: _widest([scale for p in sorted(group) for scale in natural.get(p, [])])
        for group in groups for place in group
    }  # fmt: skip


def _merged(groups: list[set[Place]], members: set[Place]) -> list[set[Place]]:
    """``groups`` with those joined that have one of ``members``."""
    joined = set(members).union(*(g for g in groups if g & members))
    return [*(g for g in groups if not g & members), joined]


def _widest(found: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """int8 only where all are; the scale of the largest range."""
    dtype = "int8" if all(d == "int8" for d, _ in found) else "int16"
    bound = max(scale * INTEGER_MAX[d] for d, scale in found)
    exact = [scale for d, scale in found if d == dtype and scale * INTEGER_MAX[d] == bound]
    return dtype, exact[0] if exact else bound / INTEGER_MAX[dtype]


def _of_values(segment: Segment, agreed: Mapping[Place, tuple[str, float]], part: str) -> Given:
    return {p.value: agreed[part, p.value] for p in segment.outputs if (part, p.value) in agreed}


def _in_integers(state: State, dtype: str, scale: float) -> State:
    initial = saturated(np.round(state.initial.astype(np.float64) / scale), dtype).astype(dtype)
    return replace(state, dtype=dtype, scale=scale, initial=initial)
