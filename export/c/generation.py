"""Models that say which symbol comes next get a function that writes."""

from __future__ import annotations

from dataclasses import dataclass

from edgernn.export.c.program import Program
from edgernn.export.c.text import C_TYPES
from edgernn.ir.scores import symbols

SUFFIXES = {"float32": "f32", "int16": "s16", "int8": "s8"}


@dataclass(frozen=True)
class Generation:
    """What the function is made of.

    sample  the sampler of ``ern_decode.h`` for the type of the scores
    type    of a score in C
    size    number of symbols
    scaled  whether the sampler takes the unit of the scores
    """

    sample: str
    type: str
    size: int
    scaled: bool


def generation(program: Program) -> Generation | None:
    """Of a model that reads a symbol a step and gives scores to those that may follow, else None.

    A model that ends in a softmax gives probabilities, which a sampler must not take for scores.
    """
    graph = program.graph
    size = symbols(graph.inputs, graph.outputs, graph.hop, graph.delay)
    if size is None:
        return None
    scores = graph.outputs[0]
    producer = graph.producers().get(scores.value)
    if producer is not None and producer.op.kind.startswith("softmax"):
        return None
    sample = f"ern_sample_{SUFFIXES[scores.dtype]}"
    program.use(f"{sample}.c")
    return Generation(sample, C_TYPES[scores.dtype], size, scores.scale is not None)
