"""Connectionist temporal classification: the text of frames, while they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError
from edgernn.runtime.decode.arithmetic import LOG_ONE, LOG_ZERO, integer_scores, log_add, log_row, log_times

ALL = -(1 << 31)
MOST_NODES = (1 << 16) - 1


class CtcGreedy:
    """The likeliest symbol of each frame; repetitions are one symbol, blanks none."""

    def __init__(self, blank: int = 0) -> None:
        self.blank = blank
        self.reset()

    def reset(self) -> None:
        """Begin another text."""
        self._last = self.blank

    def step(self, scores: Any, scale: float | None = None) -> int | None:
        """The symbol that this frame adds to the text, by its scores [n] (as ``Sampler.choose`` takes them)."""
        likeliest = int(integer_scores(scores, scale)[0].argmax())
        before, self._last = self._last, likeliest
        return None if likeliest in (self.blank, before) else likeliest

    def text(self, frames: Iterable[Any], scale: float | None = None) -> list[int]:
        """The symbols of frames [T, n], from the beginning of a text."""
        self.reset()
        return [symbol for frame in frames if (symbol := self.step(frame, scale)) is not None]


class _Node:
    """A prefix: ``symbol`` after a shorter one."""

    __slots__ = ("__weakref__", "children", "parent", "symbol")

    def __init__(self, parent: _Node | None, symbol: int) -> None:
        self.parent, self.symbol = parent, symbol
        self.children: WeakValueDictionary[int, _Node] = WeakValueDictionary()

    def child(self, symbol: int) -> _Node:
        return self.children.setdefault(symbol, _Node(self, symbol))

    def beginnings(self) -> Iterator[_Node]:
        """Itself and all shorter prefixes but the empty one, the longest first."""
        node = self
        while node.parent is not None:
            yield node
            node = node.parent


@dataclass(frozen=True)
class _Path:
    """A prefix with log2 of its probability with and without a blank at the end, and of both together, in Q.20."""

    node: _Node
    blank: int
    symbol: int
    total: int


class CtcBeam:
    """Prefix beam search. The same prefixes and probabilities as ``ern_ctc_frame`` in C, bit for bit.

    width      prefixes that are followed
    blank      number of the blank
    nodes      the most nodes that prefixes and their beginnings may take, as in C; None for any number
    threshold  symbols less likely than this in a frame do not lengthen a prefix there

    Source: Hannun, Maas, Jurafsky, Ng, "First-pass large vocabulary continuous speech recognition using bi-directional
    recurrent DNNs", 2014, without a language model. Raises UsageError for values out of range.
    """

    def __init__(
        self, width: int = 8, blank: int = 0, *, nodes: int | None = None, threshold: float | None = None
    ) -> None:
        if width < 1 or (nodes is not None and not width < nodes <= MOST_NODES):
            raise UsageError(f"width is at least 1, nodes more than that and at most {MOST_NODES}: {width}, {nodes}")
        if threshold is not None and not 0 < threshold < 1:
            raise UsageError(f"threshold is a probability, found {threshold!r}")
        self.width, self.blank, self.nodes = width, blank, nodes
        self.threshold_q20 = ALL if threshold is None else round(float(np.log2(threshold)) * LOG_ONE)
        self.reset()

    def reset(self) -> None:
        """Begin another text."""
        self._root = _Node(None, -1)
        self._paths = [_Path(self._root, 0, LOG_ZERO, 0)]
        self._best = 0

    @property
    def log2_probability(self) -> float:
        """Of the best prefix."""
        return self._best / LOG_ONE

    def step(self, scores: Any, scale: float | None = None) -> None:
        """Take one frame: scores [n], as ``Sampler.choose`` takes them.

        Raises UsageError, and changes nothing, where ``nodes`` are too few for more prefixes: ``settle`` some symbols.
        """
        row = log_row(scores, scale)
        self._require_room()
        best = self._search(row)
        shift = best[0][0].total
        self._best += shift
        self._paths = [
            _Path(path.node if next_symbol < 0 else path.node.child(next_symbol),
                  *(log_times(value, -shift) for value in (path.blank, path.symbol, path.total)))
            for path, next_symbol in best
        ]  # fmt: skip

    def best(self) -> list[int]:
        """The symbols of the best prefix so far, without those settled. The search may go on."""
        return _symbols(self._paths[0].node)

    def paths(self) -> list[tuple[list[int], float]]:
        """All prefixes, best first, and log2 of their probabilities."""
        return [(_symbols(p.node), (self._best + p.total) / LOG_ONE) for p in self._paths]

    def settle(self, count: int) -> list[int]:
        """Take the first ``count`` symbols of the best prefix for decided: the symbols, fewer where it is shorter.

        Prefixes that begin otherwise are dropped, and what was settled is forgotten: a stream can go on for ever.
        """
        line = list(self._paths[0].node.beginnings())[::-1][:count]
        if not line:
            return []
        root = line[-1]
        root.parent = None
        self._root = root
        self._paths = [p for p in self._paths if _top(p.node) is root]
        return [node.symbol for node in line]

    def text(self, frames: Iterable[Any], scale: float | None = None) -> list[int]:
        """The symbols of frames [T, n], from the beginning of a text."""
        self.reset()
        for frame in frames:
            self.step(frame, scale)
        return self.best()

    def _require_room(self) -> None:
        if self.nodes is None:
            return
        used = {id(node) for path in self._paths for node in path.node.beginnings()}
        if self.nodes - 1 - len(used) < self.width:
            raise UsageError(
                f"{len(used)} of {self.nodes} nodes are in use, and a frame may need {self.width}: settle some symbols"
            )

    def _search(self, row: NDArray[np.int64]) -> list[tuple[_Path, int]]:
        """The best prefixes after a frame: what they come from, and the symbol that follows, or -1."""
        followed = {id(path.node): path for path in self._paths}
        allowed = row >= self.threshold_q20
        allowed[self.blank] = False
        found: list[tuple[_Path, int]] = []
        for path in self._paths:
            found.append((self._kept(path, followed, row), -1))
            totals = np.full(len(row), path.total, np.int64)
            if path.node.symbol >= 0:
                totals[path.node.symbol] = path.blank
            totals = np.where(totals <= LOG_ZERO, LOG_ZERO, totals + row)
            taken = [s for s, child in path.node.children.items() if id(child) in followed]
            usable = allowed & (totals > LOG_ZERO)
            usable[taken] = False
            for symbol in self._likeliest(totals, usable):
                total = int(totals[symbol])
                found.append((_Path(path.node, LOG_ZERO, total, total), int(symbol)))
        return sorted(found, key=lambda pair: -pair[0].total)[: self.width]

    def _likeliest(self, totals: NDArray[np.int64], usable: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The usable symbols that may be among the best, in order of number."""
        symbols = np.flatnonzero(usable)
        return np.sort(symbols[np.argsort(-totals[symbols], kind="stable")[: self.width]])

    def _kept(self, path: _Path, followed: dict[int, _Path], row: NDArray[np.int64]) -> _Path:
        """The path that stays as it is, with what the path of the prefix before its last symbol gives to it."""
        blank, last = log_times(path.total, int(row[self.blank])), path.node.symbol
        if last < 0:
            return _Path(path.node, blank, LOG_ZERO, blank)
        symbol = log_times(path.symbol, int(row[last]))
        shorter = followed.get(id(path.node.parent))
        if shorter is not None:
            given = shorter.blank if shorter.node.symbol == last else shorter.total
            symbol = log_add(symbol, log_times(given, int(row[last])))
        return _Path(path.node, blank, symbol, log_add(blank, symbol))


def _symbols(node: _Node) -> list[int]:
    return [n.symbol for n in node.beginnings()][::-1]


def _top(node: _Node) -> _Node:
    while node.parent is not None:
        node = node.parent
    return node
