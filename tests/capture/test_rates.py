"""Models that keep fewer frames than they are given: a step takes several frames, and computes each value once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgernn
from edgernn.cli import main
from edgernn.errors import FrameError, UnsupportedModelError
from edgernn.ops.evaluate import run_sequence
from tests.capture.slower import MODELS, Crnn, EveryThird, Framed, Pyramid, Spectrum, Strided, TwoRates
from tests.capture.support import check, prove, randomized

ENGINES = ("numba", "native", "onnxruntime", "tflite")


def inputs_of(make: type[nn.Module]) -> str:
    return "1,T,1" if make in (Framed, Spectrum) else "1,T,5"


@pytest.mark.parametrize("make", MODELS)
def test_streams_with_as_few_frames_a_step_as_there_must_be(make: type[nn.Module]) -> None:
    face = prove(make(), inputs_of(make)).interface
    assert (face.hop, face.delay, face.tail) == MODELS[make]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [Crnn, Pyramid])
def test_engines(make: type[nn.Module], engine: str) -> None:
    report = check(edgernn.convert(randomized(make()), inputs="1,T,5"), engine)
    assert report.passed, report.failures()


@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4", "weights8"])
@pytest.mark.parametrize("make", MODELS)
def test_schemes_are_the_same_on_every_engine(make: type[nn.Module], scheme: str, tmp_path: Path) -> None:
    size = 1 if make in (Framed, Spectrum) else 5
    frames = np.random.default_rng(1).standard_normal((4, 61, size)).astype(np.float32)
    model = edgernn.convert(randomized(make()), inputs=inputs_of(make)).quantize(list(frames), scheme)
    suffixes = (".ern", ".so", ".onnx", ".tflite") if make is Crnn else (".ern", ".so")
    reports = [model.save(tmp_path / f"model{suffix}") for suffix in suffixes]
    assert all(report.passed for report in reports), [report.failures() for report in reports]


@pytest.mark.parametrize("make", [Strided, Crnn, EveryThird, TwoRates])
def test_no_work_is_done_twice(make: type[nn.Module]) -> None:
    """Multiplications of a step, against those of PyTorch's whole sequence for the same number of frames."""
    from edgernn.validation.layers import layer_rows

    module = randomized(make()).eval()
    model = edgernn.convert(module, inputs="1,T,5")
    steps, counted = 40, 0

    def count(layer: nn.Module, _: tuple[torch.Tensor, ...], result: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        nonlocal counted
        y = result if isinstance(result, torch.Tensor) else result[0]
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            counted += y.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            counted += y.numel() * layer.in_features
        elif isinstance(layer, nn.GRU | nn.LSTM):
            counted += y.shape[1] * sum(p.numel() for n, p in layer.named_parameters() if "weight" in n)

    for layer in module.modules():
        layer.register_forward_hook(count)
    with torch.no_grad():
        module(torch.zeros(1, steps * model.interface.hop, 5))
    products = ("linear", "lstm", "gru", "rnn", "matmul")
    executed = sum(row.macs for row in layer_rows(model.graph) if row.op in products) * steps
    assert executed <= 1.05 * counted


def test_windows_within_a_step_remember_nothing() -> None:
    """Of four windows over time, the second pooling finds its frames within a step."""
    states = edgernn.convert(randomized(Crnn()), inputs="1,T,5").interface.states
    assert [s.name for s in states] == [
        "stream_live", "stream_live_line", "first_window_h", "pool_window_h", "second_window_h", "gru_h",
    ]  # fmt: skip


def test_streams_of_single_frames_are_taken_in_whole_steps(tmp_path: Path) -> None:
    module = randomized(Crnn()).eval()
    edgernn.convert(module, inputs="1,T,5").save(tmp_path / "crnn.ern")
    x = np.random.default_rng(0).standard_normal((24, 5)).astype(np.float32)
    wanted = module(torch.from_numpy(x)[None])[0].detach().numpy()
    with edgernn.load(tmp_path / "crnn.ern") as session:
        assert (session.hop, session.inputs[0].shape, session.outputs[0].shape) == (4, (4, 5), (3,))
        found = np.stack(list(session.stream(x, flush=True)))
        session.reset()
        blocks = np.stack(list(session.stream(list(x.reshape(6, 4, 5)), flush=True)))
        with pytest.raises(FrameError, match="22 frames are no whole steps of 4"):
            list(session.stream(x[:22]))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(blocks, wanted, atol=1e-5)


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_files_hold_frames(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = randomized(Crnn()).eval()
    edgernn.convert(module, inputs="1,T,5").save(tmp_path / "crnn.so")
    x = np.random.default_rng(0).standard_normal((26, 5)).astype(np.float32)
    given = tmp_path / f"x{suffix}"
    np.save(given, x) if suffix == ".npy" else np.savetxt(given, x, delimiter=",", fmt="%.9g")
    status = main(["run", str(tmp_path / "crnn.so"), "--input", str(given), "--output", str(tmp_path / "y.npy")])
    assert status == 0
    assert "2 frames at the end left out: a step takes 4" in capsys.readouterr().err
    wanted = module(torch.from_numpy(x[:24])[None])[0].detach().numpy()
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), wanted, atol=1e-5)


def test_many_steps_at_once_are_the_steps_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import edgernn.ops.evaluate as evaluation

    for make in MODELS:
        program = edgernn.convert(randomized(make()), inputs=inputs_of(make)).graph
        x = np.random.default_rng(2).standard_normal((30, *program.inputs[0].shape))
        frames = {program.inputs[0].name: x}
        found = run_sequence(program, frames)
        with monkeypatch.context() as patch:
            patch.setattr(evaluation, "plan", lambda graph: None)
            wanted = run_sequence(program, frames)
        for name, values in wanted.items():
            np.testing.assert_allclose(found[name], values, atol=1e-12)


class Different(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 5, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, ::3] + self.conv(x.transpose(1, 2)).transpose(1, 2)[:, : x.size(1) // 3]


class Remaining(Different):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x.transpose(1, 2)).transpose(1, 2).sum(-1), x[:, 1:]  # type: ignore[return-value]


@pytest.mark.parametrize("make", [Different, Remaining])
def test_what_fits_no_step_is_refused(make: type[nn.Module]) -> None:
    with pytest.raises(UnsupportedModelError):
        edgernn.convert(make(), inputs="1,T,5")
