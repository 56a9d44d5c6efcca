"""Pictures of results. PNG, drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from examples.common.results import Result
from examples.common.task import Answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 110


def figure(width: float = 8, height: float = 3) -> Figure:
    """An empty figure, in inches, that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def write(drawn: Figure, path: Path) -> Path:
    """Write the PNG; its path."""
    drawn.savefig(path, dpi=DPI)
    return path


def axes(drawn: Figure, *grid: int, **options: Any) -> Any:
    """Axes of a figure, without the lines at the top and on the right."""
    found = drawn.subplots(*grid, **options)
    for each in getattr(found, "flat", [found]):
        each.spines[["top", "right"]].set_visible(False)
    return found


def draw_confusion(
    labels: Sequence[int] | NDArray[Any], found: Sequence[Answer], names: Sequence[str], path: Path
) -> Path:
    """How often each class (a row) is taken for each (a column); the scores of the classes are ``found``."""
    wanted, said = np.asarray(labels), np.stack(found).argmax(axis=-1)
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (wanted, said), 1)
    drawn = figure(2 + 0.45 * len(names), 1.5 + 0.4 * len(names))
    plot = axes(drawn)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    plot.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else "black"
            plot.text(column, row, str(count), ha="center", va="center", color=color)
    turned = {"rotation": 45, "ha": "right"} if max(len(name) for name in names) > 2 else {}
    plot.set_xticks(range(len(names)), names, **turned)
    plot.set_yticks(range(len(names)), names)
    plot.set_xlabel("taken for")
    return write(drawn, path)


def draw_costs(result: Result, path: Path) -> Path:
    """Instructions of a step by node, a bar for each board."""
    fitting = [cost for cost in result.boards if not cost.refused]
    drawn = figure(8, 1 + 0.6 * max(1, len(fitting)))
    plot = axes(drawn)
    labels: set[str] = set()
    for row, cost in enumerate(fitting):
        left = 0.0
        for k, (node, instructions) in enumerate(cost.nodes.items()):
            label = node if node not in labels else None
            labels.add(node)
            plot.barh(row, instructions, left=left, color=f"C{k % 10}", label=label)
            left += instructions
    plot.set_yticks(range(len(fitting)), [f"{cost.board} {cost.part}".rstrip() for cost in fitting])
    plot.invert_yaxis()
    plot.set_xlabel("instructions a step, int16x8")
    if 0 < len(labels) <= 12:
        drawn.legend(loc="outside right upper", fontsize="small", frameon=False)
    return write(drawn, path)
