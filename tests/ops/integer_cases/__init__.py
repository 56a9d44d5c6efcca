"""Small integer step programs, compared bit for bit on every engine that runs integers."""

from tests.ops.cases.base import Case
from tests.ops.integer_cases import frame, recurrent


def integer_cases() -> list[Case]:
    """All cases."""
    return [*recurrent.CASES, *frame.CASES]
