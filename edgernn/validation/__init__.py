"""Proves artifacts against the PyTorch module they came from."""

from edgernn.validation.proof import Proof
from edgernn.validation.results import ArtifactReport, Report

__all__ = ["ArtifactReport", "Proof", "Report"]
