"""nn.RNN, nn.LSTM and nn.GRU in every configuration, and the ways in which people start them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.capture.support import kinds, prove


class Tagger(nn.Module):
    """A layer with per-frame outputs."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.rnn = layer

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.rnn(x)
        return output


KINDS: dict[str, Any] = {
    "rnn_tanh": lambda *a, **k: nn.RNN(*a, **k),
    "rnn_relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "lstm": nn.LSTM,
    "lstm_proj": lambda *a, **k: nn.LSTM(*a, proj_size=3, **k),
    "gru": nn.GRU,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("layers", "batch_first", "bias"), [(1, True, True), (1, False, False), (2, False, True), (3, True, False)]
)
def test_layer(kind: str, layers: int, batch_first: bool, bias: bool) -> None:
    layer = KINDS[kind](6, 5, num_layers=layers, batch_first=batch_first, bias=bias, dropout=0.2 if layers > 1 else 0.0)
    model = prove(Tagger(layer), "1,T,6" if batch_first else "T,1,6")
    states_each = 2 if kind.startswith("lstm") else 1
    assert len(model.interface.states) == layers * states_each
    assert kinds(model) == {"output": "frame"}
    assert model.interface.inputs[0].shape == (6,)


@pytest.mark.parametrize("kind", KINDS)
def test_unbatched(kind: str) -> None:
    prove(Tagger(KINDS[kind](6, 5, num_layers=2)), "T,6")


def test_the_layer_itself() -> None:
    model = prove(nn.GRU(6, 5, batch_first=True), "1,T,6")
    assert kinds(model) == {"output_0": "frame", "output_1": "final"}


def test_sequential_with_an_extracting_module() -> None:
    class Output(nn.Module):
        def forward(self, result: tuple[Tensor, Any]) -> Tensor:
            return result[0]

    class LastFrame(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, -1, :]

    layers = [nn.Linear(6, 8), nn.ReLU(), nn.LSTM(8, 5, batch_first=True), Output(), LastFrame(), nn.Linear(5, 3)]
    model = prove(nn.Sequential(*layers), "1,T,6")
    assert kinds(model) == {"output": "final"}


class HandMade(nn.Module):
    """A classifier whose initial states are made in forward, as many tutorials do."""

    def __init__(self, how: str, layers: int = 2, hidden: int = 5) -> None:
        super().__init__()
        self.how, self.num_layers, self.hidden_size = how, layers, hidden
        self.lstm = nn.LSTM(6, hidden, layers, batch_first=True)
        self.fc = nn.Linear(hidden, 3)

    def init_hidden(self, x: Tensor) -> tuple[Tensor, Tensor]:
        size = (self.num_layers, x.size(0), self.hidden_size)
        if self.how == "zeros":
            return torch.zeros(*size), torch.zeros(*size)
        if self.how == "zeros_on_device":
            h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
            c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size, device=x.device, dtype=x.dtype)
            return h0, c0
        if self.how == "requires_grad":
            h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).requires_grad_()
            c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).requires_grad_()
            return h0.detach(), c0.detach()
        if self.how == "new_zeros":
            return x.new_zeros(size), x.new_zeros(*size)
        if self.how == "weight_new":
            weight = next(self.parameters()).data
            return weight.new(*size).zero_(), weight.new_zeros(size)
        if self.how == "zeros_like":
            h0 = torch.zeros(size)
            return h0, torch.zeros_like(h0)
        if self.how == "full":
            return torch.full(size, 0.25), torch.ones(size) * -0.5
        return torch.autograd.Variable(torch.zeros(size)), torch.autograd.Variable(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x, self.init_hidden(x))
        return self.fc(out[:, -1, :])


@pytest.mark.parametrize(
    "how", ["zeros", "zeros_on_device", "requires_grad", "new_zeros", "weight_new", "zeros_like", "full", "variable"]
)
def test_hand_made_initial_state(how: str) -> None:
    model = prove(HandMade(how), "1,T,6")
    assert kinds(model) == {"output": "final"}


class LearnedStart(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 5, num_layers=2, batch_first=True)
        self.h0 = nn.Parameter(torch.randn(2, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        h0 = self.h0.expand(-1, x.size(0), -1).contiguous()
        return self.gru(x, h0)[0]


def test_learned_initial_state() -> None:
    model = prove(LearnedStart(), "1,T,6")
    assert all(state.initial.any() for state in model.interface.states)


class GivenStart(nn.Module):
    """The caller passes the state and takes it back, to continue later."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, num_layers=2)
        self.out = nn.Linear(5, 4)

    def forward(self, x: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, hidden = self.lstm(x, hidden)
        return self.out(y), hidden


def test_initial_state_as_an_argument() -> None:
    model = prove(GivenStart(), ["T,1,6", ["2,1,5", "2,1,5"]])
    assert [p.name for p in model.interface.inputs] == ["x"]
    assert list(kinds(model).values()) == ["frame", "final", "final"]


def test_initial_state_of_a_gru_as_an_argument() -> None:
    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)

        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            return self.gru(x, h)

    prove(Decoder(), ["1,T,6", "1,1,5"])


def test_initial_state_from_a_linear_layer_on_a_parameter() -> None:
    class Prompted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.prompt = nn.Parameter(torch.randn(1, 7))
            self.start = nn.Linear(7, 5)
            self.gru = nn.GRU(6, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            h0 = torch.tanh(self.start(self.prompt)).unsqueeze(0)
            return self.gru(x, h0)[0]

    prove(Prompted(), "1,T,6")


def test_stack_of_different_layers() -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(6, 8, batch_first=True)
            self.lstm = nn.LSTM(8, 7, proj_size=4, batch_first=True)
            self.gru = nn.GRU(4, 8, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            a, _ = self.rnn(x)
            b, _ = self.lstm(a)
            c, _ = self.gru(b)
            return a + c

    prove(Stack(), "1,T,6")


def test_one_layer_used_twice() -> None:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            left, _ = self.gru(x[:, :, :3])
            right, _ = self.gru(x[:, :, 3:])
            return torch.abs(left - right)

    model = prove(Siamese(), "1,T,6")
    assert len(model.interface.states) == 2


def test_module_in_training_mode() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = nn.Dropout(0.5)
            self.gru = nn.GRU(6, 5, num_layers=2, dropout=0.5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.dropout(self.gru(self.dropout(x))[0])

    module = Net().train()
    module.gru.eval()
    prove(module, "1,T,6")
    assert module.training and module.dropout.training and not module.gru.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_module_of_another_precision_is_converted_as_float32(dtype: torch.dtype) -> None:
    module = Tagger(nn.GRU(6, 5, batch_first=True)).to(dtype)
    prove(module, "1,T,6")
    assert next(module.parameters()).dtype is dtype
