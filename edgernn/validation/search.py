"""Finds the cheapest schemes of the layers for a bound on the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgernn.errors import LossError, UsageError
from edgernn.ir.graph import Graph
from edgernn.quant import Quantized
from edgernn.quant.assignment import BASE, Progress, Search, Searcher
from edgernn.validation.metrics import Evaluation, Metric
from edgernn.validation.render.integers import loss
from edgernn.validation.sequences import Sequence_


def find_schemes(
    graph: Graph,
    calibration: Sequence[Sequence_],
    max_loss: float,
    metric: str | Metric = "sqnr",
    targets: Any = None,
    *,
    scheme: str = BASE,
    method: str = "minmax",
    layers: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[Quantized, Search]:
    """The integer program of least weights, then of least cost, whose loss is at most ``max_loss``.

    metric   a key of METRICS, or a function of (outputs of each sequence, ``targets``) that returns an error; the loss
             is then how much that of the integers exceeds that of the float program
    scheme   that of the search's start, BASE: the most accurate
    layers   as for ``quantize``; the schemes it gives are kept

    Raises LossError, with what was tried, where the bound cannot be met.
    """
    if scheme != BASE:
        raise UsageError(f"max_loss chooses the schemes, beginning with {BASE}; found scheme {scheme!r}: leave it out")
    evaluation = Evaluation(graph, calibration, metric, targets)
    searcher = Searcher(graph, calibration, evaluation.loss, method, layers, progress)
    found = searcher.search(max_loss, metric_name(metric))
    if not found.met:
        raise LossError(_complaint(found), found)
    return searcher.quantized(found.best.schemes), found


def metric_name(metric: str | Metric) -> str:
    """How a metric is called in reports."""
    return metric if isinstance(metric, str) else str(getattr(metric, "__name__", type(metric).__name__))


def _complaint(search: Search) -> str:
    schemes = ", ".join(f"{layer} {scheme}" for layer, scheme in search.best.schemes.items())
    return (
        f"no schemes of the layers keep the loss by {search.metric} within {loss(search.bound)}: the best of "
        f"{search.trials} integer programs has {loss(search.best.loss)}, with {schemes}\n"
        "  what to do: allow more loss, give more or more typical calibration sequences, or train with quantization"
    )
