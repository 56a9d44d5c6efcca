"""What artifacts cost on boards: a ``Profile`` of each artifact, board and engine, wherever its figures come from."""

from edgernn.boards.profile.budgets import Budgets, Excess, excesses
from edgernn.boards.profile.figures import ESTIMATED, EXACT, MEASURED, Figure, FlashUse, NodeCost, Profile, RamUse
from edgernn.boards.profile.job import Frames, Job, Way
from edgernn.boards.profile.measured import engines_for
from edgernn.boards.profile.sources import profile, way_to

__all__ = [
    "ESTIMATED",
    "EXACT",
    "MEASURED",
    "Budgets",
    "Excess",
    "Figure",
    "FlashUse",
    "Frames",
    "Job",
    "NodeCost",
    "Profile",
    "RamUse",
    "Way",
    "engines_for",
    "excesses",
    "profile",
    "way_to",
]
