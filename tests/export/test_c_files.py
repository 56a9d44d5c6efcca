"""What the C writer puts where, under which names, and what it refuses."""

import dataclasses
import os
import re
from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import MissingExtraError, OutputError, UnsupportedOpError, UsageError
from edgernn.export import c
from edgernn.export.c import build, output
from edgernn.export.c.source import generate
from edgernn.export.c.text import c_array, c_float, c_name, c_prefix
from edgernn.ir.graph import Graph, Port
from edgernn.ops import Binary, Embedding, Lstm, Slice, Unary
from tests.export.c_support import WARNINGS, compiler, run, write_sources
from tests.ops.cases import all_cases
from tests.ops.cases.base import CaseBuilder

CASES = {case.name: case for case in all_cases()}


def test_writes_the_model_and_exactly_the_kernels_it_uses(tmp_path: Path) -> None:
    c.write(CASES["lstm_6_17_5"].graph, tmp_path / "kws.c")
    assert {path.name for path in tmp_path.iterdir()} == {
        "kws.c", "kws.h", "ern.h", "ern_cells_f32.h", "ern_lanes.h", "ern_macs.h", "ern_matvec_f32.h", "ern_math_f32.h",
        "ern_check.c", "ern_snapshot.c", "ern_lstm_f32.c", "ern_linear_f32.c",
    }  # fmt: skip
    run([*compiler(), *WARNINGS, "-c", *sorted(path.name for path in tmp_path.glob("*.c"))], tmp_path)


def test_reshape_and_contiguous_slice_cost_nothing(tmp_path: Path) -> None:
    case = CaseBuilder("slice")
    x = case.input(2, 6)
    graph = case.done(case.builder.add1(Unary("tanh"), [case.builder.add1(Slice(-2, 1, 2), [x])])).graph
    text = generate(graph, "model", 1).files["model.c"]
    assert "ern_tanh_f32(x0 + 6, y0, 6);" in text
    assert "ern_copy" not in text


def test_cell_is_written_over_and_hidden_state_is_not(tmp_path: Path) -> None:
    text = generate(CASES["lstm_7_16_0"].graph, "model", 1).files["model.c"]
    call = re.search(r"ern_lstm_f32\((.*)\);", text)
    assert call is not None
    arguments = call[1].split(", ")
    h, c_state, h_next, c_next = arguments[2], arguments[4], arguments[7], arguments[8]
    assert c_next == c_state and h_next != h


def test_sizes_are_those_of_the_structure(tmp_path: Path) -> None:
    source = generate(CASES["stacked_gru_lstm"].graph, "model", 1)
    write_sources(source, tmp_path)
    main = '#include <stdio.h>\n#include "model.h"\nint main(void) { printf("%zu %d %d %d", sizeof(model_state), '
    main += "MODEL_RAM_BYTES, MODEL_STATE_BYTES, MODEL_SNAPSHOT_BYTES); return 0; }\n"
    (tmp_path / "main.c").write_text(main)
    run([*compiler(), "main.c", "model.c", *source.kernels, "-o", "main"], tmp_path)
    size, ram, state, snapshot = map(int, run(["./main"], tmp_path).split())
    assert size == ram
    assert state == source.interface.state_bytes == 4 * (6 + 9 + 9)
    assert snapshot == state + 32


def test_interface_is_in_the_file_when_asked_for(tmp_path: Path) -> None:
    source = generate(CASES["gru_3_4"].graph, "model", 1)
    write_sources(source, tmp_path)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "model.h"\nint main(void) { puts(model_interface); return 0; }\n'
    )
    command = [*compiler(), *WARNINGS, "-DMODEL_WITH_INTERFACE", "main.c", "model.c", *source.kernels, "-o", "main"]
    run(command, tmp_path)
    assert run(["./main"], tmp_path).strip() == source.interface.to_json()


def test_output_is_the_same_every_time() -> None:
    first, second = (generate(CASES["stacked_gru_lstm"].graph, "model", 8).files for _ in range(2))
    assert first == second


@pytest.mark.parametrize("stem", ["int", "3d-model", "_private", "ern_extra", "a b.c", "model"])
def test_any_file_name_gives_valid_names(stem: str, tmp_path: Path) -> None:
    c.write(CASES["gru_3_4"].graph, tmp_path / f"{stem}.c")
    run([*compiler(), *WARNINGS, "-fsyntax-only", *sorted(path.name for path in tmp_path.glob("*.c"))], tmp_path)


