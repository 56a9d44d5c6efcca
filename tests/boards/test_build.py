"""Programs for boards: what is in them, where it lies, and what goes wrong in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgernn.boards import build_model, build_program, list_boards, load_board, read_image, toolchain
from edgernn.boards.build import FIRMWARE, START
from edgernn.errors import ArtifactError, BoardError, MissingExtraError, OutputError, UsageError

from .conftest import PROGRAM, BuildProgram

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror"]
MICROCONTROLLERS = [name for name in list_boards() if load_board(name).kind == "mcu"]

pytestmark = pytest.mark.usefixtures("boards_extra")


@pytest.mark.parametrize("name", MICROCONTROLLERS)
def test_a_program_lies_in_the_flash_and_ram_of_each_microcontroller(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    image = build_program(board, [PROGRAM], tmp_path / "program.elf", roots=["next_count", "overwrite_table"])
    memory = board.memory
    constants = memory.constants or memory.flash
    assert memory.flash.start <= image.entry < memory.flash.end
    assert memory.flash.start <= image.symbol("next_count").address < memory.flash.end
    assert constants.start <= image.symbol("lookup").address < constants.end
    assert memory.ram.start <= image.symbol("count").address < memory.ram.end
    assert image.symbol("edgernn_stack_top").address == memory.ram.end & ~15
    assert image.sizes.data == 8 and image.sizes.zero == 8
    assert 0 < image.sizes.flash < 2000
    assert "recurse" not in image.names, "a function that nothing uses is left out"
    for segment in filter(lambda s: s.data, image.segments):
        assert any(
            region.address <= segment.load_address and segment.load_address + len(segment.data) <= region.end
            for region in (memory.flash, constants)
        )


def test_the_vector_table_stands_where_the_core_looks_for_it(built: BuildProgram) -> None:
    board, image = load_board("nucleo-f446re"), built("nucleo-f446re")
    first = next(s for s in image.segments if s.load_address == board.memory.flash.address)
    stack, reset = (int.from_bytes(first.data[k : k + 4], "little") for k in (0, 4))
    assert stack == board.memory.ram.end
    assert reset == image.symbol("edgernn_reset").address | 1


def test_flash_of_a_pico_starts_with_its_boot_loader(tmp_path: Path) -> None:
    image = build_program(load_board("pico"), [PROGRAM], tmp_path / "p.elf", roots=["loop"])
    first, second = sorted(image.segments, key=lambda s: s.load_address)[:2]
    assert (first.load_address, len(first.data), second.load_address) == (0x1000_0000, 256, 0x1000_0100)


def test_a_program_with_main_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text('int main(void) { for (;;) __asm__ volatile("nop"); }\n')
    image = build_program(load_board("microbit"), [tmp_path / "main.c"], tmp_path / "p.elf")
    assert image.symbol("main").size_bytes == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["main.c", "p.elf"]


@pytest.mark.parametrize("family", sorted(START))
def test_the_firmware_compiles_without_warnings(family: str, tmp_path: Path) -> None:
    board = load_board({"cortex-m": "mps3-an547", "riscv32": "pico2-riscv", "aarch64": "rpi4"}[family])
    (tmp_path / "m.h").write_text("typedef struct { int x; } m_state;\n")
    compiler = toolchain.find_compiler(board)
    for source in ("start.c", START[family], "memory.c", "idle.c", "layout.c"):
        defines = ['-DEDGERNN_HEADER="m.h"', "-DEDGERNN_STATE=m_state", f"-I{tmp_path}"]
        compiler.run([*WARNINGS, "-Os", *defines, "-c", str(FIRMWARE / source), "-o", "x.o"], tmp_path)


def test_an_error_in_c_is_shown_in_the_words_of_the_compiler(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int f(void) { return y; }\n")
    with pytest.raises(OutputError, match=r"exit code 1(.|\n)*bad.c:1:22(.|\n)*undeclared identifier 'y'"):
        build_program(load_board("microbit"), [tmp_path / "bad.c"], tmp_path / "p.elf")
    assert not (tmp_path / "p.elf").exists()


def test_a_function_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int g(void); int f(void); int f(void) { return g(); }\n")
    with pytest.raises(OutputError, match=r"undefined symbol: g\b"):
        build_program(load_board("esp32-c3-devkit"), [tmp_path / "bad.c"], tmp_path / "p.elf", roots=["f"])


def test_variables_that_leave_no_room_for_the_stack_are_refused(tmp_path: Path) -> None:
    (tmp_path / "big.c").write_text("char big[15000]; char *f(void); char *f(void) { return big; }\n")
    sources, board = [tmp_path / "big.c"], load_board("microbit")
    assert build_program(board, sources, tmp_path / "p.elf", roots=["f"], stack_bytes=1024).sizes.zero == 15000
    with pytest.raises(OutputError, match="variables and stack do not fit in RAM"):
        build_program(board, sources, tmp_path / "p.elf", roots=["f"], stack_bytes=2048)


def test_constants_that_do_not_fit_in_flash_are_refused(tmp_path: Path) -> None:
    (tmp_path / "big.c").write_text("extern const char big[300000]; const char big[300000] = {1};\n")
    with pytest.raises(OutputError, match=r"\.rodata.* will not fit in region 'FLASH'"):
        build_program(load_board("microbit"), [tmp_path / "big.c"], tmp_path / "p.elf", roots=["big"])


def test_what_cannot_be_built_is_said(tmp_path: Path) -> None:
    board = load_board("microbit")
    with pytest.raises(UsageError, match=r"none.c: there is no such C file"):
        build_program(board, [tmp_path / "none.c"], tmp_path / "p.elf")
    with pytest.raises(UsageError, match="unknown compiler 'tcc'; known are auto, zig, gcc"):
        build_program(board, [PROGRAM], tmp_path / "p.elf", compiler="tcc")
    with pytest.raises(BoardError, match="host: firmware is for other boards"):
        build_program(load_board("host"), [PROGRAM], tmp_path / "p.elf")
    with pytest.raises(OutputError, match="cannot be written"):
        build_program(board, [PROGRAM], tmp_path / "no" / "p.elf", roots=["loop"])
    with pytest.raises(UsageError, match="expected the C files of one model, found none"):
        build_model(board, tmp_path, tmp_path / "p.elf")


def test_compilers_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    board = load_board("microbit")
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="arm-none-eabi-gcc is not installed"):
        toolchain.find_compiler(board, "gcc")
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"firmware for microbit needs .*'ziglang'.*edgernn\[boards\]"):
        toolchain.find_compiler(board)
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: f"/usr/bin/{name}" if name.endswith("gcc") else None)
    assert toolchain.find_compiler(board).command == ("/usr/bin/arm-none-eabi-gcc",)


def test_damaged_files_are_refused(tmp_path: Path, built: BuildProgram) -> None:
    path = tmp_path / "x.elf"
    whole = Path(built("microbit").where).read_bytes()
    for data in (b"", b"text", whole[:100], whole[: len(whole) // 2]):
        path.write_bytes(data)
        with pytest.raises(ArtifactError, match=r"x.elf: not an ELF file, or damaged"):
            read_image(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_image(tmp_path / "none.elf")
    with pytest.raises(ArtifactError, match="expected a program with one model, found 0"):
        built("microbit").model()
