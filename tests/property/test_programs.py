"""Random step programs agree on every engine, over 1,000 steps, and frame by frame equals all at once."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from edgernn.ir.graph import Graph
from edgernn.ops.evaluate import run_block
from edgernn.runtime import load
from edgernn.runtime.engines import ENGINES
from tests.property.programs import frames_for, programs
from tests.support import SUFFIX_OF_ENGINE, require, write

STEPS = 1000
RELATIVE = 1e-5
ABSOLUTE = 1e-7
ROUNDING_FACTOR = 10.0
"""A program that itself amplifies the rounding of float32 (NumPy's against float64) may do so in an engine too."""

EXAMPLES = {"native": 20, "reference": 15}
MORE_EXAMPLES = 40


def expected(graph: Graph, frames: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, float]]:
    """float64 outputs [steps, *shape] and the error allowed."""
    exact, rounded = run_block(graph, frames), run_block(graph, frames, "float32")
    tolerances = {
        name: max(
            RELATIVE * float(np.abs(y).max()) + ABSOLUTE, ROUNDING_FACTOR * float(np.abs(y - rounded[name]).max())
        )
        for name, y in exact.items()
    }
    return {name: (y, tolerances[name]) for name, y in exact.items()}


def check(graph: Graph, engine: str) -> None:
    frames = frames_for(graph, STEPS)
    wanted = expected(graph, frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"random{SUFFIX_OF_ENGINE[engine]}"
        write(graph, path)
        with load(path, engine) as session:
            assert session.engine == engine
            rows = []
            for t in range(STEPS):
                result = session.step(*(array[t] for array in frames.values()))
                rows.append(result if isinstance(result, dict) else {graph.outputs[0].name: result})
    for name, (y, tolerance) in wanted.items():
        found = np.stack([row[name] for row in rows])
        assert found.shape == y.shape
        assert float(np.abs(found - y).max()) <= tolerance, name


@pytest.mark.parametrize("engine", ENGINES)
def test_engine_agrees_with_float64(engine: str) -> None:
    require(engine)

    @settings(
        max_examples=EXAMPLES.get(engine, MORE_EXAMPLES),
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(graph=programs())
    def property_(graph: Graph) -> None:
        check(graph, engine)

    property_()


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=programs())
def test_frame_by_frame_equals_all_at_once(graph: Graph) -> None:
    """The reference itself: a block of 40 frames gives what 40 blocks of one frame give."""
    frames = frames_for(graph, 40)
    whole = run_block(graph, frames)
    states = [s.initial for s in graph.states]
    program = graph.copy()
    for t in range(40):
        program.states = [
            type(s)(s.name, s.shape, s.dtype, i, s.before, s.after) for s, i in zip(graph.states, states, strict=True)
        ]
        single = with_next_states(program, {name: array[t : t + 1] for name, array in frames.items()})
        for name, y in whole.items():
            np.testing.assert_allclose(single[name][0], y[t], rtol=1e-9, atol=1e-12)
        states = [single[f"next {k}"][0] for k in range(len(states))]


def with_next_states(graph: Graph, frames: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs, and the next states as outputs named "next 0", ..."""
    extended = graph.copy()
    port = graph.outputs[0]
    extended.outputs = [
        *graph.outputs,
        *(type(port)(f"next {k}", s.shape, s.dtype, value=s.after) for k, s in enumerate(graph.states)),
    ]
    return run_block(extended, frames)
