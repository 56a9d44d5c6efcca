"""Small integer step programs, compared bit for bit on every engine that runs integers."""

from tests.ops.cases.base import Case
from tests.ops.integer_cases import frame, narrow, recurrent, running


def integer_cases() -> list[Case]:
    """All cases over int16 values."""
    return [*recurrent.CASES, *frame.CASES, *running.CASES]


def narrow_cases() -> list[Case]:
    """All cases over int8 values."""
    return list(narrow.CASES)
