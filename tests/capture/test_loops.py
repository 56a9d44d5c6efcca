"""Recurrent networks as they are often written: a cell, and a Python loop over time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import UnsupportedModelError
from tests.capture.support import kinds, prove, randomized, refusal


class Peepholes(nn.Module):
    """An LSTM of one's own: gates in one product, cut apart."""

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U = nn.Parameter(torch.empty(6, 20)), nn.Parameter(torch.empty(5, 20))
        self.b, self.P = nn.Parameter(torch.empty(20)), nn.Parameter(torch.empty(3, 5))

    def forward(self, x: Tensor, start: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        batch, length, _ = x.size()
        h, c = start or (torch.zeros(batch, 5).to(x.device), torch.zeros(batch, 5).to(x.device))
        rows = []
        for t in range(length):
            gates = x[:, t, :] @ self.W + h @ self.U + self.b
            i = torch.sigmoid(gates[:, :5] + self.P[0] * c)
            f = torch.sigmoid(gates[:, 5:10] + self.P[1] * c)
            c = f * c + i * torch.tanh(gates[:, 10:15])
            h = torch.sigmoid(gates[:, 15:] + self.P[2] * c) * torch.tanh(c)
            rows.append(h.unsqueeze(0))
        return torch.cat(rows, dim=0).transpose(0, 1).contiguous(), (h, c)


class ConvLstm(nn.Module):
    """Frames are images, and so are the states."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1 + 2, 8, 3, padding=1), nn.Linear(2 * 4 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.size(0), 2, 4, 4)
        rows = []
        for t in range(x.size(1)):
            i, f, o, g = torch.chunk(self.conv(torch.cat([x[:, t], h], dim=1)), 4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            rows.append(self.fc(h.flatten(1)))
        return torch.stack(rows, 1)


class Cells(nn.Module):
    """Two cells in each step, over pieces of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.LSTMCell(6, 4), nn.LSTMCell(4, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        ha = ca = torch.zeros(1, 4)
        hb = cb = torch.zeros(1, 5)
        rows = []
        for frame in x.split(1, dim=1):
            ha, ca = self.a(frame.squeeze(1), (ha, ca))
            hb, cb = self.b(ha, (hb, cb))
            rows += [self.fc(hb)]
        return torch.stack(rows, 1)


class Layers(nn.Module):
    """Layer after layer, each a loop, with a normalisation in between."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([nn.GRUCell(6, 4), nn.GRUCell(4, 4)])
        self.norm, self.fc = nn.LayerNorm(4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        for cell in self.cells:
            h, rows = torch.zeros(x.size(0), 4), []
            for t in range(x.shape[1]):
                h = cell(x[:, t], h)
                rows.append(h)
            x = self.norm(torch.stack(rows, 1))
        return self.fc(x[:, -1])  # type: ignore[no-any-return]


class Classifier(nn.Module):
    """Time comes first; only the last output counts."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(6 + 4, 4), nn.Linear(6 + 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(1, 4)
        for frame in x:
            both = torch.cat((frame, h), 1)
            h, y = self.hidden(both), torch.log_softmax(self.out(both), dim=1)
        return y


class Written(nn.Module):
    """Outputs are written into a tensor, and read back."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(6, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, h = torch.zeros(x.size(0), x.size(1), 4), x.new_zeros(x.size(0), 4)
        for t, frame in enumerate(x.unbind(1)):
            h = torch.tanh(self.w(frame) + self.u(h))
            y[:, t, :] = h
        return y, h


class Average(nn.Module):
    """What the step leaves for the next one is computed after its output; the convolution looks ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(6, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x.transpose(1, 2)).transpose(1, 2)
        mean, rows = torch.zeros(1, 4), []
        for t in range(y.size(1)):
            rows.append(y[:, t] - mean)
            mean = 0.9 * mean + 0.1 * y[:, t]
        return torch.stack(rows, 1)


class Before(nn.Module):
    """The state is the frame before."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        before, rows = torch.zeros(1, 6), []
        for frame in x.unbind(1):
            rows.append(torch.relu(self.fc(torch.cat([frame, before], -1))))
            before = frame
        return torch.stack(rows, 1)


class Pooled(nn.Module):
    """A quasi-recurrent layer: gates of all frames first, a start of the shape of a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(6, 12, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.conv(x.transpose(1, 2))[:, :, :-1].transpose(1, 2)
        z, f, o = (gate(part) for gate, part in zip(
            (torch.tanh, torch.sigmoid, torch.sigmoid), gates.chunk(3, -1), strict=True))  # fmt: skip
        c, rows = torch.zeros_like(z[:, 0]), []
        for t in range(z.size(1)):
            c = f[:, t] * c + (1 - f[:, t]) * z[:, t]
            rows.append(o[:, t] * c)
        return torch.stack(rows, 1)


class Backwards(nn.Module):
    """Both directions, by loops."""

    def __init__(self) -> None:
        super().__init__()
        self.forth, self.back, self.fc = nn.GRUCell(6, 4), nn.GRUCell(6, 4), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        length, start = x.size(1), torch.zeros(1, 4)
        forth, back = [start], [start]
        for t in range(length):
            forth.append(self.forth(x[:, t], forth[-1]))
        for t in reversed(range(length)):
            back.insert(0, self.back(x[:, t], back[0]))
        return self.fc(torch.cat([torch.stack(forth[1:], 1), torch.stack(back[:-1], 1)], -1))  # type: ignore[no-any-return]


STATES = {Peepholes: 2, ConvLstm: 2, Cells: 4, Layers: 2, Classifier: 1, Written: 1, Before: 1, Pooled: 2}


def inputs_of(make: type[nn.Module]) -> str:
    return {ConvLstm: "1,T,1,4,4", Classifier: "T,1,6"}.get(make, "1,T,6")


@pytest.mark.parametrize("make", STATES)
def test_states_are_those_of_the_loop(make: type[nn.Module]) -> None:
    model = prove(make(), inputs_of(make))
    assert len(model.interface.states) == STATES[make]


def test_cells_become_layers() -> None:
    kinds_of = [node.op.kind for node in prove(Cells(), "1,T,6").graph.nodes if node.op.kind != "reshape"]
    assert kinds_of == ["lstm", "lstm", "linear"]


def test_a_loop_over_what_looks_ahead() -> None:
    assert prove(Average(), "1,T,6").interface.delay == 1


def test_initial_states_are_given() -> None:
    model = prove(Peepholes(), "1,T,6", state=["1,5", "1,5"])
    assert {p.name for p in model.interface.inputs} == {"x"} and kinds(model)["output_0"] == "frame"
    assert len(model.interface.states) == 2


@pytest.mark.parametrize("make", [Peepholes, ConvLstm])
def test_integers(make: type[nn.Module], tmp_path: Path) -> None:
    shape = (40, 4, 4) if make is ConvLstm else (40, 6)
    frames = np.random.default_rng(0).standard_normal((3, *shape)).astype(np.float32)
    model = edgernn.convert(randomized(make()), inputs=inputs_of(make)).quantize(list(frames), "int16x8")
    assert all(model.save(tmp_path / f"model{suffix}").passed for suffix in (".ern", ".so"))


def test_a_loop_backwards_needs_the_segment(tmp_path: Path) -> None:
    module = randomized(Backwards())
    assert "--mode segment" in str(refusal(module))
    model = edgernn.convert(module, inputs="1,T,6", mode="segment", max_frames=20)
    assert model.save(tmp_path / "both.ern").passed


class Different(nn.Module):
    """Steps that are not the same, in a way that ``kind`` says."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.cell, self.other = kind, nn.GRUCell(6, 6), nn.GRUCell(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        states = [torch.zeros(1, 6)] * 2
        for t in range(x.size(1)):
            cell = self.other if self.kind == "other" and t % 2 else self.cell
            h = cell(x[:, t], states[-1])
            h = h * (t + 1) if self.kind == "count" else h + states[-2] if self.kind == "two before" else h
            states.append(h + x[:, 0] if self.kind == "first frame" else h)
        return torch.stack(states[3:] if self.kind == "some" else states[2:], 1)


@pytest.mark.parametrize("kind", ["other", "count", "two before", "first frame", "some"])
def test_steps_that_differ_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedModelError, match="a Python loop over time"):
        edgernn.convert(Different(kind), inputs="1,T,6")
