"""Instructions, flash, RAM and stack of one step on microcontroller cores, by emulation: exact, not timed.

    python -m benchmarks.mcu_step [--board nucleo-f446re ...] [--model lstm_64_128 ...] [--scheme int16x8 ...]

A model is one recurrent layer, exported as C, compiled for the board and run in-process. Instructions are those of
the whole step, from the call to the return, as the mean of the last MEASURED of STEPS steps on random frames.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.models import GATES, Model, frames, step_program
from benchmarks.report import console, show_missing, show_table, verdict, write_json
from edgernn.boards import Board, EmulatedModel, Image, build_model, list_boards, load_board, open_emulator
from edgernn.boards.sources import packing_key, write_sources
from edgernn.boards.toolchain import COMPILERS
from edgernn.errors import EdgeRNNError
from edgernn.ir.graph import Graph, Port
from edgernn.quant import quantize
from edgernn.runtime.quantized import quantize as to_units

MODELS = tuple(
    Model(f"{cell}_{inputs}_{hidden}", cell, inputs, hidden)
    for cell in ("lstm", "gru")
    for inputs, hidden in ((16, 32), (40, 64), (64, 128))
)
SCHEMES = ("float32", "int16x8", "int8", "int16x4")
INTEGERS = SCHEMES[1:]
BOARDS = ("pico", "mps2-an385", "nucleo-f446re", "nucleo-h743zi", "mps2-an505", "mps3-an547", "esp32-c3-devkit")
CALIBRATION_FRAMES, STEPS, MEASURED = 256, 16, 8

# Board -> what the limits call its core.
CORES = dict(zip(BOARDS, ("M0+", "M3", "M4F", "M7", "M33", "M55", "rv32imc"), strict=True))

TABLES = ("k_sigmoid", "k_tanh")

LIMITS: dict[tuple[str, str, str], tuple[int, int]] = {
    ("lstm_16_32", "int16x8", "M4F"): (30_900, 8_600),
    ("lstm_40_64", "int16x8", "M4F"): (87_000, 31_000),
    ("lstm_64_128", "int16x8", "M4F"): (257_000, 105_000),
    ("gru_16_32", "int16x8", "M4F"): (20_400, 7_600),
    ("gru_40_64", "int16x8", "M4F"): (75_500, 26_000),
    ("gru_64_128", "int16x8", "M4F"): (261_000, 87_000),
    ("lstm_64_128", "int16x8", "M7"): (257_000, 105_000),
    ("lstm_64_128", "int16x8", "M33"): (257_000, 105_000),
    ("lstm_64_128", "int16x8", "M3"): (365_000, 290_000),
    ("lstm_64_128", "int16x8", "M0+"): (732_000, 375_000),
    ("lstm_64_128", "int16x8", "M55"): (140_000, 34_500),
    ("lstm_64_128", "int8", "M55"): (47_000, 19_000),
    ("lstm_64_128", "int16x8", "rv32imc"): (563_000, 375_000),
    ("lstm_64_128", "float32", "M4F"): (405_000, 265_000),
}
"""Model, scheme, core -> instructions of the best other implementation (CMSIS-NN 8-bit LSTM, RNNoise float GRU,
onnx2c float LSTM, each measured alike) and the limit for this one."""

FLASH_BYTES, STACK_BYTES, SLACK = 6000, {"lstm": 256, "gru": 320}, 1.1
"""Limits of integer models: flash beside the weights; stack, by cell; RAM over that of int16 states and gates."""


@dataclass(frozen=True)
class Figures:
    """One model on one core. Instructions per step; bytes.

    weights  the model's constants            tables  those of the kernels
    code     everything else in flash: instructions, vector table, start-up and run-time library
    ram      the structure of one stream: states and scratch
    """

    instructions: float
    lowest: int
    highest: int
    by_function: dict[str, int]
    weights_bytes: int
    tables_bytes: int
    code_bytes: int
    ram_bytes: int
    stack_bytes: int


def layer_program(model: Model, scheme: str) -> Graph:
    """The recurrent layer of ``model``, without the linear output of the host's benchmarks."""
    graph = step_program(model)
    head = graph.nodes.pop()
    for name in (*head.outputs, *head.inputs[1:]):
        graph.constants.pop(name, None)
        del graph.values[name]
    graph.outputs[:] = [Port("y", (model.hidden,), "float32", value=head.inputs[0])]
    if scheme == "float32":
        return graph
    return quantize(graph, [{"x": np.stack(frames(model, CALIBRATION_FRAMES, seed=1))}], scheme).graph


def build(model: Model, scheme: str, board: Board, folder: Path, optimize: str, compiler: str = "auto") -> Image:
    """Export and compile."""
    source = folder / f"{model.name}-{scheme}-{packing_key(board)}"
    if not source.exists():
        graph = layer_program(model, scheme)
        source.mkdir()
        write_sources(graph, board, source / f"{model.name}.c")
    elf = folder / f"{source.name}-{board.id}.elf"
    return build_model(board, source, elf, optimize=optimize, compiler=compiler)


