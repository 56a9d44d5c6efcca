"""Artifacts that are wrong are refused, whatever made them wrong, and nothing is written."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn import ops
from edgernn.capture import rules
from edgernn.capture.rules import recurrent, shape
from edgernn.capture.values import Stream
from edgernn.errors import ValidationError
from edgernn.runtime.engines.reference import ReferenceEngine
from edgernn.validation import checks
from edgernn.validation.results import OutputError
from tests.capture.support import randomized

Patch = Callable[[pytest.MonkeyPatch], None]


class Net(nn.Module):
    def __init__(self, layer: type[nn.RNNBase], body: Callable[[Any, Tensor], Any] | None = None) -> None:
        super().__init__()
        self.rnn = layer(6, 5, batch_first=True)
        self.body = body

    def forward(self, x: Tensor) -> Any:
        return self.body(self, x) if self.body else self.rnn(x)[0]


def assert_nothing_written(model: edgernn.Model, folder: Path, *words: str) -> None:
    for suffix in (".ern", ".onnx", ".tflite", ".so", ".c"):
        with pytest.raises(ValidationError) as caught:
            model.save(folder / f"model{suffix}")
        assert caught.value.exit_code == 1
        assert "was not written" in str(caught.value)
        for word in words:
            assert word in str(caught.value)
    assert os.listdir(folder) == []


def swap_gates(first: int, second: int, make: recurrent.MakeLayer) -> recurrent.MakeLayer:
    """``make`` with two gates of its matrices and biases exchanged."""

    def swapped(weights: Any, has_biases: bool) -> Any:
        op, arrays = make(weights, has_biases)
        hidden = op.hidden_size
        order = list(range(len(arrays[0]) // hidden))
        order[first], order[second] = order[second], order[first]
        rows = np.concatenate([np.arange(k * hidden, (k + 1) * hidden) for k in order])
        return op, [a[rows] if len(a) == len(rows) else a for a in arrays]

    return swapped


@pytest.mark.parametrize(
    ("layer", "target", "make", "states", "gates"),
    [
        (nn.LSTM, "aten.lstm.input", recurrent.lstm_layer, 2, (0, 1)),
        (nn.LSTM, "aten.lstm.input", recurrent.lstm_layer, 2, (2, 3)),
        (nn.GRU, "aten.gru.input", recurrent.gru_layer, 1, (0, 1)),
    ],
)
def test_swapped_gates(
    layer: Any, target: str, make: Any, states: int, gates: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(rules.RULES, target, recurrent.layers(swap_gates(*gates, make), states))
    model = edgernn.convert(randomized(Net(layer)), inputs="1,T,6")
    assert_nothing_written(model, tmp_path, "output 'output' differs by")


def test_a_small_error_in_one_weight(tmp_path: Path) -> None:
    model = edgernn.convert(randomized(Net(nn.GRU)), inputs="1,T,6")
    for name, array in model.graph.constants.items():
        if array.ndim == 2:
            changed = array.copy()
            changed[3, 2] += 1e-3
            model.graph.constants[name] = changed
            break
    model = edgernn.Model(model.graph, model.reference)
    assert_nothing_written(model, tmp_path, "differs by")


def test_wrong_initial_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Started(Net):
        def forward(self, x: Tensor) -> Any:
            return self.rnn(x, torch.full((1, 1, 5), 0.3))[0]

    monkeypatch.setattr(recurrent, "_row", lambda call, start, layer: np.zeros(5, np.float32))
    assert_nothing_written(edgernn.convert(randomized(Started(nn.GRU)), inputs="1,T,6"), tmp_path, "differs by")


def test_caller_given_state_that_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Given(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return self.gru(x, h)[0]

    model = edgernn.convert(randomized(Given()), inputs=["T,1,6", "1,1,5"])
    monkeypatch.setattr("edgernn.runtime.session.Session.reset", lambda self, **states: self._engine.reset())
    with pytest.raises(ValidationError, match=r"initial states: error .* of the tolerance"):
        model.save(tmp_path / "model.ern")


def test_module_that_looks_ahead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Capture takes a flip over time for nothing; on palindromes even the outputs would agree."""
    monkeypatch.setitem(rules.RULES, "aten.flip.default", shape.identity)
    module = randomized(Net(nn.GRU, lambda self, x: self.rnn(torch.flip(x, [1]))[0]))
    model = edgernn.convert(module, inputs="1,T,6")
    assert_nothing_written(model, tmp_path, "causality: output 'output' of the module depends on later frames")


