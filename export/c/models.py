"""The C of a model of any kind."""

from __future__ import annotations

from typing import Any

from edgernn.export.c.segments import generate_segment
from edgernn.export.c.seq2seq import generate_seq2seq
from edgernn.export.c.source import Source, generate
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph
from edgernn.ir.interface import Interface
from edgernn.ir.segment import Segment
from edgernn.ir.seq2seq import Seq2SeqProgram

Exportable = Graph | Segment | Seq2SeqProgram


def generate_source(
    model: Exportable, stem: str, lanes: int, *, simd: str = "none", embed: bool = False
) -> Source:
    """The C of a step program, of a model of whole segments, or of two parts; see ``source.generate``."""
    options: dict[str, Any] = {"simd": simd, "embed": embed}
    if isinstance(model, Seq2SeqProgram):
        return generate_seq2seq(model, stem, lanes, **options)
    if isinstance(model, Segment):
        return generate_segment(model, stem, lanes, **options)
    return generate(model, stem, lanes, **options)


def interface_of(model: Exportable) -> Interface:
    """What its artifacts say of themselves."""
    return Interface.of(model, fingerprint(model)) if isinstance(model, Graph) else model.interface()
