"""Estimates of cycles: tables of instruction classes for each core, applied to exact counts of executed blocks.

docs/cycle-estimates.md derives each table and says how far the estimates were from measurements of real boards.
"""

from edgernn.boards.cycles.estimate import BlockCosts, Estimate, estimator
from edgernn.boards.cycles.models import MODELS, CycleModel

__all__ = ["MODELS", "BlockCosts", "CycleModel", "Estimate", "estimator"]
