"""Profiles from emulated boards: exact counts, estimated cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgernn.boards.artifacts import build_artifact, open_artifact, sources_of
from edgernn.boards.build import find_model
from edgernn.boards.cycles import BlockCosts, estimator
from edgernn.boards.cycles.estimate import fetched_lines
from edgernn.boards.emulators import CallResult, EmulatedModel, Emulator, ProgramEmulator, QemuEmulator
from edgernn.boards.image import Image, Symbol
from edgernn.boards.links import to_ports
from edgernn.boards.manifest import Board
from edgernn.boards.profile.figures import ESTIMATED, EXACT, Figure, NodeCost, Profile
from edgernn.boards.profile.job import Array, Job, count_steps, segment_notes
from edgernn.boards.profile.memory import flash_use, ram_use
from edgernn.boards.profile.statements import Statements
from edgernn.ir.interface import Interface

Progress = Callable[[str, int, int], None]


@dataclass
class _Costs:
    """What the steps have cost so far: one entry a step, and sums by context and function."""

    instructions: list[float] = field(default_factory=list)
    cycles: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    stack_bytes: int = 0
    parts: dict[tuple[int, str], list[float]] = field(default_factory=dict)

    def add(self, context: int, function: str, instructions: float, cycles: float) -> None:
        """Add to the sums of a part."""
        part = self.parts.setdefault((context, function), [0.0, 0.0])
        part[0] += instructions
        part[1] += cycles


def profile(job: Job, progress: Progress) -> Profile:
    """Build the model for the board, run it on an emulator and add up what it costs.

    Raises what ``edgernn.boards.build_artifact``, the emulators and ``Frames.read`` raise.
    """
    board = job.board
    artifact = open_artifact(job.artifact)
    progress(f"building for {board.id}", 0, 0)
    image = build_artifact(
        artifact, board, job.work / f"{artifact.name}-{board.id}.elf", job.work, compiler=job.compiler
    )
    layout = image.model()
    emulator = _open(board, image, image.step_of(layout.name))
    frames = job.frames.read(layout.interface)
    costs = _run(emulator, EmulatedModel(emulator), frames, lambda k, n: progress(f"emulating {board.id}", k, n))
    return _report(job, emulator, costs, sources_of(artifact, board, job.work))


def _open(board: Board, image: Image, step: Symbol) -> ProgramEmulator:
    if not board.emulation.unicorn:
        return QemuEmulator(board, image)
    reads = board.memory.reads
    return Emulator(board, image, trace=step, line_bytes=reads.line_bytes if reads and reads.wait_cycles else 0)


def _run(
    emulator: ProgramEmulator, model: EmulatedModel, frames: Mapping[str, Array], progress: Callable[[int, int], None]
) -> _Costs:
    interface = model.layout.interface
    ports = to_ports(interface, frames)
    timed = {port.name for port in interface.inputs if port.kind != "static"}
    steps, costs = count_steps(interface, frames), _Costs()
    estimate = estimator(emulator.board, emulator.read)
    for k in range(steps):
        before = _lines(emulator)
        step = model.step(**{name: a[k] if name in timed else a for name, a in ports.items()})
        costs.instructions.append(step.cost.instructions)
        costs.stack_bytes = max(costs.stack_bytes, step.cost.stack_bytes)
        _add_parts(costs, emulator, step.cost, estimate)
        costs.lines.append(_lines(emulator) - before + _fetched(emulator))
        progress(k + 1, steps)
    return costs


def _lines(emulator: ProgramEmulator) -> int:
    """Lines of flash read as data so far; 0 where nothing waits for them."""
    reads = emulator.board.memory.reads
    return emulator.lines_read() if isinstance(emulator, Emulator) and reads and reads.wait_cycles else 0


def _fetched(emulator: ProgramEmulator) -> int:
    """Lines of flash whose instructions the last call ran, each whenever a block of it ran."""
    memory = emulator.board.memory
    if not isinstance(emulator, Emulator) or memory.reads is None:
        return 0
    return fetched_lines(emulator.traces(), memory.reads.line_bytes, memory.flash)


def _add_parts(costs: _Costs, emulator: ProgramEmulator, cost: CallResult, estimate: BlockCosts | None) -> None:
    if not isinstance(emulator, Emulator):
        for name, instructions in cost.by_function.items():
            costs.add(0, name, instructions, 0.0)
        return
    traces = emulator.traces()
    cycles = estimate.cycles(traces) if estimate is not None else {}
    for trace in traces:
        number, name = emulator.block(trace.address, trace.size_bytes)
        costs.add(trace.context, name, number * trace.executions, cycles.get(trace, 0.0))
    if estimate is not None:
        costs.cycles.append(sum(cycles.values()))


def _report(job: Job, emulator: ProgramEmulator, costs: _Costs, folder: Path) -> Profile:
    board, image, layout = job.board, emulator.image, emulator.image.model()
    model = estimator(board, emulator.read)
    error = model.model.error_percent if model is not None else 0
    reads = board.memory.reads
    waiting = float(max(costs.lines) * reads.wait_cycles) if reads is not None else None
    cycles = Figure.of(costs.cycles, ESTIMATED, error, waiting) if costs.cycles else None
    flash, ram = flash_use(image, board), ram_use(image, layout, costs.stack_bytes)
    mcu = board.kind == "mcu"
    return Profile(
        str(job.artifact), layout.interface.name, layout.interface.scheme, board.id, board.core.name,
        board.core.clock_hz, "c", _source(emulator), len(costs.instructions), job.frames.description,
        Figure.of(costs.instructions, EXACT), cycles,
        cycles.times(1e6 / board.core.clock_hz) if cycles is not None else None,
        job.period_of(layout.interface), _nodes(emulator, costs, folder), flash, ram,
        board.memory.flash if mcu else None, board.memory.ram if mcu else None,
        notes=_notes(board, layout.interface, cycles is not None),
    )  # fmt: skip


def _notes(board: Board, interface: Interface, timed: bool) -> tuple[str, ...]:
    notes = [] if timed else [f"there is no cycle model of the {board.core.name}: no time"]
    return (*notes, *segment_notes(interface))


def _source(emulator: ProgramEmulator) -> str:
    emulation = emulator.board.emulation
    if isinstance(emulator, Emulator):
        return f"emulated by Unicorn ({emulation.unicorn})"
    return f"emulated by QEMU ({emulation.qemu_machine})"


def _nodes(emulator: ProgramEmulator, costs: _Costs, folder: Path) -> tuple[NodeCost, ...]:
    """In the order of the statements; what belongs to none comes last."""
    if not isinstance(emulator, Emulator):
        steps = len(costs.instructions)
        return (_node("step", "by function", {name: (n / steps, None) for (_, name), (n, _) in costs.parts.items()}),)
    header, name, _ = find_model(folder)
    statements = Statements(emulator.image, emulator.image.step_of(name), header.with_suffix(".c"))
    steps, estimated = len(costs.instructions), bool(costs.cycles)
    nodes: dict[tuple[str, str], dict[str, tuple[float, float | None]]] = {}
    for (context, function), (instructions, cycles) in sorted(costs.parts.items()):
        functions = nodes.setdefault(statements.before(context), {})
        before = functions.get(function, (0.0, 0.0))
        functions[function] = (
            before[0] + instructions / steps, (before[1] or 0.0) + cycles / steps if estimated else None,
        )  # fmt: skip
    found = [_node(*key, functions) for key, functions in nodes.items()]
    order = {node: k for k, node in enumerate(statements.order())}
    return tuple(sorted(found, key=lambda n: order.get((n.name, n.op), len(order))))


def _node(name: str, op: str, functions: Mapping[str, tuple[float, float | None]]) -> NodeCost:
    most_first = dict(sorted(functions.items(), key=lambda item: -item[1][0]))
    cycles = [c for _, c in functions.values() if c is not None]
    total = sum(cycles) if len(cycles) == len(functions) else None
    return NodeCost(name, op, sum(n for n, _ in functions.values()), total, most_first)
