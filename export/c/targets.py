"""Processors that a shared library can be built for."""

from __future__ import annotations

from dataclasses import dataclass

from edgernn.errors import UsageError
from edgernn.ir.cpu import cpu_features, host_machine


@dataclass(frozen=True)
class Target:
    """A processor.

    machine   family, as in ``edgernn.ir.sofile``
    lanes     floats that one instruction processes
    simd      how int8 weights are packed for it, one of ``edgernn.export.c.pack_integer.SIMD``
    features  beyond the family's baseline, as /proc/cpuinfo names them
    flags     of GCC and clang
    triple    of the zig compiler
    cpu       of the zig compiler
    """

    machine: str
    lanes: int
    features: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    triple: str = ""
    cpu: str = ""
    simd: str = "none"


def _x86(lanes: int, *features: str) -> Target:
    options = [feature.replace("_", "") for feature in features]
    flags = tuple(f"-m{option}" for option in options)
    simd = "dot" if "avx2" in features else "none"
    return Target("x86_64", lanes, features, flags, "x86_64-linux-gnu", "+".join(("x86_64", *options)), simd)


def _arm64(flag: str, zig_cpu: str, *features: str) -> Target:
    simd = "dot" if "asimddp" in features else "none"
    return Target("aarch64", 4, features, (flag,), "aarch64-linux-gnu", zig_cpu, simd)


_AVX2 = ("avx2", "fma")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl")


TARGETS: dict[str, Target] = {
    "x86_64": _x86(4),
    "x86_64_avx2": _x86(8, *_AVX2),
    "x86_64_avx_vnni": _x86(8, *_AVX2, "avx_vnni"),
    "x86_64_avx512": _x86(16, *_AVX512),
    "x86_64_avx512_vnni": _x86(16, *_AVX512, "avx512_vnni"),
    "aarch64": _arm64("-mcpu=generic", "generic"),
    "aarch64_dotprod": _arm64("-march=armv8.2-a+dotprod", "generic+v8_2a+dotprod", "atomics", "asimdrdm", "asimddp"),
    "cortex_a53": _arm64("-mcpu=cortex-a53", "cortex_a53-aes-sha2", "crc32"),
    "cortex_a72": _arm64("-mcpu=cortex-a72", "cortex_a72-aes-sha2", "crc32"),
    "cortex_a76": _arm64("-mcpu=cortex-a76", "cortex_a76", "atomics", "asimddp", "asimdhp"),
    "armv7": Target(
        "armv7", 4, ("neon", "vfpv4"), ("-mcpu=cortex-a7", "-mfpu=neon-vfpv4", "-mfloat-abi=hard"),
        "arm-linux-gnueabihf", "cortex_a7",
    ),
}  # fmt: skip
"""Name -> target."""

BOARDS = {
    "rpi2": "armv7", "zero2w": "cortex_a53", "rpi-zero-2w": "cortex_a53", "rpi3": "cortex_a53",
    "rpi3bplus": "cortex_a53", "rpi4": "cortex_a72", "rpi5": "cortex_a76",
}  # fmt: skip
"""Raspberry Pi -> its target, under a 64-bit system from the 3 on; under a 32-bit one all are armv7."""


def target_named(name: str) -> Target:
    """The target called ``name``, where - and _ are the same, or that of a board. Raises UsageError."""
    target = TARGETS.get(BOARDS.get(name, name.replace("-", "_")))
    if target is None:
        raise UsageError(f"unknown target {name!r}; targets are {', '.join((*TARGETS, *BOARDS))}")
    return target


HOST_TARGETS = {
    "x86_64": ("x86_64_avx512_vnni", "x86_64_avx512", "x86_64_avx_vnni", "x86_64_avx2", "x86_64"),
    "aarch64": ("aarch64_dotprod", "aarch64"),
}
"""Machine -> its targets, the best first, the baseline of the family last."""


def host_target(portable: bool = False) -> Target:
    """The processor of this machine, or with ``portable`` the baseline of its family."""
    machine = host_machine()
    names = HOST_TARGETS.get(machine)
    if names is None:
        return Target(machine, 1)
    found = cpu_features()
    return next(t for t in map(TARGETS.__getitem__, names[-1:] if portable else names) if found >= set(t.features))
