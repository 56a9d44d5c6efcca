"""What the tests of third-party models share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.third_party.model import ThirdParty, engines, largest_error, load, originals, peak, quantized, score
from edgernn.api import Model

TOLERANCE = 1e-5
"""Largest error, absolute where outputs are at most 1, else relative to their peak."""


def needs(*models: type[ThirdParty]) -> pytest.MarkDecorator:
    """Skip where a package is absent, and say which command installs it."""
    missing = sorted({p.install for model in models for p in model.packages if not p.installed})
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {'; '.join(missing)}")


def check_float(model: Model, given: ThirdParty, folder: Path, names: Sequence[str] = ()) -> None:
    """The stream equals the original's own output on each engine, or on those named."""
    wanted, suffixes = originals(given), engines(given)
    for engine in names or suffixes:
        path = folder / f"{given.name}{suffixes[engine]}"
        if not path.exists():
            model.save(path)
        with load(path, engine) as session:
            assert largest_error(session, given, wanted) <= TOLERANCE * peak(wanted), engine


def check_integers(model: Model, given: ThirdParty, folder: Path, scheme: str = "int16x8") -> None:
    """The integer model keeps the metric of the task."""
    path = folder / f"{given.name}_{scheme}.so"
    quantized(model, given, scheme).save(path)
    with load(path, "native") as session:
        assert score(session, given, originals(given)) >= given.least
