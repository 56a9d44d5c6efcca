"""Random step programs with weights and inputs of many magnitudes quantize, to the same integers on every engine."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st

from edgernn.ir.graph import Graph
from edgernn.ir.ports import quantize as to_integers
from edgernn.ops.evaluate import run_block
from edgernn.quant import quantize
from edgernn.runtime import load
from tests.property.programs import frames_for, programs
from tests.support import SUFFIX_OF_ENGINE, require, write

STEPS = 30
SCHEMES = ("int16x8", "int8", "int16x4")
EXAMPLES = {"reference": 60, "numba": 40, "native": 6}
SEED = int(os.environ.get("EDGERNN_PROPERTY_SEED", "0"))
TIMES = int(os.environ.get("EDGERNN_PROPERTY_TIMES", "1"))
"""By how much more examples are tried."""


def integers(graph: Graph, scheme: str, decade: int) -> tuple[Graph, dict[str, np.ndarray]]:
    """The integer program, and its input as integers."""
    frames = frames_for(graph, STEPS)
    frames = {n: a * np.float32(10.0**decade) if a.dtype.kind == "f" else a for n, a in frames.items()}
    with np.errstate(over="ignore", invalid="ignore"):
        assume(all(np.isfinite(y).all() for y in run_block(graph, frames, "float32").values()))
    program = quantize(graph, [frames], scheme).graph
    given = {p.name: to_integers(frames[p.name], p) if p.scale else frames[p.name] for p in program.inputs}
    return program, given


def check(graph: Graph, engine: str, scheme: str, decade: int) -> None:
    program, frames = integers(graph, scheme, decade)
    wanted = run_block(program, frames)
    if engine == "reference":
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"random{SUFFIX_OF_ENGINE[engine]}"
        write(program, path)
        with load(path, engine) as session:
            session.raw = True
            for t in range(STEPS):
                result = session.step(*(array[t] for array in frames.values()))
                found = result if isinstance(result, dict) else {program.outputs[0].name: result}
                for name, y in wanted.items():
                    np.testing.assert_array_equal(found[name], y[t], err_msg=f"{name}, step {t}")


@pytest.mark.parametrize("engine", EXAMPLES)
def test_every_program_quantizes_and_engines_agree(engine: str) -> None:
    require(engine)

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES[engine] * TIMES,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(graph=programs(extreme=True), scheme=st.sampled_from(SCHEMES), decade=st.integers(-6, 6))
    def property_(graph: Graph, scheme: str, decade: int) -> None:
        check(graph, engine, scheme, decade)

    property_()
