"""Evaluates a model of two parts by the definitions of its ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgernn.ir.op import Array
from edgernn.ir.seq2seq import Seq2SeqProgram
from edgernn.ops.stages import run_stages


def encoded(program: Seq2SeqProgram, source: Mapping[str, Array], dtype: str = "float64") -> dict[str, Array]:
    """What the decoder begins with, by the inputs of its step: memory [n, *shape] and what is carried.

    ``source`` maps input names to [n, *shape], or [*shape] for a static input; floats are computed in ``dtype``.
    """
    found = run_stages(program.encode, source, dtype)
    values = {inner: found[outer] for inner, outer in program.memory.items()}
    for carried in program.carried:
        start = found[carried.start] if carried.start else carried.state.initial
        values[carried.before] = start.reshape(carried.state.shape)
    return values


def step_inputs(
    program: Seq2SeqProgram, source: Mapping[str, Array], symbols: Sequence[int], dtype: str = "float64"
) -> tuple[list[dict[str, Array]], Array]:
    """What the step is given for each of ``symbols``, read one after the other; and the scores [U, V] that it gives."""
    values, given, rows = encoded(program, source, dtype), [], []
    for symbol in symbols:
        shape = next(p.shape for p in program.step.inputs if p.name == program.symbol)
        given.append({**values, program.symbol: np.full(shape, symbol, np.int32)})
        found = run_stages(program.step, given[-1], dtype)
        rows.append(found[program.scores].reshape(-1))
        after = {c.before: found[c.after].reshape(c.state.shape) for c in program.carried if c.after}
        values = {**values, **after}
    return given, np.stack(rows)


def run_seq2seq(
    program: Seq2SeqProgram, source: Mapping[str, Array], symbols: Sequence[int], dtype: str = "float64"
) -> Array:
    """Scores [U, V] after each of ``symbols``, the first of which is what the decoder begins with."""
    return step_inputs(program, source, symbols, dtype)[1]
