"""Statistics over time in integers: near the real ones from the first frame to the hundred-thousandth."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgernn.ops.evaluate import run_sequence
from edgernn.ops.integer import RunningInt16
from edgernn.ops.integer.running import STARTS
from edgernn.validation.sequences import integer_input
from tests.capture.support import prove

FRAMES = 100_000


class Pooling(nn.Module):
    """Every kind of pooling over time behind one GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 6, batch_first=True)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y, _ = self.gru(x)
        return {
            "mean": y.mean(1), "most": y.max(1).values, "least": y.amin(1),
            "so_far": torch.cumsum(y, 1), "ratio": torch.tanh(y[:, -1]) / (y[:, -1].square() + 0.5),
        }  # fmt: skip


@pytest.mark.parametrize("scheme", ["int16x8", "int8"])
@pytest.mark.parametrize("suffix", [".ern", ".so"])
def test_pooling_over_time_has_an_integer_form(
    scheme: str, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sequences = np.random.default_rng(1).standard_normal((6, 60, 4)).astype(np.float32)
    model = prove(Pooling(), "1,T,4").quantize([{"x": sequence} for sequence in sequences], scheme)
    report = model.save(tmp_path_factory.mktemp("saved") / f"pooling{suffix}")
    assert report.passed, report.failures()
    worst = {output.output: output.sqnr_db for output in report.outputs}
    assert min(worst.values()) > (35 if scheme == "int16x8" else 20), worst


def last_of(op: RunningInt16, *values: np.ndarray) -> np.ndarray:
    """The last result over [T, 1] values, from the start, in blocks."""
    shapes = op.shapes((1,), (1,))
    states = [np.full(shape, start, np.int32) for shape, start in zip(shapes, STARTS[op.function], strict=True)]
    y, *after = op.reference(*values, *states)
    return np.concatenate([y[-1], *(s[-1] for s in after)])


class Twice(nn.Module):
    """A mean over frames of which a step has two, and a layer that makes it so."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.gru(x[:, ::2])[0], x.mean(1)


def test_a_mean_of_several_frames_a_step() -> None:
    frames = np.random.default_rng(0).standard_normal((30, 2, 4)).astype(np.float32)
    model = prove(Twice(), "1,T,4").quantize([frames])
    port = model.interface.outputs[1]
    found = run_sequence(model.graph, integer_input(model.interface.inputs, {"x": frames}))[port.name][-1]
    np.testing.assert_allclose(found * (port.scale or 0), frames.mean((0, 1)), atol=2 * (port.scale or 0))


def test_a_mean_of_many_frames_is_exact() -> None:
    x = np.random.default_rng(0).integers(-20000, 30000, (FRAMES, 1)).astype(np.int16)
    assert last_of(RunningInt16("mean", 1 << 13, 13), x)[0] == np.floor(x.mean() + 0.5)


def test_attention_over_many_frames_keeps_its_weights() -> None:
    """Half of the frames weigh e^-2 of the others; the largest weight is halved on the way, more than once."""
    rng = np.random.default_rng(0)
    heavy = rng.random((FRAMES, 1)) < 0.5
    x = np.where(heavy, 8000, -8000).astype(np.int16) + rng.integers(-500, 500, (FRAMES, 1)).astype(np.int16)
    score = np.where(heavy, 0, -8192).astype(np.int16)
    op = RunningInt16("softmax", 1 << 13, 28, 1 << 14, 14, round(np.log(2) * 4096))
    weights = np.where(heavy, 1.0, np.exp(-2.0))
    assert abs(last_of(op, x, score)[0] - (weights * x).sum() / weights.sum()) < 30
