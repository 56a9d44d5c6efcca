"""Step modules: forward(x_t, state) -> (y_t, state), with PyTorch's cells and with cells of the literature."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import edgernn
from edgernn.errors import UnsupportedModelError, UsageError
from tests.capture.support import kinds, prove


class LSTMStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(6, 5)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = self.cell(x, state)
        return self.out(h), (h, c)


class GRUStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.GRUCell(6, 5), nn.GRUCell(5, 5, bias=False)])

    def forward(self, x: Tensor, h: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        states = []
        for cell, before in zip(self.layers, h, strict=True):
            x = cell(x, before)
            states.append(x)
        return x, states


class RNNStep(nn.Module):
    def __init__(self, nonlinearity: str) -> None:
        super().__init__()
        self.cell = nn.RNNCell(6, 5, nonlinearity=nonlinearity)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.cell(x, h)
        return h, h


@pytest.mark.parametrize(
    ("module", "inputs", "state", "names"),
    [
        (LSTMStep(), "1,6", ("1,5", "1,5"), ["state_0", "state_1"]),
        (LSTMStep(), "6", ("5", "5"), ["state_0", "state_1"]),
        (LSTMStep(), "1,6", [("1,5", "1,5")], ["state_0", "state_1"]),
        (GRUStep(), "1,6", ["1,5", "1,5"], ["h_0", "h_1"]),
        (RNNStep("tanh"), "1,6", "1,5", ["h"]),
        (RNNStep("relu"), "6", torch.zeros(5), ["h"]),
    ],
)
def test_cells(module: nn.Module, inputs: str, state: Any, names: list[str]) -> None:
    model = prove(module, inputs, state=state)
    assert [s.name for s in model.interface.states] == names
    assert set(kinds(model).values()) == {"frame"}


class MinimalGated(nn.Module):
    """Minimal gated unit: f = s(W[x, h]); h' = (1 - f) h + f tanh(U[x, f h])."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.candidate = nn.Linear(11, 5), nn.Linear(11, 5)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f = torch.sigmoid(self.gate(torch.cat([x, h], dim=-1)))
        n = torch.tanh(self.candidate(torch.cat([x, f * h], dim=-1)))
        h = (1 - f) * h + f * n
        return h, h


class FastGRNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Parameter(torch.randn(6, 5)), nn.Parameter(torch.randn(5, 5))
        self.bias_gate, self.bias_update = nn.Parameter(torch.ones(1, 5)), nn.Parameter(torch.ones(1, 5))
        self.zeta, self.nu = nn.Parameter(torch.ones(1, 1)), nn.Parameter(-4 * torch.ones(1, 1))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        pre = torch.matmul(x, self.w) + torch.matmul(h, self.u)
        z = torch.sigmoid(pre + self.bias_gate)
        c = torch.tanh(pre + self.bias_update)
        h = z * h + (torch.sigmoid(self.zeta) * (1.0 - z) + torch.sigmoid(self.nu)) * c
        return h, h


class PeepholeLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.x2h, self.h2h = nn.Linear(6, 20), nn.Linear(5, 20)
        self.p_i, self.p_f, self.p_o = (nn.Parameter(torch.randn(5)) for _ in range(3))

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, 1)
        c_next = torch.sigmoid(f + self.p_f * c) * c + torch.sigmoid(i + self.p_i * c) * torch.tanh(g)
        h_next = torch.sigmoid(o + self.p_o * c_next) * torch.tanh(c_next)
        return h_next, h_next, c_next


class IndRNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.recurrent = nn.Linear(6, 5), nn.Parameter(torch.rand(5))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.linear(x) + self.recurrent * h)
        return h, h


class LayerNormLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight_ih, self.weight_hh = nn.Parameter(torch.randn(20, 6)), nn.Parameter(torch.randn(20, 5))
        self.norm_i, self.norm_h, self.norm_c = nn.LayerNorm(20), nn.LayerNorm(20), nn.LayerNorm(5)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hx, cx = state
        igates = self.norm_i(torch.mm(x, self.weight_ih.t()))
        hgates = self.norm_h(torch.mm(hx, self.weight_hh.t()))
        i, f, g, o = (igates + hgates).chunk(4, 1)
        cy = self.norm_c(f.sigmoid() * cx + i.sigmoid() * g.tanh())
        hy = o.sigmoid() * cy.tanh()
        return hy, (hy, cy)


