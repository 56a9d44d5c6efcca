"""Encoders and decoders as people write them."""

from __future__ import annotations

import torch
from torch import nn

import edgernn

SYMBOLS, HIDDEN = 9, 6


class BiLstmEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 5)
        self.lstm = nn.LSTM(5, HIDDEN, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * HIDDEN, HIDDEN)

    def forward(self, source):
        memory, (h, _) = self.lstm(self.embedding(source))
        return memory, torch.tanh(self.bridge(torch.cat([h[0], h[1]], -1)))


class AttentionDecoder(nn.Module):
    """Dot attention after Luong, masked where sources are padded."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 4)
        self.cell = nn.GRUCell(4, HIDDEN)
        self.query = nn.Linear(HIDDEN, 2 * HIDDEN)
        self.scores = nn.Linear(3 * HIDDEN, SYMBOLS)

    def forward(self, token, state, memory, mask=None):
        state = self.cell(self.embedding(token), state)
        score = torch.bmm(memory, self.query(state).unsqueeze(-1)).squeeze(-1)
        if mask is not None:
            score = score.masked_fill(~mask, float("-inf"))
        context = torch.bmm(score.softmax(-1).unsqueeze(1), memory).squeeze(1)
        return self.scores(torch.cat([state, context], -1)), state


class LstmEncoder(nn.Module):
    """The last states alone."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 5)
        self.lstm = nn.LSTM(5, HIDDEN, batch_first=True)

    def forward(self, source):
        _, (h, c) = self.lstm(self.embedding(source))
        return h[-1], c[-1]


class LstmDecoder(nn.Module):
    """Without attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 4)
        self.cell = nn.LSTMCell(4, HIDDEN)
        self.scores = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, token, state):
        h, c = self.cell(self.embedding(token), state)
        return self.scores(h), (h, c)


def attentive(max_output: int = 12) -> edgernn.Seq2Seq:
    torch.manual_seed(0)
    return edgernn.Seq2Seq(BiLstmEncoder(), AttentionDecoder(), start=1, end=2, max_output=max_output).eval()


def plain(max_output: int = 12) -> edgernn.Seq2Seq:
    torch.manual_seed(0)
    return edgernn.Seq2Seq(LstmEncoder(), LstmDecoder(), start=1, end=2, max_output=max_output).eval()


class FeedingEncoder(BiLstmEncoder):
    """Takes lengths, and begins some states with zeros."""

    def forward(self, source, lengths):
        memory, h = super().forward(source)
        return memory, (h, torch.zeros_like(h), memory.new_zeros(memory.size(0), memory.size(2)))


class FeedingDecoder(nn.Module):
    """Additive attention after Bahdanau, whose context is fed to the next step, after Luong."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 4)
        self.cell = nn.LSTMCell(4 + 2 * HIDDEN, HIDDEN)
        self.key, self.query, self.energy = nn.Linear(2 * HIDDEN, 5), nn.Linear(HIDDEN, 5), nn.Linear(5, 1)
        self.scores = nn.Linear(3 * HIDDEN, SYMBOLS)

    def forward(self, token, state, memory, mask):
        h, c, context = state
        h, c = self.cell(torch.cat([self.embedding(token), context], -1), (h, c))
        energy = self.energy(torch.tanh(self.key(memory) + self.query(h).unsqueeze(1))).squeeze(-1)
        weights = energy.masked_fill(~mask, float("-inf")).softmax(-1)
        context = (weights.unsqueeze(-1) * memory).sum(1)
        return self.scores(torch.cat([h, context], -1)).log_softmax(-1), (h, c, context)


def feeding(max_output: int = 12) -> edgernn.Seq2Seq:
    torch.manual_seed(0)
    return edgernn.Seq2Seq(FeedingEncoder(), FeedingDecoder(), start=1, end=2, max_output=max_output).eval()


class ShiftingEncoder(LstmEncoder):
    """Four states: one that changes, one that stays, and those of the steps before."""

    def forward(self, source):
        h, c = super().forward(source)
        return h, torch.tanh(c), torch.zeros_like(h), h


class ShiftingDecoder(nn.Module):
    def __init__(self, exchanges: bool) -> None:
        super().__init__()
        self.exchanges = exchanges
        self.embedding, self.cell = nn.Embedding(SYMBOLS, 4), nn.GRUCell(4 + 2 * HIDDEN, HIDDEN)
        self.scores = nn.Linear(2 * HIDDEN, SYMBOLS)

    def forward(self, token, state):
        h, kept, before, long_before = state
        after = self.cell(torch.cat([self.embedding(token), kept, long_before], -1), h)
        scores = self.scores(torch.cat([after, before], -1))
        return scores, (after, kept, *((long_before, before) if self.exchanges else (h, before)))


def shifting(exchanges: bool = False) -> edgernn.Seq2Seq:
    torch.manual_seed(0)
    return edgernn.Seq2Seq(ShiftingEncoder(), ShiftingDecoder(exchanges), start=1, end=2, max_output=6).eval()
