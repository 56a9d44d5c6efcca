"""The processor of this machine."""

from __future__ import annotations

import platform
import struct
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def host_machine() -> str:
    """Processor family of this process, as in ``edgernn.ir.sofile.ELF_MACHINES`` where it is one of those."""
    machine, bits = platform.machine(), struct.calcsize("P") * 8
    if machine in ("aarch64", "arm64"):
        return "aarch64" if bits == 64 else "armv7"
    if machine in ("x86_64", "AMD64"):
        return "x86_64" if bits == 64 else "i686"
    return "armv7" if machine.startswith(("armv7", "armv8")) else machine


def _with_implied(features: set[str]) -> set[str]:
    """A 64-bit ARM kernel may list its own names to a 32-bit process."""
    return features | {"neon", "vfpv4"} if "asimd" in features else features


def cpu_features() -> set[str]:
    """Features of the processor as /proc/cpuinfo names them; empty where that is not readable."""
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        return set()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip().lower() in ("flags", "features"):
            return _with_implied(set(value.split()))
    return set()
