"""Real frames on engines that quantize in NumPy: as the definition, and refused where they are not finite."""

from pathlib import Path

import numpy as np
import pytest

from edgernn import runtime
from edgernn.errors import FrameError
from edgernn.ir.graph import Port
from edgernn.runtime.frames import coerce_frame
from edgernn.runtime.quantized import dequantize, quantize, quick_quantizer
from tests.runtime.test_numba_integers import INPUTS, integer_model, real_frames
from tests.support import SUFFIX_OF_ENGINE, require, write

SCALES = (1e-30, 1e-20, 2.0**-15, 4 / 32767, 0.05, 1.0, 1e20)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("scale", SCALES)
def test_quick_quantization_equals_the_definition(scale: float, dtype: str) -> None:
    port = Port("x", (INPUTS,), dtype, scale=scale)
    slow: list[np.ndarray] = []

    def definition(frame: np.ndarray) -> np.ndarray:
        slow.append(frame)
        return quantize(frame, port)

    quick = quick_quantizer(port, definition)
    frames = real_frames(min(scale, 1e15), 2000)
    for frame in frames:
        np.testing.assert_array_equal(quick(frame), quantize(frame, port))
    assert all(np.abs(frame).max() > 1e7 for frame in slow)
    assert len(slow) < len(frames)


def test_a_transposed_frame_is_put_in_order() -> None:
    """Kernels read elements one after the other: what NumPy keeps in another order is not what it seems."""
    port = Port("x", (3, 2), "int16", scale=0.25)
    frame = np.arange(6, dtype=np.float32).reshape(2, 3).T
    found = coerce_frame(frame, port)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, 4 * frame)


@pytest.mark.parametrize("engine", ["onnxruntime", "tflite", "reference"])
@pytest.mark.parametrize("scheme", ["int16x8", "int8"])
def test_real_frames_equal_quantized_ones(engine: str, scheme: str, tmp_path: Path) -> None:
    require(engine)
    path = tmp_path / f"model{SUFFIX_OF_ENGINE[engine]}"
    write(integer_model("lstm", scheme), path)
    with runtime.load(path, engine) as real, runtime.load(path, engine, raw=True) as integer:
        (source,), (target,) = integer.inputs, integer.outputs
        for frame in real_frames(source.scale or 1.0, 500):
            y = real.step(frame)
            assert y.tobytes() == dequantize(integer.step(quantize(frame, source)), target).tobytes()
        assert real.snapshot() == integer.snapshot()


@pytest.mark.parametrize("engine", ["onnxruntime", "tflite", "reference"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_and_change_nothing(engine: str, value: float, tmp_path: Path) -> None:
    require(engine)
    path = tmp_path / f"model{SUFFIX_OF_ENGINE[engine]}"
    write(integer_model("gru"), path)
    with runtime.load(path, engine) as session:
        session.step(np.ones(INPUTS, np.float32))
        before = session.snapshot()
        frame = np.ones(INPUTS, np.float32)
        frame[1] = value
        with pytest.raises(FrameError, match="x0"):
            session.step(frame)
        assert session.snapshot() == before
