"""What cannot stream is refused with the line of the user's code, the reason and what to do."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import edgernn
from edgernn.errors import UnsupportedModelError
from tests.capture.support import refusal

Case = tuple[Callable[[Any, Tensor], Any], str, str]


class Parts(nn.Module):
    """What the cases use; ``body`` is a method of the model."""

    def __init__(self, body: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.body = body
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.time_first = nn.GRU(6, 5)
        self.both_ways = nn.LSTM(6, 5, batch_first=True, bidirectional=True)
        self.cell = nn.GRUCell(6, 5)
        self.score = nn.Linear(5, 1)
        self.conv = nn.Conv1d(6, 6, 3, padding=1)
        self.positions = nn.Embedding(100, 6)
        self.register_buffer("encoding", torch.randn(1, 100, 6))
        self.instance_norm, self.group_norm = nn.InstanceNorm1d(5), nn.GroupNorm(1, 5)
        self.batch_statistics = nn.BatchNorm1d(5, track_running_stats=False)
        self.batch_norm = nn.BatchNorm1d(6)
        self.attention = nn.MultiheadAttention(5, 1, batch_first=True)
        self.transformer = nn.TransformerEncoderLayer(6, 2, batch_first=True)

    def forward(self, x: Tensor) -> Any:
        return self.body(self, x)


def bidirectional(self: Any, x: Tensor) -> Tensor:
    return self.both_ways(x)[0]  # here


def mean_over_time(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0].mean(dim=1)  # here


def max_over_time(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0].max(dim=1)[0]  # here


def adaptive_pooling(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    return F.adaptive_avg_pool1d(y.transpose(1, 2), 1)  # here


def attention_pooling(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    weights = torch.softmax(self.score(y), dim=1)  # here
    return (weights * y).sum(1)


def standardized_over_time(self: Any, x: Tensor) -> Tensor:
    return self.gru((x - x.mean(1, keepdim=True)) / 2)[0]  # here


def self_attention(self: Any, x: Tensor) -> Tensor:
    scores = x @ x.transpose(1, 2) / math.sqrt(6)  # here
    return torch.softmax(scores, -1) @ x


def multihead_attention(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    return self.attention(y, y, y)[0]  # here


def transformer(self: Any, x: Tensor) -> Tensor:
    return self.transformer(x)  # here


def convolution(self: Any, x: Tensor) -> Tensor:
    return self.conv(x.transpose(1, 2))  # here


def flip(self: Any, x: Tensor) -> Tensor:
    return self.gru(torch.flip(x, [1]))[0]  # here


def first_frame(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0][:, 0]  # here


def without_first(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0][:, 1:]  # here


def every_second(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0][:, ::2]  # here


def differences(self: Any, x: Tensor) -> Tensor:
    return self.gru(x[:, 1:] - x[:, :-1])[0]  # here


def cumulative(self: Any, x: Tensor) -> Tensor:
    return torch.cumsum(x, 1)  # here


def joined_in_time(self: Any, x: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, 1, 6), x], dim=1)  # here


def picked_frames(self: Any, x: Tensor) -> Tensor:
    return x[:, torch.tensor([0, 3])]  # here


def loop(self: Any, x: Tensor) -> Tensor:
    h, out = torch.zeros(1, 5), []
    for t in range(x.size(1)):
        h = self.cell(x[:, t], h)  # here
        out.append(h)
    return torch.stack(out, 1)


def loop_over_unbound(self: Any, x: Tensor) -> Tensor:
    h = torch.zeros(1, 5)
    for frame in x.unbind(1):  # here
        h = self.cell(frame, h)
    return h


def if_on_length(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    return y * 2 if x.size(1) > 12 else torch.tanh(y)  # here


def if_on_data(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    if y.sum() > 0:  # here
        return y
    return -y


def selected_by_value(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    return y[y > 0]  # here


def numpy_inside(self: Any, x: Tensor) -> Tensor:
    return torch.from_numpy(self.gru(x)[0].numpy())  # here


def positional_encoding(self: Any, x: Tensor) -> Tensor:
    return self.gru(x + self.encoding[:, : x.size(1)])[0]  # here


def positional_embedding(self: Any, x: Tensor) -> Tensor:
    positions = self.positions(torch.arange(x.size(1)))
    return self.gru(x + positions)[0]  # here


def end_with_frames(self: Any, x: Tensor) -> Tensor:
    y, h = self.gru(x)
    return y + h[-1].unsqueeze(1)  # here


def end_repeated(self: Any, x: Tensor) -> Tensor:
    _, h = self.gru(x)
    return h[-1].unsqueeze(1).repeat(1, x.size(1), 1)  # here


def wrong_axis(self: Any, x: Tensor) -> Tensor:
    return self.time_first(x)[0]  # here


def random_noise(self: Any, x: Tensor) -> Tensor:
    return self.gru(x + torch.randn_like(x))[0]  # here


def random_constant(self: Any, x: Tensor) -> Tensor:
    return self.gru(x, torch.randn(1, 1, 5))[0]  # here


def dropout_always_on(self: Any, x: Tensor) -> Tensor:
    return F.dropout(self.gru(x)[0], 0.5)  # here


def fourier(self: Any, x: Tensor) -> Tensor:
    return torch.fft.rfft(x).real  # here


def unknown_operation(self: Any, x: Tensor) -> Tensor:
    return torch.special.i0(x)  # here


def state_from_input(self: Any, x: Tensor) -> Tensor:
    h0 = torch.tanh(x[:, -1:, :5]).transpose(0, 1)
    return self.gru(x, h0)[0]  # here


def normalized_over_time(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0].transpose(1, 2)
    return self.instance_norm(y)  # here


def groups_over_time(self: Any, x: Tensor) -> Tensor:
    return self.group_norm(self.gru(x)[0].transpose(1, 2))  # here


def batch_statistics(self: Any, x: Tensor) -> Tensor:
    return self.batch_statistics(self.gru(x)[0].transpose(1, 2))  # here


def time_as_channels(self: Any, x: Tensor) -> Tensor:
    return F.layer_norm(x.transpose(1, 2), (x.size(1),))  # here


def frames_mixed(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0].view(1, 5, -1)  # here


def argmax(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0].argmax(-1)  # here


def comparison(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    return y * (y > 0)  # here


def half_precision(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0].half()  # here


def in_place_on_input(self: Any, x: Tensor) -> Tensor:
    x += 1  # here
    return self.gru(x)[0]


CASES: list[Case] = [
    (bidirectional, "reads the sequence backwards", "bidirectional=False"),
    (mean_over_time, "needs the whole sequence", "take the last output"),
    (max_over_time, "needs the whole sequence", "take the last output"),
    (adaptive_pooling, "pooling", "take the last output"),
    (attention_pooling, "along time", "take the last output"),
    (standardized_over_time, "needs the whole sequence", "take the last output"),
    (self_attention, "every other frame", "recurrent layers"),
    (multihead_attention, "every other frame", "recurrent layers"),
    (transformer, "every other frame", "recurrent layers"),
    (convolution, "convolution is not supported yet", "linear layer on each frame"),
    (flip, "along time", "take the last output"),
    (first_frame, "frame 0 of the sequence is taken", "take the last frame"),
    (without_first, "cuts the sequence", "take the last frame"),
    (every_second, "cuts the sequence", "take the last frame"),
    (differences, "cuts the sequence", "outside the model"),
    (cumulative, "along time", "take the last output"),
    (joined_in_time, "depends on the length", "keep one axis for time"),
    (picked_frames, "picked by index", "take the last frame"),
    (loop, "Python loop over time", "step module"),
    (loop_over_unbound, "Python loop over time", "step module"),
    (if_on_length, "an if on the length", "step module"),
    (if_on_data, "depends on the values of the data", "outside the model"),
    (selected_by_value, "truth values", "outside the model"),
    (numpy_inside, "NumPy", "torch function"),
    (positional_encoding, "changes along time, such as a positional encoding", "further input"),
    (positional_embedding, "changes along time, such as a positional encoding", "further input"),
    (end_with_frames, "the future would be needed", "only values of the end"),
    (end_repeated, "the future would be needed", "as a state"),
    (wrong_axis, "runs over axis 0 of its input, but time is axis 1", "batch_first=True"),
    (random_noise, "random numbers", "feed the noise"),
    (random_constant, "random numbers", "feed the noise"),
    (dropout_always_on, "in evaluation mode too", "training=self.training"),
    (fourier, "Fourier", "outside the model"),
    (unknown_operation, "no rule for this operation", "docs/operations.md"),
    (state_from_input, "initial state is computed from the input", "start from zeros"),
    (normalized_over_time, "normalises over time", "LayerNorm"),
    (groups_over_time, "normalises over time", "LayerNorm"),
    (batch_statistics, "statistics of the batch", "track_running_stats=True"),
    (time_as_channels, "time", ""),
    (frames_mixed, "mixes time with other axes ([1, T, 5] to [1, 5, T])", "transpose or permute"),
    (argmax, "positions", "what the session gives"),
    (comparison, "truth values", "relu"),
    (half_precision, "torch.float16", "float32"),
    (in_place_on_input, "changes its input in place", "x.clone()"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_refused_with_line_reason_and_remedy(case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    body, reason, remedy = case
    error = refusal(Parts(body))
    lines, start = inspect.getsourcelines(body)
    number = next(k for k, line in enumerate(lines) if "# here" in line)
    code = lines[number].strip()
    message = str(error)
    assert error.source == f"test_refusals.py:{start + number} in {body.__name__}: {code}"
    assert message.startswith(f"test_refusals.py:{start + number} in {body.__name__}: ")
    assert f"\n    {code}\n  what to do: " in message
    assert reason in error.reason and remedy in error.remedy
    assert capfd.readouterr() == ("", "")


def test_line_within_a_submodule_and_its_path() -> None:
    class Pooling(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.ModuleDict({"rnn": nn.GRU(6, 5, batch_first=True), "pool": Pooling()})

        def forward(self, x: Tensor) -> Tensor:
            return self.encoder["pool"](self.encoder["rnn"](x)[0])

    error = refusal(Net())
    assert "return x.mean(1)" in error.source
    assert error.node == "aten.mean.dim (encoder.pool)"


def test_line_of_a_call_with_packed_sequences() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True, bidirectional=True)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            packed, _ = self.lstm(packed)
            return nn.utils.rnn.pad_packed_sequence(packed)[0]

    error = refusal(Net(), ["1,T,6", "length:1"])
    assert "packed, _ = self.lstm(packed)" in error.source
    assert error.node == "aten.lstm.input (lstm)"


def test_without_user_code_the_path_says_where() -> None:
    error = refusal(nn.GRU(6, 5, bidirectional=True, batch_first=True))
    assert error.source == "" and str(error).startswith("cannot convert 'aten.gru.input'")


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [("2,T,6", "batch size 2"), ("T,1,6", "runs over axis 1 of its input, but time is axis 0")],
)
def test_shapes_of_the_input(inputs: str, reason: str) -> None:
    error = refusal(Parts(lambda self, x: self.gru(x)[0]), inputs)
    assert reason in error.reason and error.remedy


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda self, x: None, "returns no tensor"),
        (lambda self, x: torch.zeros(1, x.size(1), 3), "'output' does not depend on the input"),
        (lambda self, x: (self.gru(x)[0], self.encoding), "'output_1' does not depend on the input"),
        (lambda self, x: nn.utils.rnn.pack_sequence([x[0]]), "returns a packed sequence"),
    ],
)
def test_outputs(body: Callable[[Any, Tensor], Any], reason: str) -> None:
    error = refusal(Parts(body))
    assert reason in error.reason and error.remedy


class Remembers(nn.Module):
    """Modules that keep their state between calls, in the ways that people write it."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.h: Tensor | None = None
        self.calls = 0
        self.past: list[Tensor] = []
        if how.startswith("buffer"):
            self.register_buffer("memory", torch.zeros(1, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "attribute":
            y, h = self.gru(x, self.h)
            self.h = h.detach()
            return y
        if self.how == "buffer_copied":
            y, h = self.gru(x, self.memory)
            self.memory.copy_(h)
            return y
        if self.how == "buffer_assigned":
            y, self.memory = self.gru(x, self.memory)
            return y
        if self.how == "counter":
            self.calls += 1
            return self.gru(x)[0] * self.calls
        y, h = self.gru(x, self.past[-1] if self.past else None)
        self.past.append(h.detach())
        return y


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("attribute", "hidden state from call to call, or draws random numbers (forward assigns self.h)"),
        ("buffer_copied", "'memory': the module keeps hidden state"),
        ("buffer_assigned", "'memory': the module keeps hidden state"),
        ("counter", "(forward assigns self.calls)"),
        ("list", "hidden state from call to call"),
    ],
)
def test_hidden_state_is_refused(how: str, words: str) -> None:
    error = refusal(Remembers(how))
    assert words in error.reason
    assert "take the state as an argument of forward and return it" in error.remedy
    if how == "buffer_copied":
        assert "self.memory.copy_(h)" in error.source


def test_state_that_each_call_sets_anew_is_fine() -> None:
    class Tutorial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            self.hidden = (torch.zeros(1, x.size(0), 5), torch.zeros(1, x.size(0), 5))
            out, self.hidden = self.lstm(x, self.hidden)
            self.last_attention = out.detach()
            return out

    model = edgernn.convert(Tutorial(), inputs="1,T,6")
    assert len(model.interface.states) == 2


def test_message_of_an_error_without_a_line() -> None:
    error = UnsupportedModelError("no", node="n", remedy="yes")
    assert str(error) == "cannot convert 'n': no\n  what to do: yes"
