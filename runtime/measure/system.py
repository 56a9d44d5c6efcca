"""What a Linux system tells of itself: memory of this process, temperature, throttling, clock. None where it does not.

Sources: proc(5); the kernel's thermal and cpufreq documents; vcgencmd(1) of Raspberry Pi OS, whose ``get_throttled``
the firmware driver also shows in /sys.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

THROTTLED_BITS = {
    0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit",
}  # fmt: skip
"""Bits of ``get_throttled``: what is so now; 16 higher, what has been so since the board started."""

SINCE_START = 16
CPU_ZONES = ("cpu-thermal", "cpu_thermal", "bcm2835_thermal", "x86_pkg_temp", "soc-thermal", "acpitz")
"""Kinds of thermal zones that are the processor's, the likeliest first."""

VCGENCMD_TIMEOUT_S = 5


def resident_bytes() -> int | None:
    """Resident memory of this process."""
    return _status("VmRSS")


def peak_bytes() -> int | None:
    """The most that it ever was."""
    return _status("VmHWM")


def _status(name: str, path: Path = Path("/proc/self/status")) -> int | None:
    text = _read(path) or ""
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(values[name].split()[0]) * 1024 if name in values else None


def temperature(root: Path = Path("/")) -> dict[str, Any] | None:
    """``celsius`` of the processor and its ``source``."""
    zones = {}
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        kind, value = _read(zone / "type"), _read(zone / "temp")
        if kind is not None and value is not None and value.lstrip("-").isdigit():
            zones[kind] = {"celsius": int(value) / 1000, "source": f"/{(zone / 'temp').relative_to(root)} ({kind})"}
    best = next((kind for kind in CPU_ZONES if kind in zones), None)
    if best is not None:
        return zones[best]
    said = _vcgencmd("measure_temp")
    if said is not None and said.startswith("temp="):
        return {"celsius": float(said[len("temp=") :].split("'")[0]), "source": "vcgencmd measure_temp"}
    return None


def throttled(root: Path = Path("/")) -> dict[str, Any] | None:
    """``now`` and ``since_start``: what limits the processor, and what has limited it since the board started."""
    said, source = _vcgencmd("get_throttled"), "vcgencmd get_throttled"
    for path in root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"):
        if said is None:
            said, source = f"throttled=0x{_read(path) or ''}", f"/{path.relative_to(root)}"
    try:
        bits = int((said or "").removeprefix("throttled="), 16)
    except ValueError:
        return None
    now = [name for bit, name in THROTTLED_BITS.items() if bits >> bit & 1]
    since = [name for bit, name in THROTTLED_BITS.items() if bits >> (bit + SINCE_START) & 1]
    return {"now": now, "since_start": since, "source": source}


def _vcgencmd(question: str) -> str | None:
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, question], capture_output=True, text=True, timeout=VCGENCMD_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def frequency(root: Path = Path("/")) -> dict[str, Any] | None:
    """``hertz`` of the first core now, the most it may have, and the ``governor`` that decides."""
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    now, most = _read(folder / "scaling_cur_freq"), _read(folder / "scaling_max_freq")
    if now is None or not now.isdigit():
        return None
    highest = int(most) * 1000 if most is not None and most.isdigit() else None
    return {"hertz": int(now) * 1000, "max_hertz": highest, "governor": _read(folder / "scaling_governor")}


def machine(root: Path = Path("/")) -> dict[str, Any]:
    """Model, processor, system and load, for people to tell one machine from another."""
    return {
        "model": _model(root), "architecture": platform.machine(), "cores": os.cpu_count(),
        "system": _system(), "kernel": platform.release(), "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }  # fmt: skip


def _model(root: Path) -> str | None:
    """Of a board with a device tree; otherwise of the processor."""
    board = _read(root / "proc/device-tree/model")
    if board:
        return board.rstrip("\0")
    lines = (_read(root / "proc/cpuinfo") or "").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else None


def _system() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None
