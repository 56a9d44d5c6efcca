"""Random PyTorch modules: converted, and streamed in random pieces, they give what the module gives at once."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edgernn
from edgernn.runtime import load
from edgernn.runtime.engines import ENGINES
from edgernn.validation.sequences import random_input
from tests.capture.support import randomized
from tests.property.modules import Design, RandomNet, designs
from tests.support import SUFFIX_OF_ENGINE, require, write

EXAMPLES = {"native": 6}
MORE_EXAMPLES = 12


def check(design: Design, engine: str, lengths: list[int], cut: int) -> None:
    """Proof on ``engine``; then sequences of ``lengths``, with a snapshot moved to a new session at ``cut``."""
    model = edgernn.convert(randomized(RandomNet(design)), inputs=design.inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{SUFFIX_OF_ENGINE[engine]}"
        write(model.graph, path)
        report = model.proof().check(path, engine)
        assert report.passed, report.failures()
        rng = np.random.default_rng(cut)
        (port,) = model.interface.inputs
        with load(path, engine) as first, load(path, engine) as second:
            for length in lengths:
                frames = random_input(port, length, rng)
                at = min(cut, length)
                rows: list[Any] = list(first.stream(frames[:at]))
                second.restore(first.snapshot())
                rows += second.stream(frames[at:])
                compare(model, frames, rows)
                first.reset()


def compare(model: edgernn.Model, frames: np.ndarray, rows: list[Any]) -> None:
    wanted = model.reference.run({model.interface.inputs[0].name: frames})
    for output in model.interface.outputs:
        found = [row[output.name] if isinstance(row, dict) else row for row in rows]
        y = np.stack(found) if output.kind == "frame" else found[-1]
        np.testing.assert_allclose(
            y, wanted[output.name], rtol=0, atol=model.proof().expected.tolerance(output.name) * 2
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_module_on_engine(engine: str) -> None:
    require(engine)

    @settings(
        max_examples=EXAMPLES.get(engine, MORE_EXAMPLES),
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(design=designs(), lengths=st.lists(st.integers(1, 50), min_size=1, max_size=3), cut=st.integers(0, 50))
    def property_(design: Design, lengths: list[int], cut: int) -> None:
        check(design, engine, lengths, cut)

    property_()
