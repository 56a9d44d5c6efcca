"""Calls into machine code: results, exact counts, stack, and everything that a program may not do."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from edgernn.boards import Emulator, load_board
from edgernn.boards.emulators.counting import INSTRUCTIONS
from edgernn.errors import ArtifactError, BoardError, EmulationError, UsageError

from .conftest import MICROCONTROLLERS, BuildProgram


def test_arguments_beyond_the_registers_and_results(emulator: Emulator) -> None:
    result = emulator.call("weighted", *range(1, 10))
    assert result.value == sum(k * k for k in range(1, 10))


def test_start_up_code_sets_variables_and_calls_keep_them(emulator: Emulator) -> None:
    assert [emulator.call("next_count").value for _ in range(3)] == [42, 44, 47]


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_instructions_of_a_loop_are_exact(emulator: Emulator, n: int) -> None:
    result = emulator.call("loop", n)
    assert result.instructions == 3 * n + 1
    assert dict(result.by_function) == {"loop": 3 * n + 1}


def test_skipped_instructions_count_and_branches_around_them_do_not(emulator: Emulator) -> None:
    taken, skipped = emulator.call("conditional", 0), emulator.call("conditional", 3)
    assert (taken.value, skipped.value) == (5, 3)
    expected = {"cortex-m0": (4, 3), "cortex-m": (4, 4)}
    family = emulator.board.core.family
    core = emulator.board.core.name if emulator.board.core.name in expected else family
    assert (taken.instructions, skipped.instructions) == expected.get(core, (3, 2))


def test_instructions_are_told_apart_by_function(emulator: Emulator) -> None:
    target = emulator.allocate("target", 100)
    result = emulator.call("fill", target, 100, 7)
    assert emulator.read(target, 100) == bytes([7]) * 100
    assert result.instructions == sum(result.by_function.values())
    names = set(result.by_function)
    assert "fill" in names and len(names) >= 2
    assert max(result.by_function.values()) > 25
    assert list(result.by_function.values()) == sorted(result.by_function.values(), reverse=True)


@pytest.mark.parametrize(
    ("family", "code", "count"),
    [
        ("cortex-m", "00bf 7047", 2),
        ("cortex-m", "bde8f08f 2ded108b 40f20010 20fb01f0 00bf", 5),  # pop.w, vpush, movw, smuad, nop
        ("cortex-m", "ffe7 00bf", 2),  # a branch starts with 11100 and is short
        ("riscv32", "0100 8280", 2),
        ("riscv32", "13050500 0145 ef000000 9002", 4),
        ("aarch64", "1f2003d5 c0035fd6", 2),
    ],
)
def test_instructions_are_counted_by_their_lengths(family: str, code: str, count: int) -> None:
    assert INSTRUCTIONS[family](bytes.fromhex(code)) == count


def test_both_counters_count_the_same(built: BuildProgram) -> None:
    for name in ("nucleo-f446re", "esp32-c3-devkit"):
        pytest.importorskip("numba", reason="the native counter needs numba")
        native, python = (Emulator(load_board(name), built(name), native=native) for native in (None, False))
        assert (native.counter, python.counter) == ("native", "python")
        calls = [("recurse", 20), ("loop", 77), ("weighted", *range(9)), ("recurse", 20)]
        assert [native.call(*c) for c in calls] == [python.call(*c) for c in calls]


@pytest.mark.parametrize("name", ["esp32-c3-devkit", "rpi4"])
def test_the_count_is_that_of_single_steps(built: BuildProgram, name: str) -> None:
    """Without conditional instructions Unicorn's hook on every instruction sees all of them."""
    import unicorn

    emulator, seen = Emulator(load_board(name), built(name)), [0]

    def step(machine: object, address: int, size: int, user: object) -> None:
        seen[0] += 1

    emulator._machine.hook_add(unicorn.UC_HOOK_CODE, step)
    for call in (("recurse", 9), ("fill", emulator.allocate("target", 64), 33, 1)):
        seen[0] = 0
        assert emulator.call(*call).instructions == seen[0] > 30


def test_stack_is_measured_to_the_word_that_was_written(emulator: Emulator) -> None:
    assert emulator.call("use_stack", 0x5A5A5A5A).stack_bytes == 64
    assert emulator.call("loop", 5).stack_bytes == 0
    shallow, deep = (emulator.call("recurse", n).stack_bytes for n in (1, 11))
    assert deep - shallow > 0 and (deep - shallow) % 10 == 0
    assert emulator.call("recurse", 1).stack_bytes == shallow


@pytest.mark.parametrize(
    ("to", "source", "n"), [(0, 0, 64), (1, 0, 31), (0, 3, 40), (8, 4, 32), (4, 8, 32), (5, 2, 3), (2, 2, 9)]
)
def test_copies_of_the_firmware_overlap_as_memmove_must(emulator: Emulator, to: int, source: int, n: int) -> None:
    buffer = emulator.allocate("buffer", 80)
    content = bytearray(range(80))
    emulator.write(buffer, bytes(content))
    emulator.call("copy", buffer + to, buffer + source, n)
    content[to : to + n] = content[source : source + n]
    assert emulator.read(buffer, 80) == bytes(content)


def _ram(emulator: Emulator) -> int:
    return emulator.board.memory.ram.end


def test_a_write_into_flash_names_function_and_table(emulator: Emulator) -> None:
    region = "constants" if emulator.board.memory.constants else "flash"
    table = rf"lookup\+0x8 \(0x[0-9a-f]+, {region}\)"
    message = rf"write of 4 bytes at {table} by '.*' in overwrite_table\+0x.*cannot be written"
    with pytest.raises(EmulationError, match=message):
        emulator.call("overwrite_table", 2)


