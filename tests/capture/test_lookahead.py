"""Bidirectional layers with look-ahead: the module, what it converts to, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence
from torch.utils import _pytree as pytree

import edgernn
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ops import Gru, Lookahead
from edgernn.ops.evaluate import run_sequence
from edgernn.validation.layers import joined_rows
from tests.capture.support import check, randomized

LAYERS: list[tuple[Any, dict[str, Any]]] = [
    (nn.LSTM, {}), (nn.LSTM, {"proj_size": 2}), (nn.GRU, {"bias": False}), (nn.RNN, {"nonlinearity": "relu"}),
]  # fmt: skip


def layer(kind: Any = nn.GRU, size: int = 3, layers: int = 1, **options: Any) -> Any:
    return kind(size, 4, num_layers=layers, bidirectional=True, batch_first=True, **options)


def window_by_window(rnn: Any, x: Tensor, chunk: int, ahead: int) -> Tensor:
    """The definition: layer after layer, chunk after chunk, with layers of one direction."""
    parameters = dict(rnn.named_parameters())
    for number in range(rnn.num_layers):

        def one(frames: Tensor, side: str, number: int = number) -> Tensor:
            options = {"nonlinearity": rnn.nonlinearity} if isinstance(rnn, nn.RNN) else {"proj_size": rnn.proj_size}
            options = {} if isinstance(rnn, nn.GRU) else options
            alone = type(rnn)(frames.shape[-1], rnn.hidden_size, bias=rnn.bias, **options).to(frames.dtype)
            weights = {n: parameters[n.replace("_l0", f"_l{number}{side}")] for n, _ in alone.named_parameters()}
            return torch.func.functional_call(alone, weights, (frames,))[0]  # type: ignore[no-any-return]

        parts = [
            one(x[k : k + chunk + ahead].flip(0), "_reverse").flip(0)[:chunk] for k in range(0, len(x), chunk)
        ]
        x = torch.cat([one(x, ""), torch.cat(parts)], -1)
    return x


@pytest.mark.parametrize(
    ("frames", "chunk", "ahead", "layers"), [(11, 4, 4, 2), (5, 8, 3, 1), (9, 3, 0, 2), (8, 2, 5, 2)]
)
@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_outputs_and_gradients_are_those_of_single_windows(
    kind: Any, options: dict[str, Any], frames: int, chunk: int, ahead: int, layers: int
) -> None:
    torch.manual_seed(0)
    rnn = layer(kind, layers=layers, **options).double()
    x = torch.randn(frames, 3, dtype=torch.float64, requires_grad=True)
    module = edgernn.LookaheadRNN(rnn, chunk, ahead)
    found, wanted = module(x)[0], window_by_window(rnn, x, chunk, ahead)
    torch.testing.assert_close(found, wanted)
    weight = torch.randn_like(wanted)
    inputs = [x, *rnn.parameters()]
    pairs = zip(*(torch.autograd.grad((y * weight).sum(), inputs) for y in (found, wanted)), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b)


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_one_chunk_of_all_frames_is_the_bidirectional_layer(kind: Any, options: dict[str, Any]) -> None:
    rnn = layer(kind, layers=2, **options)
    module = edgernn.LookaheadRNN(rnn, 7, 1)
    assert module.state_dict().keys() == rnn.state_dict().keys()
    for x in (torch.randn(3, 7, 3), torch.randn(7, 3), torch.randn(2, 1, 3)):
        for found, wanted in zip(*(pytree.tree_leaves(m(x)) for m in (module, rnn)), strict=True):
            torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_packed_sequences_are_each_as_alone(kind: Any) -> None:
    module = edgernn.LookaheadRNN(layer(kind, layers=2), 3, 2)
    sequences = [torch.randn(n, 3) for n in (9, 2, 7)]
    packed, state = module(pack_sequence(sequences, enforce_sorted=False))
    output, _ = pad_packed_sequence(packed, batch_first=True)
    for k, sequence in enumerate(sequences):
        alone, of_alone = module(sequence)
        torch.testing.assert_close(output[k, : len(sequence)], alone)
        for found, wanted in zip(pytree.tree_leaves(state), pytree.tree_leaves(of_alone), strict=True):
            torch.testing.assert_close(found[:, k], wanted)


def test_initial_states_of_the_backward_direction_begin_each_window() -> None:
    rnn, h = layer(), torch.randn(2, 1, 4)
    first = edgernn.LookaheadRNN(rnn, 3, 1)(x := torch.randn(1, 6, 3), h)[0]
    torch.testing.assert_close(first[:, :3], rnn(x[:, :4], h)[0][:, :3])
    assert not torch.allclose(first[:, 3:, 4:], edgernn.LookaheadRNN(rnn, 3, 1)(x)[0][:, 3:, 4:])


def test_replacing_layers_leaves_the_model_as_it_was() -> None:
    shared = layer()
    model = nn.ModuleDict({"a": shared, "b": shared, "c": nn.GRU(3, 4)})
    replaced = edgernn.with_lookahead(model, 4, 2)
    assert replaced["a"] is replaced["b"] and isinstance(replaced["a"], edgernn.LookaheadRNN)  # type: ignore[index]
    assert model["a"] is shared and isinstance(replaced["c"], nn.GRU)  # type: ignore[index]
    assert isinstance(edgernn.with_lookahead(shared, 1, 0), edgernn.LookaheadRNN)


def test_what_it_cannot_be_made_of() -> None:
    with pytest.raises(UsageError, match="no bidirectional"):
        edgernn.with_lookahead(nn.GRU(3, 4), 2, 2)
    with pytest.raises(UsageError, match="GRU of one direction"):
        edgernn.LookaheadRNN(nn.GRU(3, 4), 2, 2)
    with pytest.raises(UsageError, match="at least 1 frame"):
        edgernn.LookaheadRNN(layer(), 0, 2)
    own = type("Own", (nn.GRU,), {"forward": lambda self, x: x})
    with pytest.raises(UsageError, match="forward of its own"):
        edgernn.LookaheadRNN(layer(own), 2, 2)


def test_the_op_of_sequences_is_the_backward_direction() -> None:
    rnn = layer()
    x = torch.randn(1, 10, 3)
    weights = [p.detach().numpy() for n, p in rnn.named_parameters() if n.endswith("_reverse")]
    op = Lookahead(Gru(4), 3, 4, first=1)
    late = np.concatenate([np.full((1, 3), np.nan, np.float32), x[0].numpy()])
    y, waiting = op.reference(late, np.zeros(4, np.float32), *weights)
    wanted = edgernn.LookaheadRNN(rnn, 3, 4)(x)[0][0, :, 4:].detach().numpy()
    assert (op.late, op.history) == (6, 5)
    np.testing.assert_allclose(y[6:], wanted[:5], atol=1e-6)
    np.testing.assert_array_equal(waiting[6:], x[0, :5].numpy())


class Tagger(nn.Module):
    """Between layers that look ahead and a residual connection."""

    def __init__(self, kind: Any = nn.GRU, chunk: int = 4, ahead: int = 3, layers: int = 2, side: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 2 * side + 1, padding=side)
        self.rnn = edgernn.LookaheadRNN(layer(kind, layers=layers), chunk, ahead)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x.transpose(1, 2)).transpose(1, 2)
        return self.fc(self.rnn(y)[0]) + x


@settings(max_examples=7, deadline=None)
@given(st.data())
def test_streams_are_the_module(data: st.DataObject) -> None:
    """Sequences of any number of chunks, from the first frame to the last."""
    kind = data.draw(st.sampled_from([nn.GRU, nn.LSTM, nn.RNN]))
    chunk, ahead, layers, side = (data.draw(st.integers(a, b)) for a, b in ((1, 6), (0, 8), (1, 2), (0, 2)))
    module = randomized(Tagger(kind, chunk, ahead, layers, side)).eval()
    model = edgernn.convert(module, inputs="1,T,3")
    assert model.interface.hop == chunk
    assert model.interface.delay <= layers * -(-ahead // chunk) + -(-side // chunk)
    for steps in data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=2)):
        x = np.random.default_rng(steps).standard_normal((steps, chunk, 3)).astype(np.float32)
        found = run_sequence(model.graph, {"x": x if chunk > 1 else x[:, 0]})["output"].reshape(-1, 3)
        with torch.no_grad():
            wanted = module(torch.from_numpy(x).reshape(1, -1, 3))[0]
        np.testing.assert_allclose(found, wanted.numpy(), atol=2e-5)


@pytest.mark.parametrize("engine", ["numba", "native", "onnxruntime", "tflite"])
def test_engines(engine: str) -> None:
    report = check(edgernn.convert(randomized(Tagger(nn.LSTM)), inputs="1,T,3"), engine)
    assert report.passed, report.failures()


@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4", "weights8"])
def test_integers(scheme: str, tmp_path: Path) -> None:
    frames = np.random.default_rng(1).standard_normal((4, 40, 3)).astype(np.float32)
    kind, layers, suffixes = {
        "int16x8": (nn.LSTM, 1, (".ern", ".so", ".onnx", ".tflite")), "int8": (nn.LSTM, 1, (".so",)),
        "int16x4": (nn.GRU, 1, (".ern",)), "weights8": (nn.GRU, 1, (".so",)),
    }[scheme]  # fmt: skip
    module = randomized(Tagger(kind, layers=layers))
    model = edgernn.convert(module, inputs="1,T,3").quantize(list(frames), scheme)
    reports = [model.save(tmp_path / f"model{suffix}") for suffix in suffixes]
    assert all(report.passed for report in reports), [report.failures() for report in reports]
    weights = [a for n, a in model.graph.constants.items() if a.dtype == np.int8 and a.ndim == 2 and "rnn" in n]
    rows = {row.op: row.times for row in joined_rows(model.graph) if row.macs and "linear" not in row.op}
    assert set(rows.values()) <= {4, 7} and rows, "a chunk of 4 frames, and 3 ahead"
    assert len(weights) == 4 * layers, "each direction of a layer has its two matrices once, not for each frame"


class Rates(nn.Module):
    """Chunks of several sizes, after and before a stride, more frames than the input, and only then cut."""

    def __init__(self) -> None:
        super().__init__()
        self.first = edgernn.LookaheadRNN(layer(), 2, 3)
        self.pool = nn.MaxPool1d(2)
        self.second = edgernn.LookaheadRNN(layer(nn.RNN, 8), 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.pad(x, (0, 0, 2, 3))
        y = self.first(y)[0][:, 1:-4]
        return self.second(self.pool(y.transpose(1, 2)).transpose(1, 2))[0]


class Pooled(nn.Module):
    """Answers at the end, from packed frames."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = edgernn.LookaheadRNN(layer(), 2, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        packed = self.rnn(pack_padded_sequence(x, lengths, batch_first=True))[0]
        y = pad_packed_sequence(packed, batch_first=True)[0]
        return y.mean(1), y[:, -1]


