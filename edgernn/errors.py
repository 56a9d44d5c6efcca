"""Every exception that edgernn raises on purpose.

EdgeRNNError                     exit code of the command line
├── CheckError                   1  a check failed
│   ├── ValidationError             an artifact disagrees with the PyTorch module
│   ├── LossError                   no schemes keep a model of integers within the loss asked for
│   ├── BudgetError                 a budget given by the user is exceeded
│   ├── EmulationError              a program failed on an emulated board
│   └── LinkError                   a board, or the way to it, does not answer as it should
├── UsageError                   2  the input or the call is wrong
│   ├── ArtifactError               corrupt, truncated or foreign file
│   ├── FrameError                  wrong shape, dtype or value of a frame (also a ValueError)
│   ├── SnapshotError               damaged snapshot, or one of another model
│   ├── MissingExtraError           an optional package is not installed (also an ImportError)
│   ├── BoardError                  there is no such board, or its description is wrong
│   ├── EngineError                 an engine cannot run, or failed on, this artifact
│   └── OutputError                 the result cannot be written
└── UnsupportedError             3  edgernn cannot do this with this model
    ├── UnsupportedModelError       capture or streaming refuses a node of the model
    └── UnsupportedOpError          a backend cannot lower an op
"""

from __future__ import annotations

import re
from typing import Any


class EdgeRNNError(Exception):
    """Base of all errors of edgernn. ``exit_code`` is what the command line returns."""

    exit_code = 1


class CheckError(EdgeRNNError):
    """A check that the user asked for, or that every export makes, failed."""

    exit_code = 1


class ValidationError(CheckError):
    """An artifact does not agree with the PyTorch module; nothing was written."""


class LossError(CheckError):
    """No schemes of the layers keep a quantized model within the loss that was asked for.

    ``search`` holds what was tried and the best that was found.
    """

    def __init__(self, message: str, search: Any) -> None:
        super().__init__(message)
        self.search = search

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.search)


class BudgetError(CheckError):
    """A budget for memory, flash or time is exceeded."""


class EmulationError(CheckError):
    """A program on an emulated board left its memory, met an illegal instruction, or did not come to its end."""


class LinkError(CheckError):
    """A board does not answer, or answers with something else than was asked for."""


class UsageError(EdgeRNNError):
    """The call, an option or a file given by the user is wrong."""

    exit_code = 2


class ArtifactError(UsageError):
    """A file is not an edgernn artifact, is damaged, or was written by an incompatible version."""


class FrameError(UsageError, ValueError):
    """A frame has the wrong shape or dtype, or holds values that are not finite or out of range."""


class SnapshotError(UsageError, ValueError):
    """A snapshot is damaged or belongs to another model."""


class MissingExtraError(UsageError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed: pip install 'edgernn[{extra}]'"
        )
        self.package, self.extra, self.purpose = package, extra, purpose

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.extra, self.purpose)


class BoardError(UsageError):
    """There is no such board, its description is wrong, or it lacks what was asked of it."""


class EngineError(UsageError):
    """An engine cannot load or run an artifact."""


class OutputError(UsageError):
    """A result cannot be written where the user wants it."""


class UnsupportedError(EdgeRNNError):
    """The model is valid, but edgernn cannot convert it as asked."""

    exit_code = 3


class UnsupportedModelError(UnsupportedError):
    """A node of the model cannot be converted.

    The message names the node, the line of the user's code (when known), the reason and what to do.
    """

    def __init__(self, reason: str, *, node: str = "", source: str = "", remedy: str = "") -> None:
        where, code = place(source)
        what = f"cannot convert {node!r}: " if node else ""
        do = f"\n  what to do: {remedy}" if remedy else ""
        super().__init__(f"{where}{what}{reason}{code}{do}")
        self.reason, self.node, self.source, self.remedy = reason, node, source, remedy


class UnsupportedOpError(UnsupportedError):
    """A backend has no lowering for an op, and the op cannot be decomposed further."""

    def __init__(self, backend: str, op: str, node: str, *, source: str = "", reason: str = "") -> None:
        where, code = place(source)
        why = f": {reason}" if reason else ""
        super().__init__(
            f"{where}the {backend} backend cannot express op {op!r} (node {node!r}){why}{code}\n"
            f"  what to do: choose another --format, or replace the operation in the model"
        )
        self.backend, self.op, self.node, self.source = backend, op, node, source


def place(source: str) -> tuple[str, str]:
    """How a message begins for "model.py:12 in forward: y = f(x)", and the line of code to follow the reason."""
    found = re.fullmatch(r"(.+?:\d+ in \S+): (.+)", source)
    if found is None:
        return f"{source}: " if source else "", ""
    return f"{found[1]}: ", f"\n    {found[2]}"
