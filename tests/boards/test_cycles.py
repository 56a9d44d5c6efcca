"""The cycle models on instruction sequences whose cycles the manuals of the cores state.

Sections are those of the documents that docs/cycle-estimates.md names. Where a manual gives a range, so does the test.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from edgernn.boards import Board, Emulator, Image, build_program, load_board
from edgernn.boards.cycles import MODELS, estimator
from edgernn.boards.cycles.estimate import Estimate, fetched_lines
from edgernn.boards.cycles.instructions import decode
from edgernn.boards.cycles.models import BlockCost
from edgernn.boards.emulators.tracing import Trace
from edgernn.boards.manifest import Region
from edgernn.boards.toolchain import find_compiler

BOARDS = {
    "cortex-m0": "microbit", "cortex-m0plus": "pico", "cortex-m3": "mps2-an385", "cortex-m4": "nucleo-f446re",
    "cortex-m7": "nucleo-h743zi", "cortex-m33": "pico2", "esp32-c3": "esp32-c3-devkit", "hazard3": "pico2-riscv",
}  # fmt: skip

ARM = "cortex-m0", "cortex-m0plus"
RANGE = tuple[float, float]

SEQUENCES: tuple[tuple[str, str, float | RANGE], ...] = (
    # Cortex-M0+ Technical Reference Manual, 3.3, table 3-1, and Cortex-M0 TRM, 3.3, table 3-1: N includes PC and LR.
    *((core, "movs r0, #1; adds r0, r0, r1; muls r0, r1, r0; lsrs r0, r0, #2; uxtb r0, r0; nop", 6) for core in ARM),
    *((core, "ldr r0, [r1]; strh r0, [r2]; ldrsb r3, [r1, r2]; ldr r0, [sp, #4]", 8) for core in ARM),
    *((core, "ldm r0!, {r1, r2, r3, r4}", 5) for core in ARM),
    *((core, "push {r4, r5, r6, r7, lr}", 6) for core in ARM),
    *((core, "pop {r4, r5, r6, r7}", 5) for core in ARM),
    ("cortex-m0plus", "pop {r4, r5, r6, r7, pc}", 8),
    ("cortex-m0", "pop {r4, r5, r6, r7, pc}", 9),
    ("cortex-m0plus", "b .", 2), ("cortex-m0", "b .", 3),
    ("cortex-m0plus", "bl .", 3), ("cortex-m0", "bl .", 4),
    ("cortex-m0plus", "bx lr", 2), ("cortex-m0", "bx lr", 3),
    ("cortex-m0plus", "blx r3", 2), ("cortex-m0", "blx r3", 3),
    ("cortex-m0plus", "mov pc, r1", 2), ("cortex-m0", "mov pc, r1", 3),
    ("cortex-m0plus", "beq .", 1), ("cortex-m0", "beq .", 1),
    ("cortex-m0plus", "mrs r0, primask; dmb", 6), ("cortex-m0", "mrs r0, primask; dmb", 8),
    # Cortex-M3 TRM r2p1, 3.3.1 and 3.3.2; P is 1 to 3.
    ("cortex-m3", "add r0, r1, r2, lsl #2; movw r3, #1; ubfx r4, r5, #3, #7; clz r6, r7; mul r0, r1, r2", 5),
    ("cortex-m3", "mla r0, r1, r2, r3", 2),
    ("cortex-m3", "smull r0, r1, r2, r3", (3, 5)), ("cortex-m3", "smlal r0, r1, r2, r3", (4, 7)),
    ("cortex-m3", "sdiv r0, r1, r2", (2, 12)),
    ("cortex-m3", "ldr r0, [r4]", 2),
    ("cortex-m3", "ldr r0, [r4]; ldr r1, [r4, #4]; ldr r2, [r4, #8]", 4),
    ("cortex-m3", "ldr r0, [r4]; ldr r1, [r0]", 4),
    ("cortex-m3", "str r0, [r1, #4]", 1), ("cortex-m3", "str r0, [r1, r2]", 2),
    ("cortex-m3", "ldm r0, {r1, r2, r3, r4}", 5), ("cortex-m3", "push {r4, r5, lr}", 4),
    ("cortex-m3", "ldrd r0, r1, [r2]", 3),
    ("cortex-m3", "b .", (2, 4)), ("cortex-m3", "bl .", (2, 4)), ("cortex-m3", "bx lr", (2, 4)),
    ("cortex-m3", "pop {r4, r5, pc}", (5, 7)), ("cortex-m3", ".inst.n 0xb110", 1), ("cortex-m3", "bne .", 1),
    # Cortex-M4 TRM r0p1, 3.3.1, and 7.2.3 for floating point.
    ("cortex-m4", "mla r0, r1, r2, r3; smlad r0, r1, r2, r3; smull r0, r1, r2, r3; smlal r4, r5, r6, r7", 4),
    ("cortex-m4", "umaal r0, r1, r2, r3; smmulr r0, r1, r2; pkhbt r0, r1, r2; ssat r3, #16, r4; sxtb16 r5, r6", 5),
    ("cortex-m4", "sdiv r0, r1, r2", (2, 12)),
    ("cortex-m4", "ldr r0, [r4]; ldr r1, [r4, #4]; ldr r2, [r4, #8]", 4),
    ("cortex-m4", "ldr r0, [r4]; str r1, [r5, r6]", 3),
    ("cortex-m4", "vadd.f32 s0, s1, s2; vmul.f32 s3, s4, s5; vmov.f32 s6, s7; vcmp.f32 s0, s1", 4),
    ("cortex-m4", "vfma.f32 s0, s1, s2", 3), ("cortex-m4", "vmla.f32 s0, s1, s2", 3),
    ("cortex-m4", "vdiv.f32 s0, s1, s2", 14), ("cortex-m4", "vsqrt.f32 s0, s1", 14),
    ("cortex-m4", "vldr s0, [r0]", 2), ("cortex-m4", "vstr s0, [r0]", 2), ("cortex-m4", "vldm r0, {s0-s3}", 5),
    # Cortex-M7: Arm publishes no table. Pairs as quinapalus.com/cm7cycles.html measured them on an STM32H730.
    ("cortex-m7", "add r0, r1, r2; add r3, r4, r5; add r6, r7, r8; add r9, r10, r11", 2),
    ("cortex-m7", "add r0, r1, r2; add r3, r0, r5; add r6, r3, r8; add r9, r6, r11", 4),
    ("cortex-m7", "ldr r0, [r4]; ldr r1, [r4, #4]; ldr r2, [r5]; ldr r3, [r5, #4]", 2),
    ("cortex-m7", "str r0, [r4]; str r1, [r4, #4]", 2),
    ("cortex-m7", "smlad r0, r1, r2, r0; smlad r3, r4, r5, r3", 2),
    # RI5CY user manual, 3 (pipeline), for the ESP32-C3: jumps 2, taken branches 3, a load used at once waits a cycle.
    ("esp32-c3", "add a0, a1, a2; lui a3, 5; slli a4, a5, 3; mul a0, a1, a2", 4),
    ("esp32-c3", "lw a0, 0(a1); add a2, a3, a4", 2), ("esp32-c3", "lw a0, 0(a1); add a2, a0, a4", 3),
    ("esp32-c3", "sw a0, 0(a1); sh a0, 4(a1)", 2), ("esp32-c3", "j .", 2), ("esp32-c3", "beq a0, a1, .", 1),
    # Hazard3 documentation, "Instruction Cycle Counts".
    ("hazard3", "add a0, a1, a2; lui a3, 5; slli a4, a5, 3; mul a0, a1, a2; mulhu a3, a4, a5", 5),
    ("hazard3", "lw a0, 0(a1); add a2, a3, a4", 2), ("hazard3", "lw a0, 0(a1); add a2, a0, a4", 3),
    ("hazard3", "lw a0, 0(a1); sw a0, 4(a1)", 2), ("hazard3", "lw a1, 0(a1); lw a2, 0(a1)", 3),
    ("hazard3", "divu a0, a1, a2", (18, 19)), ("hazard3", "j .", 2), ("hazard3", "jalr a1", 2),
    ("hazard3", "bne a0, a1, .", 1),
)  # fmt: skip
"""Core, one basic block, its cycles when a branch at its end is not taken."""

TAKEN: tuple[tuple[str, str, RANGE], ...] = (
    ("cortex-m0plus", "beq .", (1, 1)), ("cortex-m0", "beq .", (2, 2)), ("cortex-m3", "beq .", (1, 3)),
    ("cortex-m4", ".inst.n 0xb110", (1, 3)), ("esp32-c3", "beq a0, a1, .", (2, 2)),
    ("hazard3", "beq a0, a1, .", (1, 1)),
)  # fmt: skip
"""Core, block, cycles more where its branch is taken (Hazard3: as not foreseen)."""

Assemble = Callable[[str, str], bytes]


@pytest.fixture(scope="module")
def assemble(boards_extra: None, tmp_path_factory: pytest.TempPathFactory) -> Assemble:
    """Machine code of one line of assembly for a core, by the board's compiler; all lines of a core at once."""
    pytest.importorskip("capstone", reason="cycles are estimated with capstone")
    folder = tmp_path_factory.mktemp("assembly")

    @lru_cache
    def of_core(core: str) -> dict[str, bytes]:
        texts = [text for name, text, _ in (*SEQUENCES, *TAKEN) if name == core]
        unified = ".syntax unified\n" if core.startswith("cortex") else ""
        lines = [f'.section s{k},"ax"\n.balign 4\n{text.replace(";", chr(10))}\n' for k, text in enumerate(texts)]
        source, output = folder / f"{core}.s", folder / f"{core}.o"
        source.write_text(unified + "".join(lines))
        find_compiler(load_board(BOARDS[core])).run(["-c", str(source), "-o", str(output)], folder)
        return dict(zip(texts, _sections(output, len(texts)), strict=True))

    return lambda core, text: of_core(core)[text]