@pytest.mark.parametrize(("module", "inputs"), [(Rates(), "1,T,3"), (Pooled(), ["1,T,3", "length:1"])])
def test_around_other_operations_of_time(module: nn.Module, inputs: Any) -> None:
    report = check(edgernn.convert(randomized(module), inputs=inputs))
    assert report.passed, report.failures()


class Ends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = edgernn.LookaheadRNN(layer(), 2, 3)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        y, last = self.rnn(x, h)
        return y if h is not None else torch.cat([last[-2], last[-1]], -1)


@pytest.mark.parametrize(
    ("options", "reason", "remedy"),
    [
        ({"inputs": "1,T,3"}, "backward direction belong to the first frame", "mean or maximum"),
        ({"inputs": ["1,T,3", "2,1,4"]}, "argument of forward", "from a parameter"),
        ({"inputs": "1,T,3", "mode": "segment", "max_frames": 9}, "chunk by chunk", "the bidirectional layer"),
    ],
)
def test_refused(options: dict[str, Any], reason: str, remedy: str) -> None:
    with pytest.raises(UnsupportedModelError, match=f"(?s){reason}.*{remedy}"):
        edgernn.convert(Ends(), **options)


def test_tracing_ends_with_the_conversion() -> None:
    module = Ends()
    with pytest.raises(UnsupportedModelError):
        edgernn.convert(module, inputs="1,T,3")
    module(torch.randn(2, 5, 3)).sum().backward()
    assert all(p.grad is not None for p in module.parameters())
