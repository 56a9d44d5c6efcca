"""Writes the tables of docs/operations.md from the rules of capture: python -m tools.operations."""

from __future__ import annotations

import re
from pathlib import Path

from edgernn.capture.rules import (
    DECOMPOSED,
    attention,
    convolution,
    dense,
    elementwise,
    indexing,
    norms,
    patches,
    pooling,
    recurrent,
    reductions,
    shape,
    spectrum,
    transposed,
    variance,
)
from edgernn.capture.rules.refused import REFUSED

DOCUMENT = Path(__file__).parent.parent / "docs" / "operations.md"
GROUPS = {
    "Layers and cells": recurrent.RULES,
    "Products and look-ups": dense.RULES,
    "Arithmetic and activations": elementwise.RULES,
    "Normalisation": norms.RULES,
    "Reductions along axes of a frame; sums, means and extremes over time": {**reductions.RULES, **variance.RULES},
    "Attention to the frames of whole segments": attention.RULES,
    "Convolution and pooling": {
        **convolution.RULES,
        **transposed.RULES,
        **patches.RULES,
        **pooling.RULES,
        **pooling.ADAPTIVE,
    },
    "Transforms of frames": spectrum.RULES,
    "Shapes": shape.RULES,
    "Indices and assignments": indexing.RULES,
}
"""Heading -> rules."""


def operator_name(target: str) -> str:
    """ "add" for "aten.add.Tensor"."""
    return target.split(".")[1]


def _public(names: set[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("_"))


def converted() -> str:
    """The operators that have a rule, or that PyTorch decomposes into such."""
    rows = [(heading, {operator_name(target) for target in rules}) for heading, rules in GROUPS.items()]
    rows.append(("Decomposed by PyTorch", {operator_name(target) for target in DECOMPOSED}))
    lines = ["| | operators of `torch.ops.aten` |", "|---|---|"]
    lines += [f"| {heading} | {', '.join(f'`{name}`' for name in _public(names))} |" for heading, names in rows]
    return "\n".join(lines)


def refused() -> str:
    """The operators that are refused, why, and what to do."""
    by_reason: dict[tuple[str, str], set[str]] = {}
    for name, pair in REFUSED.items():
        by_reason.setdefault(pair, set()).add(name)
    lines = ["| operators | reason | what to do |", "|---|---|---|"]
    for (reason, remedy), names in by_reason.items():
        if public := _public(names):
            lines.append(f"| {', '.join(f'`{name}`' for name in public)} | {reason} | {remedy} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """``text`` with what stands between the marks of each table renewed."""
    for name, table in (("converted", converted()), ("refused", refused())):
        begin, end = f"<!-- {name}: written by tools/operations.py -->", f"<!-- end of {name} -->"
        text = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)  # noqa: B023
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))
