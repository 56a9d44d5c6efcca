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
        places = {id(path.node): place for place, path in enumerate(self._paths)}
        totals = self._lengthened(places, row)
        size = len(row)
        longer = np.argsort(-totals.ravel(), kind="stable")[: self.width].tolist()
        found = [
            (place, symbol, int(totals[place, symbol]))
            for place, symbol in (divmod(k, size) for k in longer)
            if totals[place, symbol] > LOG_ZERO
        ]
        kept = [self._kept(path, places, row) for path in self._paths]
        found += [(place, -1, path.total) for place, path in enumerate(kept)]
        found.sort(key=lambda item: (-item[2], item[0], item[1]))
        return [
            (kept[place] if symbol < 0 else _Path(self._paths[place].node, LOG_ZERO, total, total), symbol)
            for place, symbol, total in found[: self.width]
        ]

    def _lengthened(self, places: dict[int, int], row: NDArray[np.int64]) -> NDArray[np.int64]:
        """Logarithms [paths, n] of each path with one more symbol, LOG_ZERO for what is not tried."""
        before = np.array([path.total for path in self._paths], np.int64)[:, None]
        totals = np.where(before > LOG_ZERO, np.maximum(before + row, LOG_ZERO), LOG_ZERO)
        for place, path in enumerate(self._paths):
            if (last := path.node.symbol) >= 0:
                totals[place, last] = log_times(path.blank, int(row[last]))
        for path in self._paths:
            if (shorter := places.get(id(path.node.parent))) is not None:
                totals[shorter, path.node.symbol] = LOG_ZERO
        totals[:, row < self.threshold_q20] = LOG_ZERO
        totals[:, self.blank] = LOG_ZERO
        return totals

    def _kept(self, path: _Path, places: dict[int, int], row: NDArray[np.int64]) -> _Path:
        """The path that stays as it is, with what the path of the prefix before its last symbol gives to it."""
        blank, last = log_times(path.total, int(row[self.blank])), path.node.symbol
        if last < 0:
            return _Path(path.node, blank, LOG_ZERO, blank)
        symbol = log_times(path.symbol, int(row[last]))
        place = places.get(id(path.node.parent))
        if place is not None:
            shorter = self._paths[place]
            given = shorter.blank if shorter.node.symbol == last else shorter.total
            symbol = log_add(symbol, log_times(given, int(row[last])))
        return _Path(path.node, blank, symbol, log_add(blank, symbol))


def _symbols(node: _Node) -> list[int]:
    return [n.symbol for n in node.beginnings()][::-1]


def _top(node: _Node) -> _Node:
    while node.parent is not None:
        node = node.parent
    return node