def test_mean_over_time_taken_for_the_last_frame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def last_frame(ctx: Any, call: Any) -> Stream:
        return shape.last_frame(ctx, call, ctx.resolve(call.args[0]), -1)

    monkeypatch.setitem(rules.RULES, "aten.mean.dim", last_frame)
    model = edgernn.convert(randomized(Net(nn.GRU, lambda self, x: self.rnn(x)[0].mean(1))), inputs="1,T,6")
    assert_nothing_written(model, tmp_path, "differs by")


def test_dependence_on_the_length_that_two_lengths_do_not_show(tmp_path: Path) -> None:
    def every_fourth_length(self: Any, x: Tensor) -> Tensor:
        return self.rnn(x)[0] * (2.0 if x.size(1) % 4 == 0 else 1.0)

    model = edgernn.convert(randomized(Net(nn.GRU, every_fourth_length)), inputs="1,T,6")
    assert_nothing_written(model, tmp_path, "differs by")


def test_another_number_of_frames_at_other_lengths(tmp_path: Path) -> None:
    def short(self: Any, x: Tensor) -> Tensor:
        return self.rnn(x)[0] if x.size(1) < 20 else self.rnn(x[:, :20])[0]

    model = edgernn.convert(randomized(Net(nn.GRU, short)), inputs="1,T,6")
    with pytest.raises(ValidationError, match=r"for 23 frames the module gives a tensor of shape \(1, 20, 5\)"):
        model.save(tmp_path / "model.ern")
    assert os.listdir(tmp_path) == []


def test_module_that_fails_at_other_lengths(tmp_path: Path) -> None:
    def demanding(self: Any, x: Tensor) -> Tensor:
        if x.size(1) < 3:
            raise RuntimeError("too short")
        return self.rnn(x)[0]

    model = edgernn.convert(randomized(Net(nn.GRU, demanding)), inputs="1,T,6")
    with pytest.raises(ValidationError, match="the module fails on a sequence of 1 frames: RuntimeError: too short"):
        model.save(tmp_path / "model.ern")


def test_squeeze_that_drops_time_at_one_frame(tmp_path: Path) -> None:
    module = randomized(Net(nn.GRU, lambda self, x: self.rnn(x)[0][..., :1].squeeze()))
    report = edgernn.convert(module, inputs="1,T,6").save(tmp_path / "model.ern")
    assert report.passed


