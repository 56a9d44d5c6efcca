"""Encoders and decoders of all kinds of cells and attention, for property tests."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

import edgernn

CELLS = ["gru", "lstm", "rnn"]
ATTENTION = ["none", "dot", "general", "additive", "scaled"]
SYMBOLS, HIDDEN, WIDTH = 7, 4, 6
MAKE = {"gru": nn.GRUCell, "lstm": nn.LSTMCell, "rnn": nn.RNNCell}


class DrawnEncoder(nn.Module):
    """A bidirectional GRU; every state of the decoder is made of its ends."""

    def __init__(self, floats: bool, states: int, memory: bool) -> None:
        super().__init__()
        self.read = nn.Linear(3, 3) if floats else nn.Embedding(SYMBOLS, 3)
        self.gru = nn.GRU(3, WIDTH // 2, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(WIDTH, HIDDEN * states)
        self.states, self.memory = states, memory

    def forward(self, source):
        memory, h = self.gru(self.read(source))
        state = torch.tanh(self.bridge(torch.cat([h[0], h[1]], -1))).chunk(self.states, -1)
        return (memory, state) if self.memory else state


class DrawnDecoder(nn.Module):
    """Cells one on the other, then attention in one of its forms."""

    def __init__(self, cell: str, layers: int) -> None:
        super().__init__()
        self.cell, self.layers = cell, layers
        self.embedding = nn.Embedding(SYMBOLS, 3)
        self.cells = nn.ModuleList(MAKE[cell](HIDDEN if k else 3, HIDDEN) for k in range(layers))
        self.scores = nn.Linear(HIDDEN, SYMBOLS)

    def cells_of(self, token, state):
        x, after, each = self.embedding(token), [], 2 if self.cell == "lstm" else 1
        for k, cell in enumerate(self.cells):
            found = cell(x, tuple(state[2 * k : 2 * k + 2]) if each == 2 else state[k])
            after += found if each == 2 else [found]
            x = after[-each]
        return x, tuple(after)

    def forward(self, token, state):
        h, after = self.cells_of(token, state)
        return self.scores(h), after


class DrawnAttentive(DrawnDecoder):
    def __init__(self, cell: str, layers: int, attention: str) -> None:
        super().__init__(cell, layers)
        self.attention = attention
        self.query, self.key, self.v = nn.Linear(HIDDEN, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 1)
        self.scores = nn.Linear(HIDDEN + WIDTH, SYMBOLS)

    def forward(self, token, state, memory, mask):
        h, after = self.cells_of(token, state)
        query = self.query(h)
        if self.attention == "scaled":
            query, mask = query.unsqueeze(1), mask.unsqueeze(1)
            context = F.scaled_dot_product_attention(query, memory, memory, attn_mask=mask)[:, 0]
            return self.scores(torch.cat([h, context], -1)), after
        if self.attention == "additive":
            score = self.v(torch.tanh(self.key(memory) + query.unsqueeze(1))).squeeze(-1)
        else:
            keys = self.key(memory) if self.attention == "general" else memory
            score = torch.einsum("btm,bm->bt", keys, query)
        weights = score.masked_fill(~mask, float("-inf")).softmax(-1)
        context = (weights.unsqueeze(-1) * memory).sum(1)
        return self.scores(torch.cat([h, context], -1)), after


def drawn(cell: str, attention: str, floats: bool, layers: int) -> edgernn.Seq2Seq:
    torch.manual_seed(0)
    states = layers * (2 if cell == "lstm" else 1)
    encoder = DrawnEncoder(floats, states, attention != "none")
    decoder = DrawnDecoder(cell, layers) if attention == "none" else DrawnAttentive(cell, layers, attention)
    return edgernn.Seq2Seq(encoder, decoder, start=1, end=2, max_output=6).eval()
