"""What modules return: every frame, the end, several tensors, nested containers."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.capture.support import kinds, prove

Prediction = namedtuple("Prediction", ["logits", "state"])


class Ends(nn.Module):
    """Every way to take the end of a sequence, batch first."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, num_layers=2, batch_first=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        out, (h_n, c_n) = self.lstm(x)
        both = torch.cat((h_n[-2, :, :], h_n[-1, :, :]), dim=1)
        last = out[:, out.size(1) - 1]
        return {
            "index": out[:, -1],
            "index_all": out[:, -1, :],
            "slice": out[:, -1:],
            "slice_squeezed": out[:, -1:, :].squeeze(1),
            "dots": out[..., -1, 0:2],
            "size": last,
            "select": out.select(1, -1),
            "select_length": out[:, x.shape[1] - 1 :, :],
            "h_n": h_n,
            "h_last": h_n[-1],
            "h_squeezed": h_n[-1:].squeeze(0),
            "c_last": c_n[-1],
            "both": torch.relu(self.head(both)),
            "permuted": h_n.permute(1, 0, 2).reshape(x.size(0), -1),
            "transposed": h_n.transpose(0, 1).flatten(1),
            "sum": h_n.sum(0),
            "view": h_n.view(2, 1, x.size(0), 5)[-1, 0],
            "time_first": out.transpose(0, 1)[-1],
            "combined": torch.cat([out[:, -1], h_n[0], c_n[1]], -1) * 2 + 1,
            "zero": torch.softmax(out[:, -1], dim=0),
        }


def test_ends() -> None:
    model = prove(Ends(), "1,T,6")
    assert set(kinds(model).values()) == {"final"}
    assert list(kinds(model)) == list(Ends()(torch.zeros(1, 3, 6)))


def test_ends_with_time_first() -> None:
    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            out, h = self.gru(x)
            return out[-1], out[-1:], out[len(x) - 1], h.squeeze(0), out[-1, :, :], out[out.shape[0] - 1].squeeze()

    model = prove(TimeFirst(), "T,1,6")
    assert kinds(model) == {f"output_{k}": "final" for k in range(6)}


def test_frames_and_end_together() -> None:
    class Multi(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)
            self.tags, self.label = nn.Linear(5, 4), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            out, h = self.gru(x)
            return self.tags(out), self.label(out[:, -1]), h

    model = prove(Multi(), "1,T,6")
    assert kinds(model) == {"output_0": "frame", "output_1": "final", "output_2": "final"}


@pytest.mark.parametrize("flat", [True, False])
def test_frames_flattened_over_batch_and_time(flat: bool) -> None:
    class Flattened(nn.Module):
        """word_language_model and char-rnn decode a view of batch * time rows."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True)
            self.fc = nn.Linear(5, 4)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.lstm(x)
            out = out.contiguous().view(-1, 5) if flat else out.reshape(out.size(0) * out.size(1), out.size(2))
            out = torch.log_softmax(self.fc(out), dim=1)
            return out if flat else out.view(x.size(0), -1, 4)

    model = prove(Flattened(), "1,T,6")
    assert kinds(model) == {"output": "frame"}


class Wrapped(nn.Module):
    def __init__(self, wrap: Any) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.wrap = wrap

    def forward(self, x: Tensor) -> Any:
        y, h = self.gru(x)
        return self.wrap(y, h)


@pytest.mark.parametrize(
    ("wrap", "names"),
    [
        (lambda y, h: y, ["output"]),
        (lambda y, h: (y,), ["output"]),
        (lambda y, h: [y, h], ["output_0", "output_1"]),
        (lambda y, h: {"y": y, "h": h}, ["y", "h"]),
        (lambda y, h: {"only": y}, ["only"]),
        (lambda y, h: (y, (h, {"tanh": h.tanh()})), ["output_0", "output_1_0", "output_1_1_tanh"]),
        (lambda y, h: {"frames": [y, y + 1], "end": (h,)}, ["frames_0", "frames_1", "end_0"]),
        (lambda y, h: Prediction(y, h), ["logits", "state"]),
        (lambda y, h: (y, None, h), ["output_0", "output_2"]),
    ],
)
def test_containers(wrap: Any, names: list[str]) -> None:
    model = prove(Wrapped(wrap), "1,T,6")
    assert list(kinds(model)) == names


@dataclass
class Result:
    probabilities: Tensor
    hidden: Tensor


def test_dataclass_output() -> None:
    torch.export.register_dataclass(Result, serialized_type_name="tests.capture.Result")
    model = prove(Wrapped(lambda y, h: Result(y.sigmoid(), h[-1])), "1,T,6")
    assert list(kinds(model)) == ["probabilities", "hidden"]


def test_input_returned_and_one_tensor_returned_twice() -> None:
    model = prove(Wrapped(lambda y, h: (y, y, h, h)), "1,T,6")
    assert len(model.interface.outputs) == 4


def test_scalar_outputs() -> None:
    class Regression(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 5, batch_first=True)
            self.out = nn.Linear(5, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            y, h = self.gru(x)
            return self.out(y).squeeze(-1), self.out(h[-1]).squeeze(), self.out(y[:, -1]).view(-1)

    prove(Regression(), "1,T,6")
