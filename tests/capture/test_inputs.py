"""Inputs: tokens, several sequences, values given once for a whole sequence, examples in place of specs."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import edgernn
from edgernn.errors import UsageError
from tests.capture.support import kinds, prove, randomized


class Tokens(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 6, **options)
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.out = nn.Linear(5, 20)

    def forward(self, tokens: Tensor) -> Tensor:
        y, _ = self.gru(self.embedding(tokens))
        return self.out(y)


@pytest.mark.parametrize("options", [{}, {"padding_idx": 0}, {"scale_grad_by_freq": True}])
def test_embedding(options: dict[str, Any]) -> None:
    model = prove(Tokens(**options), "int:1,T")
    (port,) = model.interface.inputs
    assert (port.dtype, port.limit, port.shape) == ("int32", 20, (1,))


def test_embedding_of_unbatched_tokens_and_of_several_columns() -> None:
    class Columns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.day, self.hour = nn.Embedding(7, 3), nn.Embedding(24, 4)
            self.lstm = nn.LSTM(7, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            z = torch.cat([self.day(x[..., 0]), self.hour(x[:, :, 1])], -1)
            return self.lstm(z)[0]

    prove(Columns(), "int:1,T,2")
    prove(Tokens(), "int:T")


@pytest.mark.parametrize("how", ["one_hot", "eye"])
def test_one_hot(how: str) -> None:
    class CharRnn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(12, 5, batch_first=True)
            self.register_buffer("eye", torch.eye(12))

        def forward(self, tokens: Tensor) -> Tensor:
            x = F.one_hot(tokens, num_classes=12).float() if how == "one_hot" else F.embedding(tokens, torch.eye(12))
            return self.rnn(x)[0]

    model = prove(CharRnn(), "int:1,T")
    assert model.interface.inputs[0].limit == 12


class TwoSequences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.audio, self.video = nn.GRU(6, 5, batch_first=True), nn.LSTM(4, 5, batch_first=True)
        self.out = nn.Linear(10, 3)

    def forward(self, audio: Tensor, video: Tensor) -> Tensor:
        a, _ = self.audio(audio)
        v, _ = self.video(video)
        return self.out(torch.cat([a, v], dim=-1))


def test_two_sequences() -> None:
    model = prove(TwoSequences(), ["1,T,6", "1,T,4"])
    assert [(p.name, p.kind) for p in model.interface.inputs] == [("audio", "frame"), ("video", "frame")]


class Conditioned(nn.Module):
    """A sequence, and a vector that holds for all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(3, 4)
        self.gru = nn.GRU(10, 5, batch_first=True)
        self.out = nn.Linear(5 + 3, 2)

    def forward(self, x: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        condition = self.project(speaker).unsqueeze(1).expand(-1, x.size(1), -1)
        y, h = self.gru(torch.cat([x, condition], -1))
        end = self.out(torch.cat([h[-1], speaker], dim=1))
        return (
            y * torch.sigmoid(speaker.sum(-1)),
            end,
            y + speaker.unsqueeze(1).repeat(1, x.shape[1], 1).mean(-1, keepdim=True),
        )


def test_static_input() -> None:
    model = prove(Conditioned(), ["1,T,6", "1,3"])
    assert [(p.name, p.kind) for p in model.interface.inputs] == [("x", "frame"), ("speaker", "static")]
    assert list(kinds(model).values()) == ["frame", "final", "frame"]


def test_output_of_the_static_input_alone() -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)

        def forward(self, x: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
            return self.gru(x)[0], torch.tanh(speaker)

    assert kinds(prove(Biased(), ["1,T,6", "1,3"])) == {"output_0": "frame", "output_1": "final"}


def test_inputs_in_containers() -> None:
    class Features(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(5, 4, batch_first=True)

        def forward(self, batch: dict[str, Tensor]) -> Tensor:
            return self.gru(torch.cat([batch["a"], batch["b"]], -1))[0]

    model = prove(Features(), [{"a": "1,T,2", "b": "1,T,3"}])
    assert len(model.interface.inputs) == 2


def test_unused_input_and_length_without_packing() -> None:
    class Loose(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)

        def forward(self, x: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
            return self.gru(x)[0] / lengths.shape[0]

    model = prove(Loose(), ["1,T,6", "1,T", "length:1"])
    assert [p.name for p in model.interface.inputs] == ["x"]


@pytest.mark.parametrize(
    ("module", "example"),
    [
        (Tokens(), torch.zeros(1, 9, dtype=torch.int64)),
        (TwoSequences(), (torch.randn(1, 12, 6), torch.randn(1, 12, 4))),
        (Conditioned(), (torch.randn(1, 12, 6), torch.randn(1, 3))),
    ],
)
def test_example_tensors_in_place_of_specs(module: nn.Module, example: Any) -> None:
    prove(module, example=example)


def test_functional_inputs_of_one_value_per_frame() -> None:
    class Level(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(1, 4, batch_first=True)
            self.out = nn.Linear(4, 1)

        def forward(self, x: Tensor) -> Tensor:
            y, _ = self.rnn(x.unsqueeze(-1))
            return self.out(y).squeeze(-1)

    prove(Level(), "1,T")
    prove(Level(), "T")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (["1,T,7"], ["fails when it is called", "[1, 11, 7]", "input.size(-1) must be equal to input_size"]),
        (["1,T,6", "1,T,6"], ["[1, 11, 6], [1, 11, 6]", "positional argument"]),
        (["1,6"], ["no input has a time axis T"]),
        (["1,T,T"], ["time can stand once"]),
        (["1,T,x"], ["neither a size nor T", "'1,T,40'"]),
        (["text:1,T"], ["unknown kind 'text'"]),
    ],
)
def test_wrong_inputs(inputs: list[str], words: list[str]) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.gru(x)[0]

    with pytest.raises(UsageError) as caught:
        edgernn.convert(Net(), inputs=inputs)
    for word in words:
        assert word in str(caught.value)


def test_convert_leaves_the_module_alone() -> None:
    module = randomized(Tokens()).train()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    edgernn.convert(module, inputs="int:1,T")
    assert module.training and all(p.requires_grad for p in module.parameters())
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


class CharRNN(nn.Module):
    """The hidden state comes from the caller, as in character models: ``net(x, net.init_hidden(1))``."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(9, 5, 2, batch_first=True)
        self.fc = nn.Linear(5, 9)

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        out, hidden = self.lstm(x, hidden)
        return self.fc(out.contiguous().view(-1, 5)), hidden


def test_state_beside_an_input_with_time_is_the_initial_state() -> None:
    module = CharRNN()
    model = prove(module, "1,T,9", state=("2,1,5", "2,1,5"))
    assert [s.shape for s in model.interface.states] == [(5,)] * 4
    assert kinds(model) == {"output_0": "frame", "output_1_0": "final", "output_1_1": "final"}
    nested = edgernn.convert(module, inputs=["1,T,9", ("2,1,5", "2,1,5")])
    assert nested.interface.fingerprint == model.interface.fingerprint


def test_a_state_has_no_time() -> None:
    with pytest.raises(UsageError, match="without T"):
        edgernn.convert(CharRNN(), inputs="1,T,9", state=("2,T,5", "2,1,5"))
