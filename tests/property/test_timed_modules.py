"""Random modules over the operations of time: streams and segments give what the module gives at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import edgernn
from edgernn.ir.op import Array
from edgernn.ir.ports import in_frames
from edgernn.segments import SegmentModel
from tests.capture.support import randomized
from tests.property.timed_modules import Plan, Timed, plans
from tests.support import SUFFIX_OF_ENGINE, require, write

STREAMS = {"native": 3, "tflite": 4, "onnxruntime": 5, "numba": 3, "reference": 10}
SEGMENTS = {"native": 2, "onnxruntime": 5, "tflite": 5, "numba": 2, "reference": 10}
PHASES = [Phase.explicit, Phase.generate]
"""Shrinking takes minutes: the plan that fails is short as it is."""

OPTIONS: dict[str, Any] = {
    "derandomize": True, "deadline": None, "phases": PHASES,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
}  # fmt: skip


def sequences(plan: Plan, seed: int, count: int = 4) -> list[Array]:
    rng = np.random.default_rng(seed)
    lengths = plan.hop * rng.integers(3, 9, count)
    return [rng.standard_normal((n, plan.width)).astype(np.float32) for n in lengths]


def check_stream(plan: Plan, engine: str, seed: int, cut: int) -> None:
    """The proof, with a NaN tail among it; and a sequence in two pieces, between which the state moves."""
    model = edgernn.convert(randomized(Timed(plan)), inputs=f"1,T,{plan.width}")
    given_ = sequences(plan, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{SUFFIX_OF_ENGINE[engine]}"
        write(model.graph, path)
        report = model.proof(model_sequences(model, given_)).check(path, engine)
        assert report.passed, (plan, report.failures())
        with edgernn.load(path, engine) as first, edgernn.load(path, engine) as second:
            at = plan_cut(given_[0], cut, model.interface.hop)
            rows: list[Any] = list(first.stream(given_[0][:at]))
            second.restore(first.snapshot())
            rows += second.stream(given_[0][at:], flush=True)
            whole = model.reference.run(model_sequences(model, given_)[0])
            for port in model.interface.outputs:
                found = [row[port.name] if isinstance(row, dict) else row for row in rows]
                y = np.stack(found) if port.kind == "frame" else found[-1]
                allowed = 2 * model.proof().expected.tolerance(port.name)
                np.testing.assert_allclose(y, whole[port.name], rtol=0, atol=allowed)


def model_sequences(model: edgernn.Model, arrays: list[Array]) -> list[dict[str, Array]]:
    return in_frames(arrays, model.interface.inputs, model.interface.hop)


def plan_cut(frames: Array, cut: int, hop: int) -> int:
    return min(len(frames), cut * hop)


@pytest.mark.parametrize("engine", STREAMS)
def test_streams(engine: str) -> None:
    require(engine)

    @settings(max_examples=STREAMS[engine], **OPTIONS)
    @given(plan=plans(False), seed=st.integers(0, 99), cut=st.integers(0, 8))
    def property_(plan: Plan, seed: int, cut: int) -> None:
        check_stream(plan, engine, seed, cut)

    property_()


@pytest.mark.parametrize("engine", SEGMENTS)
def test_segments(engine: str) -> None:
    """In float32, and in integers bit for bit."""
    require(engine)

    @settings(max_examples=SEGMENTS[engine], **OPTIONS)
    @given(plan=plans(True), seed=st.integers(0, 99))
    def property_(plan: Plan, seed: int) -> None:
        model = edgernn.convert(
            randomized(Timed(plan)), inputs=f"1,T,{plan.width}", mode="segment", max_frames=8 * plan.hop
        )
        assert isinstance(model, SegmentModel)
        given_ = sequences(plan, seed)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"model{SUFFIX_OF_ENGINE[engine]}"
            for each in (model, model.quantize(given_)):
                write(each.segment, path)
                report = each.proof(model_sequences(model, given_)).check(path, engine)
                assert report.passed, (plan, report.failures())

    property_()


@pytest.mark.parametrize("scheme", ["int16x8", "int8"])
def test_integer_streams(scheme: str) -> None:
    @settings(max_examples=10, **OPTIONS)
    @given(plan=plans(False), seed=st.integers(0, 99))
    def property_(plan: Plan, seed: int) -> None:
        model = edgernn.convert(randomized(Timed(plan)), inputs=f"1,T,{plan.width}")
        given_ = sequences(plan, seed)
        quantized = model.quantize(given_, scheme)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.ern"
            write(quantized.graph, path)
            report = quantized.proof(model_sequences(model, given_)).check(path, "reference")
            assert report.passed, (plan, report.failures())

    property_()
