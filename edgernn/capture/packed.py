"""Packing of one sequence. torch.export cannot trace PyTorch's, whose sizes depend on the lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils import rnn
from torch.nn.utils.rnn import PackedSequence

from edgernn.capture.patching import replaced


def _pack(input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    batch = 0 if batch_first else 1
    if input.size(batch) != 1:
        raise ValueError(f"pack_padded_sequence of {input.size(batch)} sequences; a stream is one: use batch size 1")
    data = input.squeeze(batch)
    return PackedSequence(data, torch.ones(data.size(0), dtype=torch.int64))


def _pad(sequence: Any, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None) -> Any:
    length = sequence.data.size(0)
    if total_length not in (None, length):
        raise ValueError("pad_packed_sequence to a total_length other than the length of the sequence")
    return sequence.data.unsqueeze(0 if batch_first else 1), torch.full((1,), length, dtype=torch.int64)


def _accepts_packed(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward`` of a recurrent layer, which takes a packed sequence as frames [T, 1, features]."""

    def packed_forward(self: Any, input: Any, hx: Any = None) -> Any:
        if not isinstance(input, PackedSequence):
            return forward(self, input, hx)
        with replaced(self, "batch_first", False):
            output, state = forward(self, input.data.unsqueeze(1), hx)
        return PackedSequence(output.squeeze(1), input.batch_sizes), state

    return packed_forward


@contextmanager
def packing_one_sequence() -> Iterator[None]:
    """Within the context, packing and recurrent layers know that there is one sequence, of full length.

    The code of the two functions is exchanged, since users import them by name.
    """
    functions = (rnn.pack_padded_sequence, rnn.pad_packed_sequence)
    original = [f.__code__ for f in functions]
    with ExitStack() as stack:
        for layer in (nn.RNN, nn.LSTM, nn.GRU):
            stack.enter_context(replaced(layer, "forward", _accepts_packed(layer.forward)))
        try:
            for function, replacement in zip(functions, (_pack, _pad), strict=True):
                function.__code__ = replacement.__code__
            yield
        finally:
            for function, code in zip(functions, original, strict=True):
                function.__code__ = code
