"""Counting basic blocks in QEMU: a plugin, compiled once, that writes into memory which this process maps."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from edgernn.boards.emulators.counting import Block
from edgernn.errors import EmulationError, MissingExtraError, OutputError

SOURCE = Path(__file__).parent / "plugin" / "blocks.c"
RECORDS = 1 << 14
FLAGS = ("-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", "-shared", "-fPIC")
NEW_INTERFACE = 9
"""From this version of QEMU on, plugins have to name version 2 of the interface."""


class PluginCounter:
    """Executions of each block, in the file ``path``, which the plugin is given.

    ``size_bytes`` tells the size of the block at an address that has a number of instructions.
    """

    kind = "qemu"

    def __init__(self, path: Path, size_bytes: Callable[[int, int], int]) -> None:
        path.write_bytes(bytes(24 * RECORDS))
        self._size_bytes = size_bytes
        self._sizes: dict[tuple[int, int], int] = {}
        self._records = np.memmap(path, np.uint64, "r+", shape=(RECORDS, 3))

    def clear(self) -> None:
        """Forget what was counted."""
        self._records[:, 2] = 0

    def executions(self) -> dict[Block, int]:
        """Executions of each block. Raises EmulationError where there were more blocks than records."""
        records = np.asarray(self._records)
        if records[-1, 2]:
            raise EmulationError(f"the program has more than {RECORDS - 1} basic blocks")
        used = records[records[:, 2] != 0].tolist()
        return {(address, self._size(address, number)): count for address, number, count in used}

    def _size(self, address: int, number: int) -> int:
        if (address, number) not in self._sizes:
            self._sizes[address, number] = self._size_bytes(address, number)
        return self._sizes[address, number]


def plugin(qemu: str) -> Path:
    """The compiled plugin for the QEMU at this path, from the cache where it is there.

    Raises MissingExtraError without a C compiler, OutputError where it cannot be compiled.
    """
    version = 2 if _major(qemu) >= NEW_INTERFACE else 1
    digest = hashlib.sha256(SOURCE.read_bytes() + bytes([version])).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgernn"
    path = cache / f"qemu-blocks-{digest}.so"
    if not path.is_file():
        _compile(version, path)
    return path


@lru_cache
def _major(qemu: str) -> int:
    words = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)\.", words)
    if found is None:
        raise EmulationError(f"{qemu}: does not tell its version, but {words[:100]!r}")
    return int(found[1])


def _compile(version: int, path: Path) -> None:
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    command = [*_compiler(), *FLAGS, f"-DPLUGIN_VERSION={version}", str(SOURCE), "-o", str(temporary)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise OutputError(f"QEMU's plugin cannot be compiled: {' '.join(command)}\n{run.stderr.strip()[-2000:]}")
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: QEMU's plugin cannot be built: {error.strerror or error}") from None


def _compiler() -> list[str]:
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise MissingExtraError("ziglang", "boards", "counting in QEMU")