@pytest.mark.parametrize("name", ["ern.c", "ern_gru_f32.c"])
def test_name_of_a_kernel_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a kernel file has this name"):
        c.write(CASES["gru_3_4"].graph, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_port_and_state_names_of_any_kind_compile(tmp_path: Path) -> None:
    graph = CASES["stacked_gru_lstm"].graph.copy()
    names = iter(["int", "x y", "x_y", "model", "log", "ern_status", "*/ evil"])
    graph.inputs = [dataclasses.replace(p, name=next(names)) for p in graph.inputs]
    graph.outputs = [dataclasses.replace(p, name=next(names)) for p in graph.outputs]
    graph.states = [dataclasses.replace(s, name=next(names)) for s in graph.states]
    c.write(graph, tmp_path / "model.c")
    run([*compiler(), *WARNINGS, "-fsyntax-only", *sorted(path.name for path in tmp_path.glob("*.c"))], tmp_path)


def test_names_are_neither_reserved_nor_taken() -> None:
    assert c_name("while") == "v_while"
    assert c_name("ern_copy") == "v_ern_copy"
    assert c_name("x", {"x", "x_2"}) == "x_3"
    assert c_prefix("ern") == "v_ern"
    assert c_prefix("kws") == "kws"


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1.0, -3.0, 0.1, 1e-45, 1.1754944e-38, 3.4028235e38, -1e-7, 16777216.0, 1e30]
)
def test_numbers_are_exact(value: float) -> None:
    single = float(np.float32(value))
    for text in (c_float(single), c_array(np.float32([single])).strip(" ,")):
        assert text.endswith("f")
        back = float.fromhex(text[:-1]) if "x" in text else float(text[:-1])
        assert np.float32(back).tobytes() == np.float32(single).tobytes()


def test_numbers_that_are_not_finite_have_names() -> None:
    text = c_array(np.float32([np.inf, -np.inf, np.nan]))
    assert text.split() == ["ERN_INFINITY,", "-ERN_INFINITY,", "ERN_NAN,"]


def integer_sum() -> Graph:
    case = CaseBuilder("integer_sum")
    tokens = case.tokens(5, 2)
    one = case.builder.constant(np.int32([1, 1]))
    return case.done(
        case.builder.add1(Embedding(), [case.builder.add1(Binary("add"), [tokens, one]), case.weight(7, 3)])
    ).graph


def test_integer_arithmetic_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOpError, match=r"binary\(add\).*float32 kernels only"):
        c.write(integer_sum(), tmp_path / "model.c")
    with pytest.raises(UnsupportedOpError):
        c.write_shared_library(integer_sum(), tmp_path / "model.so")
    assert not list(tmp_path.iterdir())


def test_weights_that_change_over_time_are_refused() -> None:
    case = CaseBuilder("moving_weights")
    x, h, cell, w = case.input(2), case.state(3), case.state(3), case.input(12, 2)
    with pytest.raises(ValueError, match="weights must be constants"):
        case.builder.add(Lstm(3), [x, h, cell, w, case.weight(12, 3), case.weight(12)])


def test_indices_are_checked_against_the_smallest_table() -> None:
    case = CaseBuilder("tables")
    tokens = case.tokens(11, 4)
    case.graph.inputs[0] = Port("x0", (4,), "int32", limit=None, value=tokens)
    last = case.builder.add1(Slice(-1, 2, 4), [tokens])
    graph = case.done(
        case.builder.add1(Embedding(), [tokens, case.weight(11, 2)]),
        case.builder.add1(Embedding(), [last, case.weight(7, 2)]),
    ).graph
    assert "if (!ern_all_between_i32(x0, 4, 0, 6))" in generate(graph, "model", 1).files["model.c"]


def test_other_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.c"):
        c.write(CASES["gru_3_4"].graph, tmp_path / "model.h")


@pytest.mark.parametrize("writer", [c.write, c.write_shared_library])
def test_missing_folder_is_an_output_error(writer, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    suffix = ".c" if writer is c.write else ".so"
    with pytest.raises(OutputError, match="cannot be written"):
        writer(CASES["swap"].graph, tmp_path / "missing" / f"model{suffix}")
    assert not list(tmp_path.iterdir())


def test_failure_in_the_middle_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renamed: list[object] = []

    def fail(source: object, target: object) -> None:
        renamed.append(target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "replace", fail)
    with pytest.raises(OutputError, match="No space left"):
        c.write(CASES["swap"].graph, tmp_path / "model.c")
    assert len(renamed) == 1
    assert not list(tmp_path.iterdir())


def test_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(source: object, target: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        c.write(CASES["swap"].graph, tmp_path / "model.c")
    assert not list(tmp_path.iterdir())


def test_without_any_compiler_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"edgernn\[native\]"):
        c.write_shared_library(CASES["swap"].graph, tmp_path / "model.so")
    assert not list(tmp_path.iterdir())


def test_unknown_compiler_and_target_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no C compiler 'nocc'"):
        c.write_shared_library(CASES["swap"].graph, tmp_path / "model.so", cc="nocc")
    with pytest.raises(UsageError, match=r"unknown target 'z80'; targets are .*cortex_a72"):
        c.write_shared_library(CASES["swap"].graph, tmp_path / "model.so", target="z80")


def test_failing_compiler_is_quoted(tmp_path: Path) -> None:
    compiler_path = tmp_path / "cc"
    compiler_path.write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
    compiler_path.chmod(0o755)
    with pytest.raises(OutputError, match=r"exit code 3(.|\n)*out of luck"):
        c.write_shared_library(CASES["swap"].graph, tmp_path / "model.so", cc=str(compiler_path))
    assert [path.name for path in tmp_path.iterdir()] == ["cc"]
