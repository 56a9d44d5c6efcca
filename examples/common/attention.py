"""An encoder and a decoder with attention, for texts that become other texts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgernn import Seq2Seq

START, END, SYMBOLS = 1, 2, 3
"""What every output alphabet begins with: nothing (0), the start, the end; its symbols from SYMBOLS on."""


@dataclass(frozen=True)
class Size:
    """inputs, outputs: symbols of either side; embedding, hidden: features; hidden is that of the decoder, even."""

    inputs: int
    outputs: int
    embedding: int
    hidden: int
    dropout: float = 0.2


class Encoder(nn.Module):
    """Symbols [B, T] to a memory [B, T, H], by a GRU from either end, and the first state [B, H] of a decoder."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.inputs, size.embedding)
        self.dropout = nn.Dropout(size.dropout)
        self.gru = nn.GRU(size.embedding, size.hidden // 2, batch_first=True, bidirectional=True)
        self.begin = nn.Linear(size.hidden, size.hidden)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        memory, last = self.gru(self.dropout(self.embedding(source)))
        return memory, torch.tanh(self.begin(torch.cat((last[-2], last[-1]), dim=-1)))


class Decoder(nn.Module):
    """A symbol [B], the state [B, H] and the memory [B, T, H] to scores of the next symbols [B, symbols] and the state.

    Attention is that of Luong et al. (2015), "general", from the state before, as Bahdanau et al. (2015) have it.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.outputs, size.embedding)
        self.query = nn.Linear(size.hidden, size.hidden, bias=False)
        self.cell = nn.GRUCell(size.embedding + size.hidden, size.hidden)
        self.dropout = nn.Dropout(size.dropout)
        self.head = nn.Linear(2 * size.hidden, size.outputs)

    def forward(
        self, token: Tensor, state: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        context = (self.weights(state, memory, mask).unsqueeze(1) @ memory).squeeze(1)
        state = self.cell(torch.cat((self.embedding(token), context), dim=-1), state)
        return self.head(self.dropout(torch.cat((state, context), dim=-1))), state

    def weights(self, state: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """How much of each frame of the memory is looked at, [B, T]."""
        scores = (memory @ self.query(state).unsqueeze(-1)).squeeze(-1)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return torch.softmax(scores, dim=-1)


def translator(size: Size, max_output: int) -> Seq2Seq:
    """The two as one module, with new weights."""
    return Seq2Seq(Encoder(size), Decoder(size), start=START, end=END, max_output=max_output)
