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
