"""What is read of a system: from folders that look like /sys and /proc, and from a program that answers as vcgencmd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edgernn.runtime.measure import system


@pytest.fixture(autouse=True)
def no_vcgencmd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs, the only one on the PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def make(root: Path, **files: str) -> Path:
    """Files below ``root``, by path with __ for /."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def vcgencmd(programs: Path, text: str) -> None:
    path = programs / "vcgencmd"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


ZONES = {
    "sys__class__thermal__thermal_zone0__type": "gpu-thermal\n", "sys__class__thermal__thermal_zone0__temp": "61000\n",
    "sys__class__thermal__thermal_zone1__type": "cpu-thermal\n", "sys__class__thermal__thermal_zone1__temp": "48312\n",
}  # fmt: skip


def test_the_temperature_is_that_of_the_processor(tmp_path: Path) -> None:
    found = system.temperature(make(tmp_path, **ZONES))
    assert found == {"celsius": 48.312, "source": "/sys/class/thermal/thermal_zone1/temp (cpu-thermal)"}


def test_the_temperature_that_vcgencmd_tells(tmp_path: Path, no_vcgencmd: Path) -> None:
    vcgencmd(no_vcgencmd, 'test "$1" = measure_temp && echo "temp=42.8\'C"')
    assert system.temperature(tmp_path) == {"celsius": 42.8, "source": "vcgencmd measure_temp"}


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert system.temperature(tmp_path) is None
    assert system.throttled(tmp_path) is None
    assert system.frequency(tmp_path) is None
    assert system.machine(tmp_path)["model"] is None


@pytest.mark.parametrize(
    ("bits", "now", "since"),
    [
        ("0x0", [], []),
        ("0x50005", ["under-voltage", "throttled"], ["under-voltage", "throttled"]),
        ("0xe0008", ["soft temperature limit"], ["frequency capped", "throttled", "soft temperature limit"]),
        ("0x2", ["frequency capped"], []),
    ],
)
def test_throttling_that_vcgencmd_tells(tmp_path: Path, no_vcgencmd: Path, bits: str, now: Any, since: Any) -> None:
    vcgencmd(no_vcgencmd, f'test "$1" = get_throttled && echo throttled={bits}')
    found = system.throttled(tmp_path)
    assert found == {"now": now, "since_start": since, "source": "vcgencmd get_throttled"}


def test_throttling_in_sys(tmp_path: Path) -> None:
    found = system.throttled(make(tmp_path, **{"sys__devices__platform__soc__soc:firmware__get_throttled": "50001\n"}))
    assert found is not None
    assert (found["now"], found["since_start"]) == (["under-voltage"], ["under-voltage", "throttled"])
    assert found["source"] == "/sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize("text", ["exit 1", "echo 'VCHI initialization failed'", "kill -9 $$"])
def test_vcgencmd_that_fails(tmp_path: Path, no_vcgencmd: Path, text: str) -> None:
    vcgencmd(no_vcgencmd, text)
    assert system.throttled(tmp_path) is None
    assert system.temperature(tmp_path) is None


def test_the_clock(tmp_path: Path) -> None:
    folder = "sys__devices__system__cpu__cpu0__cpufreq__"
    files = {"scaling_cur_freq": "600000\n", "scaling_max_freq": "1500000\n", "scaling_governor": "ondemand\n"}
    found = system.frequency(make(tmp_path, **{folder + name: text for name, text in files.items()}))
    assert found == {"hertz": 600_000_000, "max_hertz": 1_500_000_000, "governor": "ondemand"}


def test_the_name_of_a_board_comes_before_that_of_its_processor(tmp_path: Path) -> None:
    make(tmp_path, proc__cpuinfo="processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\n")
    assert system.machine(tmp_path)["model"] == "ARMv7 Processor rev 4 (v7l)"
    (tmp_path / "proc/device-tree").mkdir()
    (tmp_path / "proc/device-tree/model").write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    assert system.machine(tmp_path)["model"] == "Raspberry Pi 4 Model B Rev 1.4"


def test_memory_of_this_process() -> None:
    before = system.resident_bytes()
    block = bytearray(os.urandom(1 << 16) * 512)
    after, peak = system.resident_bytes(), system.peak_bytes()
    assert before is not None and after is not None and peak is not None
    assert after - before > len(block) // 2
    assert peak >= after
