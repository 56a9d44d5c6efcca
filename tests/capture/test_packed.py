"""pack_padded_sequence, in the ways that tutorials use it, with batch size 1."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tests.capture.support import kinds, prove


class Sentiment(nn.Module):
    """After the widely copied IMDB tutorial: time first, lengths as an argument, the last hidden state."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 6, padding_idx=1)
        self.rnn = nn.LSTM(6, 5, num_layers=2, dropout=0.5)
        self.fc = nn.Linear(5, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, text: Tensor, text_lengths: Tensor) -> Tensor:
        embedded = self.dropout(self.embedding(text))
        packed_embedded = nn.utils.rnn.pack_padded_sequence(embedded, text_lengths.to("cpu"))
        packed_output, (hidden, cell) = self.rnn(packed_embedded)
        output, output_lengths = nn.utils.rnn.pad_packed_sequence(packed_output)
        hidden = self.dropout(hidden[-1, :, :])
        return self.fc(hidden)


def test_sentiment() -> None:
    model = prove(Sentiment(), ["int:T,1", "length:1"])
    assert kinds(model) == {"output": "final"}
    assert model.interface.inputs[0].limit == 30


class Packed(nn.Module):
    def __init__(self, pack_first: bool, layer_first: bool, pad_first: bool, enforce_sorted: bool) -> None:
        super().__init__()
        self.pack_first, self.pad_first, self.enforce_sorted = pack_first, pad_first, enforce_sorted
        self.gru = nn.GRU(6, 5, num_layers=2, batch_first=layer_first)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=self.pack_first, enforce_sorted=self.enforce_sorted)
        packed, _ = self.gru(packed)
        output, _ = pad_packed_sequence(packed, batch_first=self.pad_first)
        return self.out(output)


@pytest.mark.parametrize(
    ("pack_first", "layer_first", "pad_first", "enforce_sorted"),
    [
        (True, True, True, True),
        (False, False, False, True),
        (True, False, True, False),
        (False, True, False, False),
        (True, True, False, True),
    ],
)
def test_packed_and_padded_again(pack_first: bool, layer_first: bool, pad_first: bool, enforce_sorted: bool) -> None:
    module = Packed(pack_first, layer_first, pad_first, enforce_sorted)
    model = prove(module, ["1,T,6" if pack_first else "T,1,6", "length:1"])
    assert kinds(model) == {"output": "frame"}


def test_lengths_made_inside() -> None:
    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            packed = pack_padded_sequence(x, [x.size(1)] * x.size(0), batch_first=True)
            _, (h, _) = self.lstm(packed)
            return h.squeeze(0)

    prove(Inside(), "1,T,6")


def test_packed_data_used_directly() -> None:
    class WordModel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True)
            self.norm = nn.LayerNorm(5)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            packed = PackedSequence(torch.tanh(packed.data), packed.batch_sizes)
            packed, _ = self.lstm(packed)
            packed = packed._replace(data=self.norm(packed.data))
            output, lengths = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
            return output

    prove(WordModel(), ["1,T,6", "length:1"])


def test_last_frame_by_lengths() -> None:
    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)
            self.fc = nn.Linear(5, 3)

        def forward(self, x: Tensor, lengths: Tensor) -> dict[str, Tensor]:
            out, _ = self.gru(x)
            index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, out.size(2))
            return {
                "arange": self.fc(out[torch.arange(out.size(0)), lengths - 1]),
                "range": out[range(out.size(0)), lengths - 1, :],
                "gather": out.gather(1, index).squeeze(1),
                "select": out.index_select(1, lengths - 1),
            }

    model = prove(Classifier(), ["1,T,6", "length:1"])
    assert set(kinds(model).values()) == {"final"}


def test_mask_of_padding_hides_nothing_of_one_sequence() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            positions = torch.arange(int(lengths.max()))
            mask = positions[None, :] < lengths[:, None]
            y, _ = self.gru(x * mask.unsqueeze(-1))
            y = y.masked_fill(~mask.unsqueeze(-1), 0.0)
            y = torch.where(mask[..., None], y, torch.zeros_like(y))
            return y * mask[:, :, None].float()

    prove(Masked(), ["1,T,6", "length:1"])
