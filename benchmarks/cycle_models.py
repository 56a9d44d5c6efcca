"""The cycle models beside published measurements of real boards, on CoreMark.

    git clone https://github.com/eembc/coremark
    python -m benchmarks.cycle_models --coremark coremark [--compiler gcc] [--json results.json]

CoreMark is compiled for an emulated board of each core and run; its own checks have to pass. What is published comes
from boards, most with GCC, whose versions differ from the one here: part of the difference is the compiler's.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks.report import console, show_missing, show_table, write_json
from edgernn.boards import Emulator, build_program, load_board
from edgernn.boards.cycles import MODELS, estimator
from edgernn.boards.toolchain import COMPILERS
from edgernn.errors import EdgeRNNError, UsageError

PORT = Path(__file__).with_name("coremark")
SOURCES = ("core_list_join.c", "core_main.c", "core_matrix.c", "core_state.c", "core_util.c")
FEW, MANY = 1, 5
"""Iterations whose difference is what one costs."""

PUBLISHED: tuple[tuple[str, str, float, str], ...] = (
    ("pico", "-O3", 1.893, "RP2040 at 125 MHz, from RAM (KafCoppelia/pico-coremark)"),
    ("mps2-an386", "-O3", 2.583, "Teensy 3.6 at 180 MHz, cached (FrankBoesing/CoreMark)"),
    ("mps2-an386", "-O2", 2.448, "Teensy 3.6 at 180 MHz, cached (PaulStoffregen/CoreMark)"),
    ("mps2-an386", "-O2", 2.545, "SAMD51 at 180 MHz, cached (PaulStoffregen/CoreMark)"),
    ("mps2-an500", "-O2", 4.018, "i.MX RT1060 at 600 MHz, TCM (Masmiseim36/Coremark_iMXRT)"),
    ("mps2-an500", "-O3", 3.990, "i.MX RT1060 at 600 MHz, TCM (Masmiseim36/Coremark_iMXRT)"),
    ("mps2-an500", "-Os", 2.894, "i.MX RT1060 at 600 MHz, TCM (Masmiseim36/Coremark_iMXRT)"),
    ("mps2-an505", "-O3", 2.60, "RP2350 at 276 MHz, cached flash"),
    ("mps2-an505", "-O3", 3.396, "AN505 on an FPGA (GorgonMeducer)"),
    ("esp32-c3-devkit", "-O3", 2.558, "ESP32-C3, IRAM (Espressif)"),
    ("esp32-c3-devkit", "-O3", 2.65, "CH32V307, as close a core (XIVN1987/MCUCode)"),
    ("esp32-c3-devkit", "-O2", 2.474, "CH32V307, as close a core (XIVN1987/MCUCode)"),
    ("esp32-c3-devkit", "-O2", 2.461, "GD32VF103, as close a core (XIVN1987/MCUCode)"),
    ("mps2-an385", "-O3", 0.0, ""),
    ("microbit", "-O3", 0.0, ""),
    ("pico2-riscv", "-O3", 0.0, ""),
)
"""Board with the core, flag of the compiler, CoreMark/MHz as published (0 where nothing is), and where."""


@dataclass(frozen=True)
class Score:
    """CoreMark on one core. ``estimated`` and ``published`` in iterations a second and MHz."""

    core: str
    optimize: str
    instructions: float
    cycles: float
    estimated: float
    published: float | None
    where: str

    @property
    def error_percent(self) -> float | None:
        """How much more the estimate promises than was measured."""
        return 100 * (self.estimated / self.published - 1) if self.published else None


def run(board_id: str, optimize: str, coremark: Path, compiler: str, folder: Path) -> tuple[float, float]:
    """Instructions and estimated cycles of one iteration. Raises EdgeRNNError where results are wrong."""
    board = load_board(board_id)
    sources = [*(coremark / name for name in SOURCES), PORT / "core_portme.c"]
    image = build_program(
        board, sources, folder / f"{board_id}{optimize}.elf", includes=[coremark, PORT], optimize=optimize,
        compiler=compiler, stack_bytes=4096,
    )  # fmt: skip
    costs = []
    for iterations in (FEW, MANY):
        emulator = Emulator(board, image, trace="main")
        emulator.write("seed4_volatile", iterations.to_bytes(4, "little"))
        count = emulator.call("main").instructions
        if any(emulator.read("edgernn_errors", 4)):
            raise UsageError(f"{board_id} {optimize}: CoreMark finds its results wrong")
        estimate = estimator(board, emulator.read)
        if estimate is None:
            raise UsageError(f"{board_id}: there is no cycle model of its core")
        costs.append((count, estimate.estimate(emulator.traces()).cycles))
    few, many = costs
    return (many[0] - few[0]) / (MANY - FEW), (many[1] - few[1]) / (MANY - FEW)


def show(scores: list[Score]) -> None:
    """A row for each published figure."""
    rows = [
        [
            s.core, s.optimize, f"{s.instructions:,.0f}", f"{s.cycles:,.0f}", f"{s.estimated:.3f}",
            f"{s.published:.3f}" if s.published else "", f"{error:+.1f} %" if (error := s.error_percent) else "",
            f"±{MODELS[s.core].error_percent} %", s.where,
        ]
        for s in scores
    ]  # fmt: skip
    heads = ["core", "flag", "instructions", "cycles, estimated", "CoreMark/MHz, estimated", "published", "error",
             "promised", "published for"]  # fmt: skip
    show_table("One iteration of CoreMark", heads, rows)


@click.command(help=__doc__)
@click.option("--coremark", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--compiler", type=click.Choice(COMPILERS), default="auto", show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(coremark: Path, compiler: str, json_path: Path | None) -> None:
    """See the module."""
    scores: list[Score] = []
    missing: dict[str, str] = {}
    costs: dict[tuple[str, str], tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for board, optimize, published, where in PUBLISHED:
            try:
                if (board, optimize) not in costs:
                    costs[board, optimize] = run(board, optimize, coremark, compiler, Path(name))
            except EdgeRNNError as error:
                missing[f"{board} {optimize}"] = str(error).splitlines()[0]
                continue
            count, cycles = costs[board, optimize]
            core = load_board(board).core.name
            scores.append(Score(core, optimize, count, cycles, 1e6 / cycles, published or None, where))
    show(scores)
    show_missing(missing)
    write_json({"compiler": compiler, "scores": [asdict(s) for s in scores], "missing": missing}, json_path)
    console.print("Estimates are for memory without wait states.")


if __name__ == "__main__":
    main()
