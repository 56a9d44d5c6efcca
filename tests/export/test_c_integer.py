"""The C of integer models: no warnings, no undefined behaviour, and bit for bit the reference in every packing."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import UnsupportedOpError
from edgernn.export.c import write, write_shared_library
from edgernn.export.c.source import generate
from edgernn.export.c.targets import Target, host_machine
from edgernn.ir.cpu import cpu_features
from edgernn.runtime.engines import native
from tests.export.c_support import WARNINGS, ZIG, compiler, merged, run, write_driver, write_sources
from tests.ops.cases.base import Case
from tests.ops.integer_cases import integer_cases, narrow_cases
from tests.ops.test_engines import reference_run

AVX2 = ("avx2", "fma")
PACKINGS = [(1, "none"), (1, "words"), (1, "dsp"), (1, "helium"), (4, "none")]
PACKINGS += [(4, "dot")]
PACKINGS += [(8, "none"), (8, "dot")] if cpu_features() >= set(AVX2) else []
FEATURES = {1: (), 4: (), 8: AVX2, 16: AVX2}


def packable(simd: str) -> list[Case]:
    """The cases; for the DSP extension with -127 in place of -128."""
    return [limited(case) if simd == "dsp" else case for case in [*integer_cases(), *narrow_cases()]]


def limited(case: Case) -> Case:
    """``case`` with -127 in place of weights of -128."""
    graph = case.graph.copy()
    graph.constants.update({n: np.maximum(a, -127) for n, a in graph.constants.items() if a.dtype == np.int8})
    return replace(case, graph=graph)


def expected(case: Case) -> np.ndarray:
    outputs, _ = reference_run(case)
    return np.concatenate([np.ravel(y) for step in outputs for y in step]).astype(np.int64)


def flags(lanes: int) -> list[str]:
    return [f"-DERN_LANES={lanes}", *(f"-m{name}" for name in AVX2 if lanes == 8)]


@pytest.mark.parametrize(("lanes", "simd"), PACKINGS)
def test_models_and_kernels_compile_without_a_warning(lanes: int, simd: str, tmp_path: Path) -> None:
    source = generate(merged(packable(simd)).graph, "model", lanes, simd=simd)
    write_sources(source, tmp_path)
    run([*compiler(), *WARNINGS, *flags(lanes), "-fsyntax-only", "model.c", *source.kernels], tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="zig: the package ziglang is not installed")
@pytest.mark.parametrize(("lanes", "simd"), PACKINGS)
def test_clang_compiles_without_a_warning(lanes: int, simd: str, tmp_path: Path) -> None:
    source = generate(merged(packable(simd)).graph, "model", lanes, simd=simd)
    write_sources(source, tmp_path)
    (tmp_path / "all.c").write_text("".join(f'#include "{name}"\n' for name in ("model.c", *source.kernels)))
    run([*ZIG, *WARNINGS, *flags(lanes), "-O1", "-c", "all.c", "-o", "all.o"], tmp_path)


@pytest.mark.parametrize(("lanes", "simd"), PACKINGS)
def test_sanitizers_find_nothing_and_every_packing_equals_the_reference(lanes: int, simd: str, tmp_path: Path) -> None:
    case = merged(packable(simd))
    files = write_driver(case, tmp_path, lanes, simd)
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    run([*compiler(), "-std=c99", "-O1", *flags(lanes), *sanitize, *files, "-o", "main"], tmp_path)
    np.testing.assert_array_equal(np.array(run(["./main"], tmp_path).split(), np.int64), expected(case))


def test_halves_of_multipliers_equal_long_multiplication(tmp_path: Path) -> None:
    """The product of cores that multiply to 32 bits only."""
    case = merged(integer_cases())
    files = write_driver(case, tmp_path, 1)
    sanitize = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    run([*compiler(), "-std=c99", "-O1", "-DERN_NO_LONG_MULTIPLY", *sanitize, *files, "-o", "main"], tmp_path)
    np.testing.assert_array_equal(np.array(run(["./main"], tmp_path).split(), np.int64), expected(case))


@pytest.mark.skipif(host_machine() != "x86_64", reason="native: lane widths other than the host's need x86")
@pytest.mark.parametrize("lanes", FEATURES)
def test_libraries_of_every_lane_width_equal_the_reference(lanes: int, tmp_path: Path) -> None:
    case = merged(integer_cases())
    flags = tuple(f"-m{feature}" for feature in FEATURES[lanes])
    target = Target("x86_64", lanes, FEATURES[lanes], flags, "x86_64-linux-gnu", "x86_64+avx2+fma")
    write_shared_library(case.graph, tmp_path / "model.so", target, optimize="-O1")
    engine = native.open(tmp_path / "model.so")
    found = [np.ravel(y) for frames in case.frames for y in engine.run(*frames)]
    np.testing.assert_array_equal(np.concatenate(found), expected(case))


def lstm_case(kind: str) -> Case:
    return next(case for case in integer_cases() if str(case).startswith("lstm") and str(case).endswith(kind))


def test_model_refuses_to_compile_for_another_packing(tmp_path: Path) -> None:
    write(lstm_case("random").graph, tmp_path / "model.c", simd="dsp")
    with pytest.raises(AssertionError, match="packed for ERN_DSP 1"):
        run([*compiler(), "-DERN_DSP=0", "-fsyntax-only", "model.c"], tmp_path)
    run([*compiler(), "-fsyntax-only", "model.c"], tmp_path)


def test_weights_that_two_lanes_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOpError, match="-128 cannot be packed for the DSP extension"):
        write(lstm_case("most_negative").graph, tmp_path / "model.c", simd="dsp")
    assert not list(tmp_path.iterdir())


def test_header_tells_the_scales_of_ports(tmp_path: Path) -> None:
    write(lstm_case("random").graph, tmp_path / "model.c")
    text = (tmp_path / "model.h").read_text()
    assert "#define MODEL_INPUT_X0_SCALE 0x1p-15f" in text
