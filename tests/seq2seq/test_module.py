"""Encoder and decoder in PyTorch: training, and the reference of what is written."""

import pytest
import torch
from torch import nn

import edgernn
from edgernn.errors import UsageError
from tests.seq2seq.models import SYMBOLS, AttentionDecoder, BiLstmEncoder, LstmDecoder, LstmEncoder, attentive, plain


@pytest.mark.parametrize("make", [attentive, plain])
def test_teacher_forcing_gives_scores_of_each_symbol_after_those_before(make):
    model = make()
    source, target = torch.randint(0, SYMBOLS, (3, 7)), torch.randint(0, SYMBOLS, (3, 5))
    logits = model(source, target)
    assert logits.shape == (3, 5, SYMBOLS)
    changed = target.clone()
    changed[:, 3] = (changed[:, 3] + 1) % SYMBOLS
    after = model(source, changed)
    torch.testing.assert_close(after[:, :4], logits[:, :4])
    assert not torch.allclose(after[:, 4], logits[:, 4])


def test_memory_that_is_padding_is_masked():
    class PerFrame(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(SYMBOLS, 12)

        def forward(self, source):
            memory = self.embedding(source)
            return memory, memory[:, 0, :6]

    model = edgernn.Seq2Seq(PerFrame(), AttentionDecoder(), start=1, end=2).eval()
    source, target = torch.randint(0, SYMBOLS, (2, 6)), torch.randint(0, SYMBOLS, (2, 4))
    padded = model(source, target, torch.tensor([6, 4]))
    torch.testing.assert_close(padded[1:], model(source[1:, :4], target[1:]))
    assert not torch.allclose(padded[1:], model(source[1:], target[1:]))


def test_an_encoder_may_take_lengths():
    class Packed(BiLstmEncoder):
        def forward(self, source, lengths=None):
            if lengths is None:
                return super().forward(source)
            x = nn.utils.rnn.pack_padded_sequence(self.embedding(source), lengths, True, False)
            packed, (h, _) = self.lstm(x)
            memory, _ = nn.utils.rnn.pad_packed_sequence(packed, True, total_length=source.shape[1])
            return memory, torch.tanh(self.bridge(torch.cat([h[0], h[1]], -1)))

    model = edgernn.Seq2Seq(Packed(), AttentionDecoder(), start=1, end=2).eval()
    source, target = torch.randint(0, SYMBOLS, (2, 6)), torch.randint(0, SYMBOLS, (2, 4))
    padded = model(source, target, torch.tensor([6, 4]))
    torch.testing.assert_close(padded[1:], model(source[1:, :4], target[1:]))


@pytest.mark.parametrize("make", [attentive, plain])
def test_generation_agrees_with_teacher_forcing_on_what_it_wrote(make):
    model = make()
    sources = torch.randint(0, SYMBOLS, (5, 7))
    together = model.generate_batch(sources)
    for source, batched in zip(sources, together, strict=True):
        written = model.generate(source[None])
        assert written == batched == model.generate(source[None], beam=1)
        ended = [*written, model.end][: model.max_output]
        best = model(source[None], torch.tensor([ended]))[0].argmax(-1).tolist()
        assert best == ended


def test_a_wider_beam_finds_nothing_less_likely():
    model = attentive(max_output=4)

    def log_likelihood(source, written):
        ended = torch.tensor([[*written, model.end][: model.max_output]])
        return model(source, ended).log_softmax(-1).gather(-1, ended[..., None]).sum().item()

    gains = []
    for seed in range(6):
        source = torch.randint(0, SYMBOLS, (1, 7), generator=torch.Generator().manual_seed(seed))
        greedy, beam = model.generate(source), model.generate(source, beam=SYMBOLS**2)
        gains.append(log_likelihood(source, beam) - log_likelihood(source, greedy))
    assert min(gains) > -1e-5
    assert max(gains) > 1e-3


def test_it_trains():
    model = attentive().train()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    source = torch.randint(3, SYMBOLS, (4, 5), generator=torch.Generator().manual_seed(0))
    target = torch.cat([source.flip(1), torch.full((4, 1), 2)], 1)
    for _ in range(100):
        loss = nn.functional.cross_entropy(model(source, target, torch.full((4,), 5)).flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert model.eval().generate_batch(source) == source.flip(1).tolist()


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="a token and a state, whatever their names, and memory and mask"):
        edgernn.Seq2Seq(LstmEncoder(), LstmEncoder(), start=1, end=2)
    with pytest.raises(UsageError, match="max_output is at least 1"):
        edgernn.Seq2Seq(LstmEncoder(), LstmDecoder(), start=1, end=2, max_output=0)
    model = edgernn.Seq2Seq(LstmEncoder(), AttentionDecoder(), start=1, end=2)
    with pytest.raises(UsageError, match="the encoder returns \\(memory"):
        model(torch.zeros(1, 3, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(UsageError, match="generate takes one source, found 2"):
        attentive().generate(torch.zeros(2, 3, dtype=torch.int64))
