"""Training with integers: what is simulated is what runs, gradients reach every weight, and loss goes down."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu
from torch.nn.utils.rnn import pack_padded_sequence

import edgernn
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.quant import prepare_qat
from edgernn.quant.qat.module import QatModule
from tests.capture.support import randomized

SCHEMES = ("int16x8", "int8", "int16x4")


class Layers(nn.Module):
    """Two layers of one kind, normalised, with a linear layer on top."""

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(4, 9, num_layers=2, batch_first=True, **options)
        self.norm, self.out = nn.LayerNorm(options.get("proj_size", 9)), nn.Linear(options.get("proj_size", 9), 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.out(self.norm(self.rnn(x)[0]))
        return scores


class Convolved(nn.Module):
    """A causal convolution with batch normalisation, a GRU, and the mean over time: states of one frame and of all."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)
        self.gru, self.out = nn.GRU(6, 7, batch_first=True), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm(self.conv(pad(x.transpose(1, 2), (2, 0))))).transpose(1, 2)
        pooled: Tensor = self.out(self.gru(y)[0].mean(1))
        return pooled


class Words(nn.Module):
    """An embedding, time first, packed by length; the state at the end and all frames."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(11, 5), nn.LSTM(5, 6)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(tokens), lengths.cpu(), enforce_sorted=False)
        _, (h, c) = self.lstm(packed)
        return torch.cat([h[-1], c[-1]], -1)


MODELS: dict[str, Any] = {
    "LSTM": lambda: Layers("LSTM"),
    "LSTM with projection": lambda: Layers("LSTM", proj_size=5),
    "GRU": lambda: Layers("GRU"),
    "RNN": lambda: Layers("RNN"),
    "RNN of ReLU": lambda: Layers("RNN", nonlinearity="relu"),
    "convolved": Convolved,
}


def sequences(count: int = 6, length: int = 25) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(3)
    return [{"x": rng.standard_normal((length, 4)).astype(np.float32)} for _ in range(count)]


def prepared(name: str, scheme: str) -> QatModule:
    return prepare_qat(randomized(MODELS[name]()), sequences(), scheme, inputs="1,T,4")


def outputs_of(path: Path, engine: str, batch: np.ndarray) -> list[np.ndarray]:
    """All answers [T, ...] to each sequence of a batch."""
    found = []
    with edgernn.load(path, engine=engine) as session:
        for sequence in batch:
            session.reset()
            found.append(np.stack([session.step(frame) for frame in sequence]))
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", MODELS)
def test_what_is_deployed_is_what_was_simulated(name: str, scheme: str, tmp_path: Path) -> None:
    module = prepared(name, scheme)
    batch = np.random.default_rng(1).standard_normal((3, 25, 4)).astype(np.float32)
    train_a_little(module, torch.from_numpy(batch))
    module.observe_ranges()
    simulated = module(torch.from_numpy(batch)).detach().numpy()
    with torch.no_grad():
        np.testing.assert_array_equal(module(torch.from_numpy(batch)).numpy(), simulated)
    report = edgernn.convert(module).save(tmp_path / "model.ern")
    assert report.passed, report.failures()
    for engine in ("reference", "numba"):
        for want, got in zip(simulated, outputs_of(tmp_path / "model.ern", engine, batch), strict=True):
            np.testing.assert_array_equal(got if want.ndim == 2 else got[-1], want)


def train_a_little(module: QatModule, batch: Tensor) -> list[float]:
    """Two steps towards a fixed target; the losses."""
    optimizer, losses = torch.optim.Adam(module.parameters(), 0.01), []
    for _ in range(3):
        loss = (module(batch) - 0.7).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_has_a_gradient_near_that_of_the_floats(name: str) -> None:
    module = prepared(name, "int16x8")
    batch = torch.from_numpy(np.random.default_rng(1).standard_normal((3, 25, 4)).astype(np.float32))
    module(batch).square().sum().backward()
    gradients = {n: p.grad.clone() for n, p in module.weights.items() if p.grad is not None}
    assert set(gradients) == set(module.weights)
    for n, gradient in gradients.items():
        slope = finite_difference(module, n, gradient, batch)
        assert abs(slope - float(gradient.norm())) < 0.15 * abs(slope) + 1e-3, n


def finite_difference(module: QatModule, name: str, gradient: Tensor, batch: Tensor) -> float:
    """Slope of the same sum in floating point along the gradient of one weight."""
    direction, sums = gradient / gradient.norm().clamp_min(1e-12), []
    for sign in (1, -1):
        with torch.no_grad():
            module.weights[name] += sign * 1e-3 * direction
            rows = [module.run_float({"x": sequence.numpy()}, torch.float64) for sequence in batch]
            module.weights[name] -= sign * 1e-3 * direction
        ends = [next(iter(row.values())) for row in rows]
        if module.layout.results[0].time is None:
            ends = [values[-1] for values in ends]
        sums.append(sum(float(np.square(values).sum()) for values in ends))
    return (sums[0] - sums[1]) / 2e-3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_training_brings_the_loss_down(scheme: str) -> None:
    losses = train_a_little(prepared("GRU", scheme), torch.randn(4, 25, 4, generator=torch.Generator().manual_seed(0)))
    assert losses[2] < losses[1] < losses[0]


def test_lengths_say_where_sequences_end() -> None:
    rng = np.random.default_rng(2)
    tokens = [{"tokens": rng.integers(0, 11, (12, 1)).astype(np.int32)} for _ in range(5)]
    module = prepare_qat(randomized(Words()), tokens, "int16x8", inputs=["int:T,1", "length:1"])
    batch, lengths = torch.from_numpy(rng.integers(0, 11, (12, 4))), torch.tensor([12, 3, 7, 1])
    together = module(batch, lengths)
    assert together.shape == (4, 12)
    for k, length in enumerate(lengths.tolist()):
        alone = module(batch[:length, k : k + 1], torch.tensor([length]))
        np.testing.assert_array_equal(alone[0].detach().numpy(), together[k].detach().numpy())
    together.sum().backward()
    with pytest.raises(UsageError, match=r"lengths must be in 1\.\.12"):
        module(batch, torch.tensor([13, 1, 1, 1]))


def test_a_module_prepared_anew_computes_what_was_saved(tmp_path: Path) -> None:
    batch = torch.randn(2, 25, 4, generator=torch.Generator().manual_seed(0))
    module = prepared("LSTM", "int8")
    train_a_little(module, batch)
    module.observe_ranges()
    train_a_little(module, batch)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    other = prepare_qat(Layers("LSTM"), sequences(), "int8", inputs="1,T,4")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.no_grad():
        assert torch.equal(other(batch), module(batch))


def test_the_module_is_left_as_it_was() -> None:
    module = randomized(Layers("GRU"))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    trained = prepare_qat(module, sequences(), inputs="1,T,4")
    train_a_little(trained, torch.ones(1, 9, 4))
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert "scheme='int16x8'" in repr(trained)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(torch.zeros(2, 5, 3)), r"input 'x': shape \['B', 'T', 4\] expected, found \[2, 5, 3\]"),
        (lambda m: m(torch.zeros(2, 5, 4), 1), "2 tensors were given, the module takes 1"),
        (lambda m: prepare_qat(Layers("GRU"), [], inputs="1,T,4"), "needs calibration"),
        (lambda m: prepare_qat(Layers("GRU"), [{"y": np.zeros((3, 4))}], inputs="1,T,4"), "has inputs"),
        (lambda m: prepare_qat(Layers("GRU"), [{"x": np.zeros((3, 5))}], inputs="1,T,4"), "expected, found"),
        (lambda m: prepare_qat(Layers("GRU"), sequences(), "weights8", inputs="1,T,4"), "weights8"),
        (lambda m: prepare_qat(nn.GRU(4, 5), sequences(), inputs=["T,1,4", "1,1,5"]), "without time|initial"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call(prepared("GRU", "int16x8"))


@pytest.mark.parametrize("layer", [nn.Conv1d(3, 4, 3, padding=1), nn.Conv1d(3, 4, 2, stride=2)])
def test_models_whose_frames_are_not_those_of_the_input_are_refused(layer: nn.Module) -> None:
    class Convolved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = layer

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x.transpose(1, 2)).transpose(1, 2)

    with pytest.raises(UnsupportedModelError, match="its frames are not those of the input"):
        prepare_qat(Convolved(), [{"x": np.zeros((8, 3), np.float32)}], inputs="1,T,3")