class LogFeatures(nn.Module):
    """Takes the logarithm of its input: random input of both signs gives NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(torch.log(x))[0]


def test_module_that_is_not_finite_on_random_input(tmp_path: Path) -> None:
    model = edgernn.convert(randomized(LogFeatures()), inputs="1,T,6")
    with pytest.raises(ValidationError, match=r"NaN for random input(.|\n)*what to do: give sequences of real input"):
        model.save(tmp_path / "model.ern")
    rng = np.random.default_rng(0)
    real = [{"x": rng.uniform(0.1, 2.0, (n, 6)).astype(np.float32)} for n in (5, 40)]
    assert model.save(tmp_path / "model.ern", calibration=real).passed
    negative = [{"x": -real[0]["x"]}]
    with pytest.raises(ValidationError, match="NaN for the calibration sequences"):
        model.save(tmp_path / "model.ern", calibration=negative)


def lie(method: str, wrong: Callable[..., Any]) -> Patch:
    """A patch of the reference engine."""

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        original = getattr(ReferenceEngine, method)

        @functools.wraps(original)
        def replacement(self: Any, *args: Any) -> Any:
            return wrong(original, self, *args)

        monkeypatch.setattr(ReferenceEngine, method, replacement)

    return apply


def forgetful(original: Any, self: Any, *frames: Any) -> Any:
    result = original(self, *frames)
    self._states = [s.initial for s in self.graph.states]
    return result


def half_reset(original: Any, self: Any, states: Any) -> None:
    """Puts back a state for which only part was given."""
    original(
        self,
        [np.where(np.arange(s.size).reshape(s.shape) > 0, s, o) for s, o in zip(states, self._states, strict=True)],
    )


def not_a_number(original: Any, self: Any, *frames: Any) -> Any:
    return tuple(np.where(np.abs(y) > 0.2, np.nan, y).astype(y.dtype) for y in original(self, *frames))


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (lie("run", forgetful), "differs by"),
        (
            lie("get_states", lambda original, self: [np.zeros_like(s) for s in original(self)]),
            "snapshot: another stream",
        ),
        (lie("set_states", half_reset), "reset: another stream"),
        (lie("run", not_a_number), "differs by inf"),
        (
            lie("run", lambda original, self, *f: tuple(y * np.float32(1 + 1e-4) for y in original(self, *f))),
            "differs by",
        ),
    ],
    ids=["state wiped", "snapshot of zeros", "reset leaves some", "NaN", "1e-4 off"],
)
def test_engines_that_lie(patch: Patch, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = edgernn.convert(randomized(Net(nn.GRU)), inputs="1,T,6")
    model.save(tmp_path / "model.ern")
    patch(monkeypatch)
    report = model.proof().check(tmp_path / "model.ern", "reference")
    assert not report.passed
    assert any(words in line for line in report.failures()), report.failures()


def test_nan_in_one_sequence_is_not_forgotten() -> None:
    assert checks.excess_of(np.array([1.0, np.nan]), np.array([1.0, 1.0]), 0.1) == float("inf")
    assert checks.excess_of(np.array([1.0, 1.05]), np.array([1.0, 1.0]), 0.1) == pytest.approx(0.5)


def test_artifact_of_other_weights(tmp_path: Path) -> None:
    edgernn.convert(randomized(Net(nn.GRU), 1), inputs="1,T,6").save(tmp_path / "model.ern")
    other = edgernn.convert(randomized(Net(nn.GRU), 2), inputs="1,T,6")
    with pytest.raises(ValidationError, match="made from another model or other weights"):
        edgernn.validate(tmp_path / "model.ern", other, drift_steps=0)


def test_an_older_file_survives_a_failed_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    edgernn.convert(randomized(Net(nn.GRU)), inputs="1,T,6").save(tmp_path / "model.ern")
    before = (tmp_path / "model.ern").read_bytes()
    model = edgernn.convert(randomized(Net(nn.GRU), 2), inputs="1,T,6")
    monkeypatch.setattr(ops.Gru, "reference", lambda self, *inputs: (ops_gru(self, *inputs)[0] * 1.01,))
    monkeypatch.setattr("edgernn.runtime.engines.numba.missing", lambda: ImportError())
    with pytest.raises(ValidationError):
        model.save(tmp_path / "model.ern")
    assert (tmp_path / "model.ern").read_bytes() == before
    assert os.listdir(tmp_path) == ["model.ern"]


ops_gru = ops.Gru.reference


def test_report_of_a_pass_says_what_was_compared(tmp_path: Path) -> None:
    model = edgernn.convert(randomized(Net(nn.GRU)), inputs="1,T,6")
    report = model.save(tmp_path / "model.ern", drift_steps=500)
    (output,) = report.outputs
    assert (
        output.frames == 1 + 2 + 23 + 64 and output.max_error <= output.tolerance < 1e-4 * output.reference_peak + 1e-5
    )
    assert [p.name for p in report.properties] == ["causality", "reset", "snapshot"]
    assert report.drift[0].steps == 500 and report.drift[0].max_error < 1e-5
    assert report.latency is not None and 0 < report.latency.min_us <= report.latency.median_us <= report.latency.p99_us


def test_a_sampling_rate_may_be_a_whole_number(tmp_path: Path) -> None:
    model = edgernn.convert(Net(nn.GRU), inputs="1,T,6", sample_rate_hz=16000)
    assert model.save(tmp_path / "net.ern").passed
    with edgernn.load(tmp_path / "net.ern") as session:
        assert session.interface.sample_rate_hz == 16000.0


@pytest.mark.parametrize(
    ("max_error", "rms_error", "passed"), [(0.3, 0.04, True), (0.3, 0.06, False), (0.09, 0.06, True)]
)
def test_quantized_outputs_may_jump_in_single_frames(max_error: float, rms_error: float, passed: bool) -> None:
    """As a probability does: at every frame within a tenth of the peak, or a twentieth on the average."""
    expected = checks.Expected([], 0.1, peak={"y": 1.0}, noise={"y": 0.0})
    output = OutputError(
        "y", "frame", 100, max_error, rms_error, 1.0, None, None, expected.tolerance("y"),
        rms_tolerance=expected.rms_tolerance("y"),
    )  # fmt: skip
    assert output.passed == passed


def test_float_outputs_may_not() -> None:
    expected = checks.Expected([], peak={"y": 1.0}, noise={"y": 0.0})
    assert expected.rms_tolerance("y") == 0.0
