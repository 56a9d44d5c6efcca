"""What a step costs on a board: figures that say how they were obtained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

from edgernn.boards.manifest import Region

EXACT, ESTIMATED, MEASURED = "exact", "estimated", "measured"


@dataclass(frozen=True)
class Figure:
    """One quantity of a step: the smallest, the median and the largest of all steps profiled.

    how            EXACT where it was counted, MEASURED where a board's own counter or clock told it, else ESTIMATED
    error_percent  of an estimate: how far a board without wait states may be from it
    waiting        of an estimate: the most that waiting for flash can add to the largest; None where that is unknown
    """

    minimum: float
    median: float
    maximum: float
    how: str
    error_percent: int = 0
    waiting: float | None = None

    @classmethod
    def of(cls, values: Sequence[float], how: str, error_percent: int = 0, waiting: float | None = None) -> Figure:
        """Of one value a step."""
        return cls(min(values), median(values), max(values), how, error_percent, waiting)

    def times(self, factor: float) -> Figure:
        """The same in another unit."""
        waiting = None if self.waiting is None else self.waiting * factor
        return replace(
            self, minimum=self.minimum * factor, median=self.median * factor, maximum=self.maximum * factor,
            waiting=waiting,
        )  # fmt: skip

    @property
    def upper(self) -> float:
        """The largest that a board without wait states may take: of an estimate, with its error."""
        return self.maximum * (1 + self.error_percent / 100)

    @property
    def bound(self) -> str:
        """``estimated ±8 %``, for an estimate; otherwise empty, or ``measured``."""
        return {EXACT: "", MEASURED: "measured", ESTIMATED: f"estimated ±{self.error_percent} %"}[self.how]

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values."""
        plain: dict[str, Any] = {"min": self.minimum, "median": self.median, "max": self.maximum, "how": self.how}
        if self.how == ESTIMATED:
            plain |= {"error_percent": self.error_percent, "waiting_for_flash_at_most": self.waiting}
        return plain


@dataclass(frozen=True)
class NodeCost:
    """One node of the step program, with all that its statements call; the mean of a step.

    name, op   as ``edgernn inspect`` shows them; "step" is what belongs to no node
    cycles     None where nothing estimates or measures them
    functions  function -> its instructions and cycles
    """

    name: str
    op: str
    instructions: float
    cycles: float | None
    functions: Mapping[str, tuple[float, float | None]]


@dataclass(frozen=True)
class FlashUse:
    """Bytes of flash. ``code`` is all that is neither weights nor tables: start-up code and vectors too."""

    weights: int
    tables: int
    code: int

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.tables + self.code


@dataclass(frozen=True)
class RamUse:
    """Bytes of RAM.

    state, scratch  of the model's structure
    variables       of the program, with a fixed place
    stack           the deepest that any step got
    frames          of the caller's arrays for one frame and one answer; not part of ``total``
    """

    state: int
    scratch: int
    variables: int
    stack: int
    frames: int

    @property
    def total(self) -> int:
        """What a program needs that calls the model; without its own arrays."""
        return self.state + self.scratch + self.variables + self.stack


@dataclass(frozen=True)
class Profile:
    """What one artifact costs on one board.

    artifact      the file
    model         name and scheme of the model
    engine        what runs it: "c" for compiled C, otherwise an engine of the runtime
    source        where the figures come from: "emulated by Unicorn (cortex-m4)", "serial port ...", "this machine"
    steps, input  how many steps over what
    time_us       of a step
    period_us     of a step's frames, where known
    nodes         in execution order; empty where the source does not see inside a step
    flash, ram    None where there is no program of our own; the regions are those of the board that it is in
    extra         more facts of this kind of source, JSON-ready, by name with its unit
    notes         what a reader has to know
    """

    artifact: str
    model: str
    scheme: str
    board: str
    core: str
    clock_hz: int
    engine: str
    source: str
    steps: int
    input: str
    instructions: Figure | None = None
    cycles: Figure | None = None
    time_us: Figure | None = None
    period_us: float | None = None
    nodes: tuple[NodeCost, ...] = ()
    flash: FlashUse | None = None
    ram: RamUse | None = None
    flash_region: Region | None = None
    ram_region: Region | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def load(self) -> Figure | None:
        """Share of the frame period that a step takes, 1 for all of it; None without a period or a time."""
        if self.time_us is None or self.period_us is None:
            return None
        return self.time_us.times(1 / self.period_us)

    def by_op(self) -> dict[str, tuple[float, float | None]]:
        """Kind of op -> instructions and cycles of all its nodes together."""
        found: dict[str, tuple[float, float | None]] = {}
        for node in self.nodes:
            instructions, cycles = found.get(node.op, (0.0, 0.0))
            both = None if cycles is None or node.cycles is None else cycles + node.cycles
            found[node.op] = instructions + node.instructions, both
        return found

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values."""
        figures = ("instructions", "cycles", "time_us", "load")
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in (*figures, "nodes")}
        for name in figures:
            figure = getattr(self, name)
            plain[name] = figure.to_plain() if figure is not None else None
        for name in ("flash", "ram"):
            use = getattr(self, name)
            plain[name] = {**asdict(use), "total": use.total} if use is not None else None
            region = plain[f"{name}_region"]
            plain[f"{name}_region"] = asdict(region) if region is not None else None
        plain["nodes"] = [_node(node) for node in self.nodes]
        plain["ops"] = {op: _costs(*cost) for op, cost in self.by_op().items()}
        return {**plain, "extra": dict(self.extra), "notes": list(self.notes)}


def _costs(instructions: float, cycles: float | None) -> dict[str, float | None]:
    return {"instructions": instructions, "cycles": cycles}


def _node(node: NodeCost) -> dict[str, Any]:
    functions = {name: _costs(*cost) for name, cost in node.functions.items()}
    return {"name": node.name, "op": node.op, **_costs(node.instructions, node.cycles), "functions": functions}
