"""A report as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from edgernn.validation.results import Report


def render_json(report: Report) -> str:
    """The whole report. Numbers that are not finite are written as null: JSON has no other name for them."""
    return json.dumps(plain_json(report.to_plain()), indent=2, allow_nan=False) + "\n"


def plain_json(value: Any) -> Any:
    """``value`` with null for every number that is not finite, and lists for tuples."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
