"""Proves artifacts against the PyTorch module they came from. Reports can be read and shown without PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgernn.validation.results import ArtifactReport, Report

if TYPE_CHECKING:
    from edgernn.validation.proof import Proof

__all__ = ["ArtifactReport", "Proof", "Report"]


def __getattr__(name: str) -> Any:
    if name != "Proof":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from edgernn.validation.proof import Proof

    return Proof
