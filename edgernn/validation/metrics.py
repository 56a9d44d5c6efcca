"""How much worse a model of integers is than the float model, as one number: what ``max_loss`` bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ops.evaluate import run_sequence
from edgernn.quant import Quantized
from edgernn.runtime.quantized import dequantize
from edgernn.validation.integers import portion
from edgernn.validation.sequences import Sequence_, integer_input

Outputs = list[dict[str, Array]]
"""For each sequence, output -> [T, *shape], or for an output at the end its last value [*shape]."""

Metric = Callable[[list[Any], Any], float]
"""(outputs of each sequence, targets) -> error: the less, the better."""

METRICS = {
    "sqnr": "dB that the SQNR of the worst output falls below that of int16x8 everywhere",
    "nsr": "noise over signal of the worst output in dB: -40 asks for an SQNR of 40 dB",
    "agreement": "share of frames whose largest output is not that of the float model",
    "mse": "mean squared error of the worst output",
}
"""Name -> what is bounded."""


class Evaluation:
    """Runs programs over the same sequences of real input, and says how much worse they are than the float program."""

    def __init__(
        self, program: Graph, sequences: Sequence[Sequence_], metric: str | Metric, targets: Any = None
    ) -> None:
        """``metric`` is a key of METRICS, or a function. A function is given all of each sequence, together with
        ``targets``; the others a part of at most 10,000 frames. Raises UsageError for an unknown name."""
        if isinstance(metric, str) and metric not in METRICS:
            raise UsageError(f"metric {metric!r}; metrics are {', '.join(METRICS)}, or a function")
        self.program, self.metric, self.targets = program, metric, targets
        self.sequences = portion(program, sequences) if isinstance(metric, str) else list(sequences)
        self.exact = self._outputs(program)
        if metric == "agreement" and not self._classes():
            raise UsageError("metric 'agreement' needs an output of at least two entries, of which one is the largest")
        self.float_error = 0.0 if isinstance(metric, str) else self._call(metric, self.exact)
        self.base_sqnr: float | None = None

    def loss(self, quantized: Quantized) -> float:
        """Of an integer program. With the metric "sqnr" the first program that is given is the one to compare with."""
        found = self._outputs(quantized.graph)
        if not isinstance(self.metric, str):
            return self._call(self.metric, found) - self.float_error
        if self.metric == "agreement":
            return max(self._disagreement(name, found) for name in self._classes())
        if self.metric == "mse":
            return max(_mean_square(self._stacked(name, found)) for name in self.exact[0])
        noise = max(_noise_over_signal_db(self._stacked(name, found)) for name in self.exact[0])
        if self.metric == "nsr":
            return noise
        if self.base_sqnr is None:
            self.base_sqnr = -noise
        return self.base_sqnr + noise if math.isfinite(self.base_sqnr) else noise

    def _outputs(self, graph: Graph) -> Outputs:
        ports = {p.name: p for p in graph.outputs}
        rows = []
        for sequence in self.sequences:
            values = run_sequence(graph, integer_input(graph.inputs, sequence), "float32")
            real = {name: dequantize(array, ports[name]) for name, array in values.items()}
            rows.append({n: array[-1] if ports[n].kind == "final" else array for n, array in real.items()})
        return rows

    def _call(self, metric: Metric, outputs: Outputs) -> float:
        """The user's function; a single output of the model comes without its name."""
        single = len(self.program.outputs) == 1
        given = [next(iter(row.values())) if single else row for row in outputs]
        try:
            return float(metric(given, self.targets))
        except Exception as error:
            name = getattr(metric, "__name__", "metric")
            raise UsageError(
                f"metric {name!r} failed: {type(error).__name__}: {error}; it is called with a list of "
                f"{len(given)} {'arrays' if single else 'dicts of arrays'} and the targets, and returns a number"
            ) from error

    def _stacked(self, name: str, found: Outputs) -> tuple[Array, Array]:
        """All values of an output by both programs, as rows."""
        exact, other = (np.concatenate([np.reshape(row[name], -1) for row in rows]) for rows in (self.exact, found))
        return exact.astype(np.float64), other.astype(np.float64)

    def _classes(self) -> list[str]:
        return [p.name for p in self.program.outputs if p.shape and p.shape[-1] > 1]

    def _disagreement(self, name: str, found: Outputs) -> float:
        pairs = zip(self.exact, found, strict=True)
        wrong = [np.reshape(a[name].argmax(-1) != b[name].argmax(-1), -1) for a, b in pairs]
        return float(np.mean(np.concatenate(wrong)))


def _mean_square(pair: tuple[Array, Array]) -> float:
    return float(np.mean(np.square(pair[1] - pair[0])))


def _noise_over_signal_db(pair: tuple[Array, Array]) -> float:
    noise, signal = _mean_square(pair), float(np.mean(np.square(pair[0])))
    if not noise:
        return -math.inf
    return 10 * math.log10(noise / signal) if signal else math.inf