def measure(model: Model, board: Board, image: Image) -> Figures:
    """Run the steps and add up the memory."""
    emulated = EmulatedModel(open_emulator(board, image))
    port = emulated.inputs[0]
    given = frames(model, STEPS)
    costs = [emulated.step(x=to_units(x, port) if port.scale else x).cost for x in given][-MEASURED:]
    counts = [cost.instructions for cost in costs]
    memory = board.memory
    flash = memory.constants or memory.flash
    objects = image.objects(flash.address, flash.end)
    tables = sum(size for name, size in objects.items() if name in TABLES)
    weights = sum(size for name, size in objects.items() if name.startswith("k_")) - tables
    return Figures(
        float(np.mean(counts)), min(counts), max(counts), dict(costs[-1].by_function), weights, tables,
        image.sizes.flash - weights - tables, emulated.layout.state_bytes, max(cost.stack_bytes for cost in costs),
    )  # fmt: skip


def ram_limit(model: Model) -> int:
    """Bytes of RAM: int16 states and int16 gates, and a tenth more."""
    states = model.hidden * (2 if model.cell == "lstm" else 1)
    return int(SLACK * 2 * (states + GATES[model.cell] * model.hidden))


def excesses(model: Model, scheme: str, core: str, found: Figures) -> list[str]:
    """What is over its limit: instructions, and for integer models memory."""
    limits = [("instructions", found.instructions, LIMITS.get((model.name, scheme, core), (0, np.inf))[1])]
    if scheme in INTEGERS:
        limits += [
            ("flash beside the weights", found.tables_bytes + found.code_bytes, FLASH_BYTES),
            ("RAM", found.ram_bytes, ram_limit(model)),
            ("stack", found.stack_bytes, STACK_BYTES[model.cell]),
        ]
    return [f"{model.name} {scheme} {core}: {what} {value:,.0f} > {limit:,.0f}" for what, value, limit in limits
            if value > limit]  # fmt: skip


def lineup(models: list[Model], schemes: list[str], boards: list[Board]) -> Iterator[tuple[Model, str, Board]]:
    """What to measure, in order."""
    yield from ((model, scheme, board) for scheme in schemes for model in models for board in boards)


def _key(model: Model, scheme: str, board: Board) -> tuple[str, str, str]:
    return model.name, scheme, CORES.get(board.id, board.id)


def show(results: dict[tuple[str, str, str], Figures]) -> None:
    """Instructions by core, then memory, then the limits."""
    cores = list(dict.fromkeys(core for _, _, core in results))
    rows = list(dict.fromkeys((name, scheme) for name, scheme, _ in results))
    table = [
        [
            f"{name} {scheme}",
            *(f"{r.instructions / 1e3:,.1f}k" if (r := results.get((name, scheme, c))) else "" for c in cores),
        ]
        for name, scheme in rows
    ]
    show_table("Instructions per step, exact", ["layer", *cores], table)
    table = [
        [f"{name} {scheme} {core}", *(f"{value:,}" for value in _memory(results[name, scheme, core]))]
        for name, scheme, core in results
    ]
    show_table("Bytes", ["layer", "weights", "tables", "code", "RAM", "stack"], table)
    for key, (peer, limit) in LIMITS.items():
        if key in results:
            value = results[key].instructions
            console.print(f"{' '.join(key)}: {value:,.0f}, {peer / value:.2f} x best peer, {verdict(value, limit)}")


def _memory(r: Figures) -> tuple[int, ...]:
    return r.weights_bytes, r.tables_bytes, r.code_bytes, r.ram_bytes, r.stack_bytes


@click.command(help=__doc__)
@click.option("--board", "boards", multiple=True, type=click.Choice(list_boards()), default=BOARDS)
@click.option("--model", "names", multiple=True, type=click.Choice([m.name for m in MODELS]))
@click.option("--scheme", "schemes", multiple=True, type=click.Choice(SCHEMES), default=SCHEMES)
@click.option("--optimize", default="-Os", show_default=True, help="Option of the C compiler.")
@click.option("--compiler", type=click.Choice(COMPILERS), default="auto", show_default=True)
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is exceeded.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write here.")
def main(
    boards: tuple[str, ...], names: tuple[str, ...], schemes: tuple[str, ...], optimize: str, compiler: str,
    check: bool, json_path: Path | None,
) -> None:  # fmt: skip
    """See the module."""
    results: dict[tuple[str, str, str], Figures] = {}
    missing: dict[str, str] = {}
    over: list[str] = []
    models = [m for m in MODELS if not names or m.name in names]
    with tempfile.TemporaryDirectory() as name:
        for model, scheme, board in lineup(models, list(schemes), [load_board(b) for b in boards]):
            key = _key(model, scheme, board)
            try:
                image = build(model, scheme, board, Path(name), optimize, compiler)
                results[key] = measure(model, board, image)
                over += excesses(model, scheme, key[2], results[key])
            except EdgeRNNError as error:
                missing[" ".join(key)] = str(error).splitlines()[0]
    show(results)
    console.print(*(f"over its limit: {line}" for line in over), sep="\n", soft_wrap=True)
    show_missing(missing)
    plain = {" ".join(key): asdict(figures) for key, figures in results.items()}
    write_json({"compiler": compiler, "optimize": optimize, "results": plain, "missing": missing}, json_path)
    if check and over:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
