"""The machine that figures were measured on, and the packages that made them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path

PACKAGES = ("edgernn", "torch", "numpy", "onnx", "onnxruntime", "ai-edge-litert", "tflite-runtime", "numba")
CPU_INFO = Path("/proc/cpuinfo")


def describe_machine() -> str:
    """Processor, cores, system and Python, in one line."""
    processor = _processor() or platform.machine()
    cores = os.cpu_count()
    return f"{processor}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def package_versions() -> dict[str, str]:
    """Those of PACKAGES that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The processor's name where the system tells it: x86 names the model, boards name themselves."""
    try:
        text = CPU_INFO.read_text(errors="replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor()