class LeakyIntegrator(nn.Module):
    """An echo state network: fixed random reservoir, trained readout."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("w_in", torch.randn(5, 6))
        self.register_buffer("w", torch.randn(5, 5) * 0.3)
        self.leak, self.readout = 0.3, nn.Linear(11, 2)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.lerp(h, torch.tanh(x @ self.w_in.T + h @ self.w.T), self.leak)
        return self.readout(torch.cat((x, h), 1)), h


class AddcmulGRU(nn.Module):
    """A GRU as in hand-optimised code, with one product per operand."""

    def __init__(self) -> None:
        super().__init__()
        self.w_x, self.w_h = nn.Parameter(torch.randn(15, 6)), nn.Parameter(torch.randn(15, 5))
        self.bias = nn.Parameter(torch.randn(15))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        gx = torch.addmm(self.bias, x, self.w_x.t())
        gh = F.linear(h, self.w_h)
        r = (gx[:, :5] + gh[:, :5]).sigmoid_()
        z = torch.sigmoid(gx[:, 5:10] + gh[:, 5:10])
        n = torch.addcmul(gx[:, 10:], r, gh[:, 10:]).tanh_()
        h = torch.lerp(n, h, z)
        return h, h


class Clockwork(nn.Module):
    """Several states of different sizes in a dict, one of them a counter, one a ring of past inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = nn.Linear(6 + 4, 4), nn.Linear(6 * 3, 3)

    def forward(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        past = torch.cat([state["past"][:, 1:], x.unsqueeze(1)], dim=1)
        fast = torch.tanh(self.fast(torch.cat([x, state["fast"]], -1)))
        count = state["count"] + 1
        mean = state["mean"] + (x - state["mean"]) / count
        y = torch.cat([fast, self.slow(past.flatten(1)), mean], -1)
        return y, {"past": past, "fast": fast, "count": count, "mean": mean}


class MinimalSSM(nn.Module):
    """A diagonal state-space layer, h' = a h + B x, y = C h + D x, with its output fed through a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.log_a, self.b, self.c = (
            nn.Parameter(torch.randn(8)),
            nn.Linear(6, 8, bias=False),
            nn.Linear(8, 6, bias=False),
        )
        self.d = nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.exp(-torch.exp(self.log_a)) * h + self.b(x)
        return F.silu(x) * (self.c(h) + self.d * x), h


@pytest.mark.parametrize(
    ("make", "state"),
    [
        (MinimalGated, "1,5"),
        (FastGRNN, "1,5"),
        (PeepholeLSTM, ["1,5", "1,5"]),
        (IndRNN, "1,5"),
        (LayerNormLSTM, ("1,5", "1,5")),
        (LeakyIntegrator, "1,5"),
        (AddcmulGRU, "1,5"),
        (Clockwork, {"past": "1,3,6", "fast": "1,4", "count": "1,1", "mean": "1,6"}),
        (MinimalSSM, "1,8"),
    ],
)
def test_custom_cells(make: Callable[[], nn.Module], state: Any) -> None:
    model = prove(make(), "1,6", state=state)
    assert all(not s.initial.any() for s in model.interface.states)


def test_several_arguments_and_outputs() -> None:
    class Controller(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(6, 5)
            self.policy, self.value = nn.Linear(5, 4), nn.Linear(5, 1)

        def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
            h, c = self.cell(x, (h, c))
            return (F.softmax(self.policy(h), -1), self.value(h).squeeze(-1)), h, c

    model = prove(Controller(), "1,6", state=["1,5", "1,5"])
    assert list(kinds(model)) == ["output_0_0", "output_0_1"]


def test_a_sequence_layer_called_with_one_frame_and_its_state() -> None:
    class OneFrame(nn.Module):
        """Step modules of people who keep nn.GRU: one frame as a sequence of length 1."""

        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, num_layers=2, batch_first=True)
            self.out = nn.Linear(5, 3)

        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            y, h = self.gru(x.unsqueeze(1), h)
            return self.out(y[:, -1]), h

    prove(OneFrame(), "1,6", state="2,1,5")


def test_decoder_step_with_tokens() -> None:
    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.gru, self.out = nn.Embedding(15, 6), nn.GRU(6, 5), nn.Linear(5, 15)

        def forward(self, token: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
            embedded = F.relu(self.embedding(token).view(1, 1, -1))
            output, hidden = self.gru(embedded, hidden)
            return F.log_softmax(self.out(output[0]), dim=1), hidden

    model = prove(Decoder(), "int:1", state="1,1,5")
    assert model.interface.inputs[0].limit == 15


def test_two_inputs() -> None:
    class Fusion(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(6 + 2, 5)

        def forward(self, x: Tensor, context: Tensor, unused: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            h = self.cell(torch.cat([x, context], 1), h)
            return h, h

    model = prove(Fusion(), ["1,6", "1,2", "1,3"], state="1,5")
    assert [p.name for p in model.interface.inputs] == ["x", "context"]


def test_states_that_do_not_come_back() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(6, 5)

        def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> Tensor:
            return self.cell(x, state)[0]

    with pytest.raises(UsageError, match="must return its output and 2 states, it returns 1 tensors"):
        edgernn.convert(Forgetful(), inputs="1,6", state=("1,5", "1,5"))


def test_state_of_another_shape_comes_back() -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(6, 5)

        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            h = self.cell(x, h)
            return h, torch.cat([h, h], -1)

    with pytest.raises(UsageError, match=r"state 'h' has shape \(1, 5\), the module returns \(1, 10\)"):
        edgernn.convert(Wrong(), inputs="1,6", state="1,5")


def test_batch_of_streams_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="batch size 2"):
        edgernn.convert(RNNStep("tanh"), inputs="2,6", state="2,5")


def test_a_convolution_padded_over_a_frame() -> None:
    class Images(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3, padding=1)

        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.conv(torch.cat([x, h], dim=1)))
            return h.mean(dim=(2, 3)), h

    assert kinds(prove(Images(), "1,1,4,4", state="1,2,4,4")) == {"output": "frame"}
