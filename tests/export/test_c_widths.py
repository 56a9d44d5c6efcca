"""Shared libraries for every processor: the integers of the reference at all sizes, random and extreme, in each scheme.

Those for x86 run here as far as this processor goes; those for AArch64 under qemu-aarch64.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgernn.export.c import write_shared_library
from edgernn.export.c.targets import TARGETS, target_named
from edgernn.ir.cpu import cpu_features, host_machine
from edgernn.runtime.engines import native
from tests.export.c_support import ZIG, run
from tests.ops.integer_cases.widths import SCHEMES, model, require_same

ROOT = Path(__file__).resolve().parents[2]
HOST = [name for name, t in TARGETS.items() if t.machine == host_machine() and name != "x86_64_avx512"]
"""Without the one whose integer kernels are those of AVX2."""

QEMU_CPU = {"zero2w": "cortex-a53", "rpi3": "cortex-a53", "rpi4": "cortex-a72", "rpi5": "cortex-a76"}
"""Without SDOT: Cortex-A53 and A72. With it: Cortex-A76. QEMU refuses what a core does not have."""

GCC = "aarch64-linux-gnu-gcc"
RASPBERRY_PIS = [("zero2w", GCC), ("rpi3", GCC), ("rpi4", None), ("rpi5", None), ("rpi5", GCC)]
"""With their compilers; None: zig."""

QEMU, SYSTEM = "qemu-aarch64", Path("/usr/aarch64-linux-gnu")


@pytest.mark.parametrize("name", HOST)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_library_for_this_machine(scheme: str, name: str, tmp_path: Path) -> None:
    case, _ = model(scheme)
    write_shared_library(case.graph, tmp_path / "model.so", name, optimize="-O1")
    missing = sorted(set(TARGETS[name].features) - cpu_features())
    if missing:
        pytest.skip(f"{name}: built, but this processor has no {', '.join(missing)}")
    engine = native.open(tmp_path / "model.so")
    require_same(b"".join(y.tobytes() for frames in case.frames for y in engine.run(*frames)), scheme)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that steps a library, for AArch64."""
    pytest.importorskip("ziglang", reason="zig: the package ziglang is not installed")
    if shutil.which(QEMU) is None:
        pytest.skip(f"AArch64: {QEMU} is not installed (Debian: qemu-user)")
    if not (SYSTEM / "lib" / "ld-linux-aarch64.so.1").exists():
        pytest.skip("AArch64: there is no C library for it (Debian: libc6-arm64-cross)")
    path = tmp_path_factory.mktemp("aarch64") / "run_library"
    source = str(Path(__file__).parent / "run_library.c")
    include = f"-I{ROOT / 'runtime' / 'csrc'}"
    run([*ZIG, "-target", "aarch64-linux-gnu", "-std=c11", "-O1", include, source, "-o", str(path), "-ldl"], ROOT)
    return path


@pytest.mark.parametrize(("name", "compiler"), RASPBERRY_PIS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_library_for_a_raspberry_pi(scheme: str, name: str, compiler: str | None, runner: Path, tmp_path: Path) -> None:
    if compiler and shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed (Debian: gcc-aarch64-linux-gnu)")
    cc = f"{compiler} -ffreestanding" if compiler else None
    case, _ = model(scheme)
    assert target_named(name).simd == ("dot" if name == "rpi5" else "none")
    write_shared_library(case.graph, tmp_path / "model.so", name, cc, optimize="-O1")
    (tmp_path / "frames.bin").write_bytes(b"".join(x.tobytes() for frames in case.frames for x in frames))
    command = [QEMU, "-cpu", QEMU_CPU[name], "-L", str(SYSTEM), str(runner)]
    run([*command, "./model.so", "frames.bin", "outputs.bin", str(len(case.frames))], tmp_path)
    require_same((tmp_path / "outputs.bin").read_bytes(), scheme)
