"""The decoders in C, compiled for this process with all checks that the compiler has for undefined behaviour."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.export.c_support import WARNINGS, compiler, run

ROOT = Path(__file__).parents[3]
TYPES = ("f32", "s16", "s8")
SOURCES = (
    *(f"ern_{what}_{t}.c" for what in ("sample", "log_row") for t in TYPES), "ern_ctc_greedy.c", "ern_ctc_beam.c",
    "ern_event.c",
)  # fmt: skip


class Unit(ctypes.Structure):
    """ern_score_unit"""

    _fields_ = (("multiplier", ctypes.c_int32), ("shift", ctypes.c_int32))


class CSampler(ctypes.Structure):
    """ern_sampler"""

    _fields_ = (
        ("temperature", ctypes.c_uint32), ("top_k", ctypes.c_uint32), ("top_p", ctypes.c_uint32),
        ("seed", ctypes.c_uint64),
    )  # fmt: skip


@cache
def library() -> ctypes.CDLL:
    """The compiled decoders."""
    folder = Path(mkdtemp(prefix="edgernn-decode-"))
    csrc = ROOT / "runtime" / "csrc"
    paths = [str(csrc / name) for name in SOURCES]
    command = [*compiler(), *WARNINGS, "-O1", "-fPIC", "-shared", f"-I{csrc}", *paths, "-o", "decode.so"]
    run(command, folder)
    return ctypes.CDLL(str(folder / "decode.so"))