def test_a_write_behind_ram_is_an_error(emulator: Emulator) -> None:
    emulator.call("write_word", _ram(emulator) - 4, 1)
    with pytest.raises(
        EmulationError, match=r"write of 4 bytes at \(0x[0-9a-f]+, not in the memory map\) by .*write_word"
    ):
        emulator.call("write_word", _ram(emulator), 1)


def test_a_read_outside_of_memory_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(
        EmulationError, match=r"read of 4 bytes at \(0x60000000, not in the memory map\) by .*read_word"
    ):
        emulator.call("read_word", 0x6000_0000)


def test_a_jump_to_where_no_code_is_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(EmulationError, match=r"jump to .*where there is no code"):
        emulator.call("jump", 0x6000_0001 if emulator.board.core.family == "cortex-m" else 0x6000_0000)
    fresh = Emulator(emulator.board, emulator.image)
    with pytest.raises(EmulationError, match=r"jump to .*where there is no code"):
        fresh.call("jump", emulator.board.memory.ram.start + 1)


@pytest.mark.parametrize("offset", [-1, 40])
def test_a_write_just_beside_a_buffer_is_found(emulator: Emulator, offset: int) -> None:
    buffer = emulator.allocate("frame", 40)
    emulator.call("fill", buffer, 40, 1)
    side = "before" if offset < 0 else "behind"
    with pytest.raises(
        EmulationError, match=rf"wrote {side} the buffer frame \(0x[0-9a-f]+, 40 bytes\): byte {buffer + offset:#010x}"
    ):
        emulator.call("fill", buffer + offset, 1, 1)


def test_a_stack_that_is_too_small_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(EmulationError, match="the stack used more than its 2048 bytes"):
        emulator.call("recurse", 140)


@pytest.mark.parametrize("emulator", MICROCONTROLLERS, indirect=True)
def test_endless_recursion_ends_at_the_end_of_memory(emulator: Emulator) -> None:
    with pytest.raises(EmulationError, match=r"write of .* by .* in recurse"):
        emulator.call("recurse", -1)


def test_a_function_that_does_not_return_is_stopped(emulator: Emulator) -> None:
    short = Emulator(emulator.board, emulator.image, timeout_s=0.2)
    start = time.monotonic()
    with pytest.raises(EmulationError, match=r"did not return within 0.2 s; it is at .* in spin\+0x"):
        short.call("spin")
    assert time.monotonic() - start < 10


def test_the_watching_thread_ends_with_the_emulator(built: BuildProgram) -> None:
    before = threading.active_count()
    emulator = Emulator(load_board("microbit"), built("microbit"), timeout_s=0.1)
    assert threading.active_count() == before + 1
    del emulator
    gc.collect()
    time.sleep(0.3)
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("name", "function", "runs"),
    [
        ("microbit", "dsp", False), ("microbit", "vector", False), ("mps2-an385", "vector", False),
        ("nucleo-f446re", "vector", True), ("nucleo-f446re", "dsp", True), ("mps2-an505", "vector", True),
        ("esp32-c3-devkit", "dsp", False), ("rpi4", "dsp", False),
    ],
)  # fmt: skip
def test_a_core_executes_what_it_has_and_nothing_else(
    built: BuildProgram, name: str, function: str, runs: bool
) -> None:
    emulator = Emulator(load_board(name), built(name))
    if runs:
        assert emulator.call(function, 0x0002_0003, 0x0005_0007).instructions == 2
    else:
        with pytest.raises(EmulationError, match=rf"at .*{function}\+0x0"):
            emulator.call(function)


def test_a_cortex_m0_does_not_read_words_from_odd_addresses(built: BuildProgram) -> None:
    emulator = Emulator(load_board("microbit"), built("microbit"))
    with pytest.raises(EmulationError, match="read_word"):
        emulator.call("read_word", emulator.allocate("word", 8) + 1)


def test_buffers_that_do_not_fit_in_ram_are_refused(built: BuildProgram) -> None:
    emulator = Emulator(load_board("microbit"), built("microbit"))
    emulator.allocate("most", 10_000)
    with pytest.raises(EmulationError, match=r"microbit: .*more needs 10000 bytes; .* \d+ bytes of RAM are left"):
        emulator.allocate("more", 10_000)


def test_host_access_outside_of_memory_is_refused(built: BuildProgram) -> None:
    emulator = Emulator(load_board("nucleo-f446re"), built("nucleo-f446re"))
    with pytest.raises(EmulationError, match="cannot read 4 bytes at"):
        emulator.read(0x6000_0000, 4)
    with pytest.raises(EmulationError, match="cannot write 4 bytes at"):
        emulator.write(0x6000_0000, bytes(4))


def test_an_unknown_symbol_names_those_near_it(built: BuildProgram) -> None:
    with pytest.raises(ArtifactError, match="no symbol 'next_cout'; near it are next_count"):
        Emulator(load_board("microbit"), built("microbit")).call("next_cout")


def test_a_program_of_another_family_is_refused(built: BuildProgram) -> None:
    with pytest.raises(UsageError, match="a program for cortex-m; esp32-c3-devkit needs one for riscv32"):
        Emulator(load_board("esp32-c3-devkit"), built("microbit"))


def test_a_board_that_unicorn_does_not_know_names_qemu(built: BuildProgram) -> None:
    with pytest.raises(BoardError, match="mps3-an547: Unicorn has no model of its core, cortex-m55; QEMU has it as"):
        Emulator(load_board("mps3-an547"), built("nucleo-f446re"))
