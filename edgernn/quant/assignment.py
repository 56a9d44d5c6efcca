"""The cheapest schemes of the layers of a model that keep its loss within a bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops import Embedding
from edgernn.quant.layers import LAYERS, Choice, choices
from edgernn.quant.quantize import Quantized, quantize
from edgernn.quant.ranges import Observations, observe
from edgernn.quant.schemes import SCHEMES, Scheme

BASE = "int16x8"
"""The most accurate scheme, from which a search starts."""

Loss = Callable[[Quantized], float]
"""How much worse a model of integers is than the float model."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Assignment:
    """Schemes of the layers that have weights, and what came of them.

    schemes       node of the float graph -> name of its scheme
    loss          of the integer program as a whole; infinite where it cannot be made
    weight_bytes  of the matrices
    cost          multiplications of a step, times the bits of an activation
    """

    schemes: dict[str, str]
    loss: float
    weight_bytes: int
    cost: int


@dataclass(frozen=True)
class Sensitivity:
    """One layer in a cheaper scheme, alone.

    loss         of the whole model
    added_loss   over that of all layers in BASE
    saved_bytes  of weights
    """

    layer: str
    scheme: str
    loss: float
    added_loss: float
    saved_bytes: int
    saved_cost: int


@dataclass(frozen=True)
class Search:
    """What was tried and found.

    base    all layers in BASE, or as the user said
    best    the cheapest assignment found within the bound; where ``met`` is false, the one of least loss
    trials  how many integer programs were made and run
    """

    metric: str
    bound: float
    base: Assignment
    best: Assignment
    met: bool
    sensitivities: list[Sensitivity] = field(default_factory=list)
    trials: int = 0


class Searcher:
    """Finds the schemes of the layers of one float step program."""

    def __init__(
        self,
        graph: Graph,
        calibration: Sequence[Mapping[str, Array]],
        loss: Loss,
        method: str = "minmax",
        layers: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Arguments as for ``quantize``; schemes that ``layers`` gives are kept."""
        self.graph, self.loss, self.method = graph, loss, method
        self.layers = dict(layers or {})
        self.observed: Observations = observe(graph, calibration)
        self.progress = progress
        self.said = choices(graph, self.layers)
        self.matrices = {n.name: found for n in graph.nodes if (found := matrices(graph, n))}
        self.products = {n.name for n in graph.nodes if n.op.kind != Embedding.kind}
        self.free = [name for name in self.matrices if not self.said.get(name, Choice()).scheme]
        self.tried: dict[tuple[str, ...], Assignment] = {}
        self._steps = 0

    def search(self, bound: float, metric: str) -> Search:
        """Sensitivities first; then layers become cheaper, the least loss for a byte first, while the loss of the whole
        stays within ``bound``; then, of schemes with as many bytes, those that cost less."""
        start = {name: self.said.get(name, Choice()).scheme or BASE for name in self.matrices}
        options = [(name, s.name) for name in self.free for s in SCHEMES.values() if self._is_cheaper(name, s)]
        self._steps = 1 + 2 * len(options)
        base = self.assign(start)
        table = [self._sensitivity(base, name, scheme) for name, scheme in options]
        best = base
        if base.loss > bound:
            best = min(self.tried.values(), key=lambda a: a.loss)
        if best.loss <= bound:
            best = self._descend(best, [s for s in table if s.saved_bytes > 0], bound, lambda s: s.saved_bytes)
            best = self._descend(best, [s for s in table if s.saved_bytes == 0], bound, lambda s: s.saved_cost)
        return Search(metric, bound, base, best, best.loss <= bound, table, len(self.tried))

    def quantized(self, schemes: Mapping[str, str]) -> Quantized:
        """The integer program of an assignment."""
        layers = dict(self.layers)
        for name, scheme in schemes.items():
            method = self.said.get(name, Choice()).method
            layers[name] = f"{scheme}:{method}" if method else scheme
        return quantize(self.graph, self.observed, BASE, self.method, layers)

    def assign(self, schemes: Mapping[str, str]) -> Assignment:
        """Make and run the integer program of an assignment, once."""
        key = tuple(schemes[name] for name in self.matrices)
        if key not in self.tried:
            done = len(self.tried)
            if self.progress is not None:
                self.progress("searching the schemes of the layers", done, max(self._steps, done + 1))
            self.tried[key] = Assignment(dict(schemes), self._loss(schemes), *self._costs(schemes))
        return self.tried[key]

    def _loss(self, schemes: Mapping[str, str]) -> float:
        try:
            loss = float(self.loss(self.quantized(schemes)))
        except UnsupportedOpError:
            return math.inf
        return math.inf if math.isnan(loss) else loss

    def _sensitivity(self, base: Assignment, name: str, scheme: str) -> Sensitivity:
        found = self.assign({**base.schemes, name: scheme})
        return Sensitivity(
            name, scheme, found.loss, found.loss - base.loss,
            base.weight_bytes - found.weight_bytes, base.cost - found.cost,
        )  # fmt: skip

    def _descend(
        self, best: Assignment, steps: list[Sensitivity], bound: float, saved: Callable[[Sensitivity], int]
    ) -> Assignment:
        for step in sorted(steps, key=lambda s: s.added_loss / max(1, saved(s))):
            if math.isinf(step.loss) or best.schemes[step.layer] == step.scheme:
                continue
            found = self.assign({**best.schemes, step.layer: step.scheme})
            cheaper = (found.weight_bytes, found.cost) < (best.weight_bytes, best.cost)
            if cheaper and found.loss <= bound:
                best = found
        return best

    def _is_cheaper(self, name: str, scheme: Scheme) -> bool:
        return self._costs({name: scheme.name}) < self._costs({name: BASE})

    def _costs(self, schemes: Mapping[str, str]) -> tuple[int, int]:
        """Bytes of weights, where a matrix that several layers share counts once a width, and cost."""
        bits, cost = {}, 0
        for name, scheme in ((n, SCHEMES[s]) for n, s in schemes.items()):
            for matrix, elements in self.matrices[name].items():
                width = scheme.weight_levels.bit_length() + 1
                bits[matrix, width] = elements * width
                cost += elements * scheme.activation_bits if name in self.products else 0
        return math.ceil(sum(bits.values()) / 8), cost


def matrices(graph: Graph, node: Node) -> dict[str, int]:
    """The matrices of weights of a node, with their numbers of elements."""
    if not isinstance(node.op, LAYERS):
        return {}
    arrays = {name: graph.constants[name] for name in node.inputs if name in graph.constants}
    return {name: array.size for name, array in arrays.items() if array.ndim == 2}
