"""One file an op: ``CASES`` lists small step programs that every engine runs (see ``tests/ops/test_engines.py``)."""

import importlib
import pkgutil

from tests.ops.cases.base import Case


def all_cases() -> list[Case]:
    """Every case of every file in this folder, in order of file name."""
    cases = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        if module != "base":
            cases.extend(importlib.import_module(f"{__name__}.{module}").CASES)
    return cases
