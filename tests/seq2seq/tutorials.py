"""Encoders and decoders as tutorials and larger projects have them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

import edgernn

SYMBOLS = 9


class GruEncoder(nn.Module):
    """The last hidden state [1, B, H]."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.gru = nn.Embedding(SYMBOLS, 8), nn.GRU(8, 8, batch_first=True)

    def forward(self, source):
        return self.gru(self.embedding(source))[1]


class GruDecoder(nn.Module):
    """A layer that is called with one symbol as its sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.gru = nn.Embedding(SYMBOLS, 8), nn.GRU(8, 8, batch_first=True)
        self.scores = nn.Linear(8, SYMBOLS)

    def forward(self, symbol, hidden):
        y, hidden = self.gru(F.relu(self.embedding(symbol.unsqueeze(1))), hidden)
        return F.log_softmax(self.scores(y[:, 0]), -1), hidden


class StridedEncoder(nn.Module):
    """Every other frame of a convolution, then two layers in both directions; states [layers, B, H] of a decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 4, stride=2, padding=1)
        self.lstm = nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True)

    def forward(self, source):
        frames = torch.relu(self.conv(source.transpose(1, 2))).transpose(1, 2)
        memory, states = self.lstm(frames)
        h, c = (torch.cat([s[2], s[3]], -1) for s in states)
        return memory, (torch.stack([h, h * 0.5]), torch.stack([c, c]))


class StackedDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(SYMBOLS, 4), nn.LSTM(4, 10, 2, batch_first=True)
        self.scores = nn.Linear(20, SYMBOLS)

    def forward(self, token, state, memory, mask=None):
        y, state = self.lstm(self.embedding(token).unsqueeze(1), state)
        score = y @ memory.transpose(1, 2)
        if mask is not None:
            score = score.masked_fill(~mask.unsqueeze(1), -1e9)
        context = score.softmax(-1) @ memory
        return self.scores(torch.cat([y, context], -1)).squeeze(1), state


class MemoryEncoder(GruEncoder):
    def forward(self, source):
        memory, h = self.gru(self.embedding(source))
        return memory, h[-1]


class MultiHeadDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(SYMBOLS, 4), nn.GRUCell(4, 8)
        self.attention, self.norm = nn.MultiheadAttention(8, 2, batch_first=True), nn.LayerNorm(8)
        self.scores = nn.Linear(8, SYMBOLS)

    def forward(self, token, state, memory, mask=None):
        state = self.cell(self.embedding(token), state)
        hidden = None if mask is None else ~mask
        context, _ = self.attention(state.unsqueeze(1), memory, memory, key_padding_mask=hidden)
        return self.scores(self.norm(state + context.squeeze(1))), state


CASES = {
    "layer as a cell": (GruEncoder, GruDecoder, "int:1,T"),
    "strided and stacked": (StridedEncoder, StackedDecoder, "1,T,4"),
    "several heads": (MemoryEncoder, MultiHeadDecoder, "int:1,T"),
}


def made(name: str) -> edgernn.Seq2Seq:
    torch.manual_seed(0)
    encoder, decoder, _ = CASES[name]
    return edgernn.Seq2Seq(encoder(), decoder(), start=1, end=2, max_output=6).eval()
