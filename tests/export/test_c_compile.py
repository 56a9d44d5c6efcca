"""The generated C compiles without a warning, is clean under sanitizers, and equals the reference at any lane width."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from edgernn.export.c import compile_source, write, write_shared_library
from edgernn.export.c.source import KERNELS, generate
from edgernn.export.c.targets import Target, host_machine
from edgernn.runtime.engines import native
from tests.export.c_support import WARNINGS, ZIG, compiler, merged, run, write_driver, write_sources
from tests.ops.cases import all_cases
from tests.ops.cases.base import Case
from tests.ops.test_engines import reference_run

CASES = all_cases()
PARTS = [CASES[k : k + 40] for k in range(0, len(CASES), 40)]
FEATURES = {1: (), 4: (), 16: ("avx2", "fma")}


def expected_outputs(case: Case) -> list[np.ndarray]:
    return [np.concatenate([np.ravel(y) for y in outputs]) for outputs in reference_run(case)[0]]


@pytest.mark.parametrize("lanes", [1, 4])
def test_every_model_file_compiles_without_a_warning(lanes: int, tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        write_sources(generate(case.graph, f"model{number}", lanes), tmp_path)
    files = [f"model{number}.c" for number in range(len(CASES))]
    run([*compiler(), *WARNINGS, f"-DERN_LANES={lanes}", "-fsyntax-only", *files], tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="zig: the package ziglang is not installed")
@pytest.mark.parametrize("lanes", [1, 4])
def test_clang_compiles_models_and_kernels_without_a_warning(lanes: int, tmp_path: Path) -> None:
    source = generate(merged(CASES).graph, "model", lanes)
    write_sources(source, tmp_path)
    (tmp_path / "all.c").write_text("".join(f'#include "{name}"\n' for name in ("model.c", *source.kernels)))
    run([*ZIG, *WARNINGS, f"-DERN_LANES={lanes}", "-O1", "-c", "all.c", "-o", "all.o"], tmp_path)


def test_model_refuses_to_compile_for_another_lane_width(tmp_path: Path) -> None:
    write_sources(generate(CASES[0].graph, "model", 4), tmp_path)
    with pytest.raises(AssertionError, match="weights are packed for 4 lanes"):
        run([*compiler(), "-fsyntax-only", "model.c"], tmp_path)
    run([*compiler(), "-DERN_LANES=4", "-fsyntax-only", "model.c"], tmp_path)


@pytest.mark.parametrize("lanes", [1, 4])
def test_sanitizers_find_nothing(lanes: int, tmp_path: Path) -> None:
    case = merged(CASES)
    files = write_driver(case, tmp_path, lanes)
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    run([*compiler(), "-std=c99", "-O1", f"-DERN_LANES={lanes}", *sanitize, *files, "-o", "main"], tmp_path)
    found = np.array(run(["./main"], tmp_path).split(), np.float64)
    want = np.concatenate(expected_outputs(case))
    np.testing.assert_allclose(found, want, rtol=0, atol=case.tolerance * max(1.0, np.abs(want).max()))


@pytest.mark.skipif(host_machine() != "x86_64", reason="native: lane widths other than the host's need x86")
@pytest.mark.parametrize("lanes", FEATURES)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part[0]}...")
def test_every_lane_width_equals_the_reference(part: list[Case], lanes: int, tmp_path: Path) -> None:
    case = merged(part)
    flags = tuple(f"-m{feature}" for feature in FEATURES[lanes])
    target = Target("x86_64", lanes, FEATURES[lanes], flags, "x86_64-linux-gnu", "x86_64+avx2+fma")
    write_shared_library(case.graph, tmp_path / "model.so", target, optimize="-O1")
    engine = native.open(tmp_path / "model.so")
    for want, frames in zip(expected_outputs(case), case.frames, strict=True):
        found = np.concatenate([np.ravel(y) for y in engine.run(*frames)])
        np.testing.assert_allclose(found, want, rtol=0, atol=case.tolerance * max(1.0, np.abs(want).max()))


@pytest.mark.parametrize("lanes", [1, 4])
def test_written_files_are_compiled_as_they_stand(lanes: int, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "lstm_6_17_5")
    write(case.graph, tmp_path / "kws.c", lanes=lanes)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    compile_source(tmp_path / "kws.c", case.graph, tmp_path / "kws.so")
    assert {path: path.read_bytes() for path in before} == before
    engine = native.open(tmp_path / "kws.so")
    for want, frames in zip(expected_outputs(case), case.frames, strict=True):
        np.testing.assert_allclose(np.concatenate(engine.run(*frames)), want, atol=case.tolerance)
    engine.close()
    text = (tmp_path / "kws.c").read_text()
    line = next(line for line in text.splitlines() if line.startswith(("    0x", "    -0x")))
    (tmp_path / "kws.c").write_text(text.replace(line, line.replace("0x1.", "0x3.")))
    compile_source(tmp_path / "kws.c", case.graph, tmp_path / "kws.so")
    found = np.concatenate(native.open(tmp_path / "kws.so").run(*case.frames[0]))
    assert np.abs(found - expected_outputs(case)[0]).max() > case.tolerance


@pytest.mark.parametrize("kernel", sorted(path.name for path in KERNELS.glob("*.c")))
def test_kernels_need_no_library(kernel: str) -> None:
    text = (KERNELS / kernel).read_text()
    for word in ("malloc", "stdio", r"\bmath\.h", "stdlib", "assert"):
        assert not re.search(word, text)
