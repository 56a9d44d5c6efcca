"""Finds the line of the user's code in stack traces."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from functools import cache
from types import TracebackType

import torch

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)\n\s*(.*)')
_TORCH = os.path.dirname(torch.__file__)
_EDGERNN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CALLERS = tuple(os.path.join(os.path.dirname(__file__), file) for file in ("exporting.py", "running.py"))
_STANDARD = sysconfig.get_paths()["stdlib"]
_PACKAGES = f"{os.sep}site-packages{os.sep}"


@cache
def is_library(file: str) -> bool:
    """Whether a file belongs to torch, to edgernn or to Python itself."""
    path = os.path.abspath(file)
    if file.startswith("<"):
        return True
    return path.startswith((_TORCH, _EDGERNN)) or (path.startswith(_STANDARD) and _PACKAGES not in path)


def user_line(stack_trace: str | None) -> str:
    """The innermost line of a printed stack trace that is the user's: "model.py:12 in forward: y = self.fc(x)"."""
    lines = [m for m in _FRAME.findall(stack_trace or "") if not is_library(m[0])]
    if not lines:
        return ""
    file, number, function, code = lines[-1]
    return _line(file, int(number), function, code)


def traceback_line(trace: TracebackType | None) -> str:
    """The innermost line of the user's within the call that edgernn made, of an exception's traceback."""
    frames = user_frames(traceback.extract_tb(trace))
    if not frames:
        return ""
    frame = frames[-1]
    return _line(frame.filename, frame.lineno or 0, frame.name, frame.line or "")


def user_frames(summary: traceback.StackSummary) -> traceback.StackSummary:
    """The frames that are the user's and lie within a call that edgernn made, outermost first."""
    frames = list(summary)
    ours = [k for k, f in enumerate(frames) if f.filename in _CALLERS]
    inner = frames[ours[-1] + 1 :] if ours else frames
    return traceback.StackSummary.from_list([f for f in inner if not is_library(f.filename)])


def _line(file: str, number: int, function: str, code: str) -> str:
    where = f"{os.path.basename(file)}:{number} in {function}"
    return f"{where}: {code.strip()}" if code.strip() else where
