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


def _x86(lanes: int, *features: str) -> Target:
    flags = tuple(f"-m{feature}" for feature in features)
    return Target("x86_64", lanes, features, flags, "x86_64-linux-gnu", "+".join(("x86_64", *features)))


def _arm64(name: str, zig_cpu: str, *features: str) -> Target:
    return Target("aarch64", 4, features, (f"-mcpu={name}",), "aarch64-linux-gnu", zig_cpu)


TARGETS: dict[str, Target] = {
    "x86_64": _x86(4),
    "x86_64_avx2": _x86(8, "avx2", "fma"),
    "x86_64_avx512": _x86(16, "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"),
    "aarch64": _arm64("generic", "generic"),
    "cortex_a53": _arm64("cortex-a53", "cortex_a53-aes-sha2", "crc32"),
    "cortex_a72": _arm64("cortex-a72", "cortex_a72-aes-sha2", "crc32"),
    "cortex_a76": _arm64("cortex-a76", "cortex_a76", "atomics", "asimddp", "asimdhp"),
    "armv7": Target(
        "armv7", 4, ("neon", "vfpv4"), ("-mcpu=cortex-a7", "-mfpu=neon-vfpv4", "-mfloat-abi=hard"),
        "arm-linux-gnueabihf", "cortex_a7",
    ),
}  # fmt: skip
"""Name -> target."""

BOARDS = {"rpi2": "armv7", "rpi3": "cortex_a53", "rpi3bplus": "cortex_a53", "rpi4": "cortex_a72", "rpi5": "cortex_a76"}
"""Raspberry Pi -> its target, under a 64-bit system from the 3 on; under a 32-bit one all are armv7."""


def target_named(name: str) -> Target:
    """The target called ``name``, where - and _ are the same, or that of a board. Raises UsageError."""
    target = TARGETS.get(BOARDS.get(name, name.replace("-", "_")))
    if target is None:
        raise UsageError(f"unknown target {name!r}; targets are {', '.join((*TARGETS, *BOARDS))}")
    return target


def host_target(portable: bool = False) -> Target:
    """The processor of this machine, or with ``portable`` the baseline of its family."""
    machine = host_machine()
    if machine == "aarch64" or (machine == "x86_64" and portable):
        return TARGETS[machine]
    if machine == "x86_64":
        found = cpu_features()
        best_first = [TARGETS[name] for name in ("x86_64_avx512", "x86_64_avx2", "x86_64")]
        return next(t for t in best_first if found >= set(t.features))
    return Target(machine, 1)
