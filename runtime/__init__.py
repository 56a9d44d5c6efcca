"""Runs artifacts step by step with explicit state. Needs NumPy alone; engines import what they need.

>>> session = load("kws.ern")
>>> y = session.step(frame)
"""

from edgernn.runtime.load import load
from edgernn.runtime.session import Session

__all__ = ["Session", "load"]
