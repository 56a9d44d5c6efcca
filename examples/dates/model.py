"""The model: a bidirectional GRU reads the text, a GRU with attention writes the date."""

from __future__ import annotations

from pathlib import Path

from edgernn import Seq2Seq
from examples.common.attention import Size, translator
from examples.dates.data import ISO_LENGTH, SOURCES, TARGETS

WEIGHTS = Path(__file__).with_name("weights.safetensors")


def dates() -> Seq2Seq:
    """Characters of a date in any language to those of its ISO form."""
    size = Size(inputs=len(SOURCES), outputs=len(TARGETS), embedding=32, hidden=96, dropout=0.0)
    return translator(size, ISO_LENGTH)
