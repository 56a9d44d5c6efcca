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
    features  beyond the family's baseline, as /proc/cpuinfo names them; on x86, also compiler flags
    triple    of the zig compiler
    cpu       of the zig compiler
    """

    machine: str
    lanes: int
    features: tuple[str, ...] = ()
    triple: str = ""
    cpu: str = ""


AVX2 = ("avx2", "fma")
AVX512 = (*AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl")

TARGETS: dict[str, Target] = {
    "x86_64": Target("x86_64", 4, (), "x86_64-linux-gnu", "x86_64"),
    "x86_64_avx2": Target("x86_64", 8, AVX2, "x86_64-linux-gnu", "+".join(("x86_64", *AVX2))),
    "x86_64_avx512": Target("x86_64", 16, AVX512, "x86_64-linux-gnu", "+".join(("x86_64", *AVX512))),
    "aarch64": Target("aarch64", 4, (), "aarch64-linux-gnu", "generic"),
    "cortex_a53": Target("aarch64", 4, ("crc32",), "aarch64-linux-gnu", "cortex_a53-aes-sha2"),
    "cortex_a72": Target("aarch64", 4, ("crc32",), "aarch64-linux-gnu", "cortex_a72-aes-sha2"),
    "cortex_a76": Target("aarch64", 4, ("atomics", "asimddp", "asimdhp"), "aarch64-linux-gnu", "cortex_a76"),
    "armv7": Target("armv7", 4, ("neon", "vfpv4"), "arm-linux-gnueabihf", "cortex_a7"),
}  # fmt: skip
"""Name -> target. Raspberry Pi 2: armv7; 3: cortex_a53; 4: cortex_a72; 5: cortex_a76."""


def target_named(name: str) -> Target:
    """The target called ``name``, where - and _ are the same. Raises UsageError."""
    target = TARGETS.get(name.replace("-", "_"))
    if target is None:
        raise UsageError(f"unknown target {name!r}; targets are {', '.join(TARGETS)}")
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