def _sections(path: Path, count: int) -> list[bytes]:
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf = ELFFile(file)
        return [elf.get_section_by_name(f"s{k}").data() for k in range(count)]


def cost(core: str, code: bytes) -> BlockCost:
    """Of a block at an address that is a multiple of four."""
    instructions = decode(load_board(BOARDS[core]).core.family, code, 0x1000)
    assert sum(4 if i.wide else 2 for i in instructions) == len(code)
    return MODELS[core].block(instructions)


@pytest.mark.parametrize(("core", "text", "cycles"), SEQUENCES, ids=[f"{c}: {t}" for c, t, _ in SEQUENCES])
def test_a_block_takes_what_the_manual_states(assemble: Assemble, core: str, text: str, cycles: float | RANGE) -> None:
    low, high = cycles if isinstance(cycles, tuple) else (cycles, cycles)
    assert low <= cost(core, assemble(core, text)).base <= high


@pytest.mark.parametrize(("core", "text", "more"), TAKEN, ids=[f"{c}: {t}" for c, t, _ in TAKEN])
def test_a_branch_that_is_taken_takes_what_the_manual_states(
    assemble: Assemble, core: str, text: str, more: RANGE
) -> None:
    assert more[0] <= cost(core, assemble(core, text)).taken <= more[1]


