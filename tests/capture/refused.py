"""Models that cannot stream: what test_refusals.py checks."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


def adaptive_pooling(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    return F.adaptive_avg_pool1d(y.transpose(1, 2), 2)  # here


def variance_over_time(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0].var(dim=1)  # here


def replicated(self: Any, x: Tensor) -> Tensor:
    return F.pad(x.transpose(1, 2), (2, 0), mode="replicate")  # here


def ones_before(self: Any, x: Tensor) -> Tensor:
    return F.pad(x.transpose(1, 2), (2, 0), value=1.0)  # here


def attention_of_frames(self: Any, x: Tensor) -> Tensor:
    y = self.gru(x)[0]
    weights = torch.softmax(self.score(y), dim=1)
    return self.gru(weights * x)[0]  # here


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


def flip(self: Any, x: Tensor) -> Tensor:
    return self.gru(torch.flip(x, [1]))[0]  # here


def first_frame(self: Any, x: Tensor) -> Tensor:
    return self.gru(x)[0][:, 0]  # here


def joined_in_time(self: Any, x: Tensor) -> Tensor:
    return torch.cat([torch.ones(1, 1, 6), x], dim=1)  # here


def picked_frames(self: Any, x: Tensor) -> Tensor:
    return x[:, torch.tensor([0, 3])]  # here


def loop_that_counts(self: Any, x: Tensor) -> Tensor:
    h, out = torch.zeros(1, 5), []
    for t in range(x.size(1)):
        h = self.cell(x[:, t], h) * t  # here
        out.append(h)
    return torch.stack(out, 1)


def loop_over_some(self: Any, x: Tensor) -> Tensor:
    h, out = torch.zeros(1, 5), []
    for frame in x.unbind(1):  # here
        h = self.cell(frame, h)
        out.append(h)
    return torch.stack(out[2:], 1)


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
    return torch.angle(torch.fft.rfft(x))  # here


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
    (adaptive_pooling, "divided into 2 parts", "pool it to 1"),
    (variance_over_time, "is no number", "unbiased=False"),
    (replicated, "padding of time of mode 'replicate'", "with zeros"),
    (ones_before, "frames of 1.0", "zeros"),
    (attention_of_frames, "over time", "a weighted mean"),
    (standardized_over_time, "the future would be needed", "only values of the end"),
    (self_attention, "every other frame", "recurrent layers"),
    (multihead_attention, "every other frame", "recurrent layers"),
    (transformer, "every other frame", "recurrent layers"),
    (flip, "it reverses the sequence", "--mode segment"),
    (first_frame, "frame 0 of the sequence is taken", "take the last frame"),
    (joined_in_time, "joined one after the other", "take the last frame"),
    (picked_frames, "picked by index", "take the last frame"),
    (loop_that_counts, "Python loop over time", "every step of the loop do the same"),
    (loop_over_some, "Python loop over time", "every step of the loop do the same"),
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
    (fourier, "angle of complex numbers", "view_as_real"),
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
