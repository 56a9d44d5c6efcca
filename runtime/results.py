"""What a step gives."""

from __future__ import annotations

from edgernn.ir.op import Array

Result = Array | dict[str, Array]
"""The output, or outputs by name."""
