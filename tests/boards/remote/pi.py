"""What the two processes of a measurement would tell on a Raspberry Pi 4: figures made up, in the form of real ones."""

from __future__ import annotations

from typing import Any

IMPORT = {"numpy_ms": 812.0, "runtime_ms": 190.0, "engine_ms": 2100.0}
ZONE = "/sys/class/thermal/thermal_zone0/temp (cpu-thermal)"

FIRST: dict[str, Any] = {"engine": "numba", "import": IMPORT, "load_ms": 61_000.0}
SECOND: dict[str, Any] = {
    "engine": "numba", "import": IMPORT, "load_ms": 1900.0,
    "temperature_before": {"celsius": 48.312, "source": ZONE},
    "latency_us": {"steps": 1000, "min": 9.1, "max": 250.0, "mean": 9.9, "p50": 9.6, "p90": 10.2, "p99": 15.0},
    "clock_us": 0.1,
    "resident_bytes": {"before": 40_000_000, "loaded": 150_000_000, "after": 151_000_000, "peak": 160_000_000},
    "temperature_after": {"celsius": 52.1, "source": ZONE},
    "throttled": {"now": [], "since_start": ["under-voltage", "throttled"], "source": "vcgencmd get_throttled"},
    "frequency": {"hertz": 600_000_000, "max_hertz": 1_500_000_000, "governor": "ondemand"},
    "machine": {
        "model": "Raspberry Pi 4 Model B Rev 1.4", "architecture": "aarch64", "cores": 4,
        "system": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.6.51", "python": "3.11.2", "load_average": 0.4,
    },
    "versions": {"numpy": "2.4.6", "numba": "0.68.1"}, "outputs_sha256": "0" * 64,
}  # fmt: skip