LOOP_ARM = """__asm__(".syntax unified\\n.text\\n.balign 4\\n.global f\\n.thumb_func\\n.type f, %function\\n"
    "f: movs r1, #0\\n1: adds r1, r1, r0\\nsubs r0, r0, #1\\nbne 1b\\nbx lr\\n.size f, . - f\\n");
"""
LOOP_RISCV = """__asm__(".text\\n.balign 4\\n.global f\\n.type f, @function\\n"
    "f: li a1, 0\\n1: add a1, a1, a0\\naddi a0, a0, -1\\nbnez a0, 1b\\nret\\n.size f, . - f\\n");
"""
LOOPS: tuple[tuple[str, Callable[[int, int], float]], ...] = (
    ("cortex-m0plus", lambda n, _: 4 * n + 2),
    ("cortex-m0", lambda n, _: 5 * n + 2),
    ("cortex-m3", lambda n, p: 1 + 2 * n + n + p * (n - 1) + 1 + p),
    ("cortex-m4", lambda n, p: 1 + 2 * n + n + p * (n - 1) + 1 + p),
    ("esp32-c3", lambda n, _: 1 + 2 * n + n + 2 * (n - 1) + 2),
    ("hazard3", lambda n, _: 1 + 2 * n + n + 2 + 2),
)
"""Core, cycles of the whole function for ``n`` and the refill P of the pipeline. The predictor of the model takes more
steps to learn a branch than that of Hazard3; the return of the ESP32-C3 is a cycle longer than RI5CY's."""


@pytest.mark.parametrize(("core", "stated"), LOOPS, ids=[core for core, _ in LOOPS])
def test_a_loop_takes_what_the_manual_states(
    boards_extra: None, tmp_path: Path, core: str, stated: Callable[[int, int], float]
) -> None:
    pytest.importorskip("capstone", reason="cycles are estimated with capstone")
    board, image = load_board(BOARDS[core]), _loop(BOARDS[core], tmp_path)
    emulator = Emulator(board, image, trace="f")
    for n in (2, 100):
        emulator.call("f", n)
        estimate = estimator(board, emulator.read)
        assert estimate is not None
        cycles = estimate.estimate(emulator.traces()).cycles
        guesses = {"hazard3": 5, "esp32-c3": 1}.get(core, 0)
        assert stated(n, 1) - guesses <= cycles <= stated(n, 3) + guesses, (n, cycles)


def _loop(name: str, folder: Path) -> Image:
    board: Board = load_board(name)
    (folder / "loop.c").write_text(
        f"typedef int only_assembly;\n{LOOP_ARM if board.core.family == 'cortex-m' else LOOP_RISCV}"
    )
    return build_program(board, [folder / "loop.c"], folder / "loop.elf", roots=["f"])


def test_every_core_of_a_microcontroller_board_has_a_bound() -> None:
    assert set(BOARDS) == set(MODELS)
    assert {core: model.error_percent for core, model in MODELS.items()} == {
        "cortex-m0": 8, "cortex-m0plus": 5, "cortex-m3": 8, "cortex-m4": 8, "cortex-m7": 20, "cortex-m33": 25,
        "esp32-c3": 8, "hazard3": 10,
    }  # fmt: skip


def test_an_estimate_says_so_and_how_far_it_may_be_off() -> None:
    estimate = Estimate(1000.0, 8)
    assert estimate.text == "cycles estimated: 1,000 (±8 %)"
    assert (estimate.low, estimate.high) == (920.0, 1080.0)


def test_lines_of_flash_are_counted_as_often_as_a_block_runs() -> None:
    flash = Region(0x0800_0000, 0x1000)
    inside = Trace(0, 0x0800_000E, 4, 10, 0, 0, 0)
    outside = Trace(0, 0x2000_0000, 64, 10, 0, 0, 0)
    assert fetched_lines([inside, outside], 16, flash) == 2 * 10
    assert fetched_lines([inside], 4, flash) == 2 * 10
