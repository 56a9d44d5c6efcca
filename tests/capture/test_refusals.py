"""What cannot stream is refused with the line of the user's code, the reason and what to do."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.errors import UnsupportedModelError
from tests.capture.refused import CASES, Case, Parts
from tests.capture.support import refusal


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_refused_with_line_reason_and_remedy(case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    body, reason, remedy = case
    error = refusal(Parts(body))
    lines, start = inspect.getsourcelines(body)
    number = next(k for k, line in enumerate(lines) if "# here" in line)
    code = lines[number].strip()
    message = str(error)
    assert error.source == f"refused.py:{start + number} in {body.__name__}: {code}"
    assert message.startswith(f"refused.py:{start + number} in {body.__name__}: ")
    assert f"\n    {code}\n  what to do: " in message
    assert reason in error.reason and remedy in error.remedy
    assert capfd.readouterr() == ("", "")


def test_line_within_a_submodule_and_its_path() -> None:
    class Pooling(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.var(1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.ModuleDict({"rnn": nn.GRU(6, 5, batch_first=True), "pool": Pooling()})

        def forward(self, x: Tensor) -> Tensor:
            return self.encoder["pool"](self.encoder["rnn"](x)[0])

    error = refusal(Net())
    assert "return x.var(1)" in error.source
    assert error.node == "aten.var.correction (encoder.pool)"


def test_line_of_a_call_with_packed_sequences() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True, bidirectional=True)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            packed, _ = self.lstm(packed)
            return nn.utils.rnn.pad_packed_sequence(packed)[0]

    error = refusal(Net(), ["1,T,6", "length:1"])
    assert "packed, _ = self.lstm(packed)" in error.source
    assert error.node == "aten.lstm.input (lstm)"


def test_without_user_code_the_path_says_where() -> None:
    error = refusal(nn.GRU(6, 5, bidirectional=True, batch_first=True))
    assert error.source == "" and str(error).startswith("cannot convert 'aten.gru.input'")


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [("2,T,6", "batch size 2"), ("T,1,6", "runs over axis 1 of its input, but time is axis 0")],
)
def test_shapes_of_the_input(inputs: str, reason: str) -> None:
    error = refusal(Parts(lambda self, x: self.gru(x)[0]), inputs)
    assert reason in error.reason and error.remedy


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda self, x: None, "returns no tensor"),
        (lambda self, x: torch.zeros(1, x.size(1), 3), "'output' does not depend on the input"),
        (lambda self, x: (self.gru(x)[0], self.encoding), "'output_1' does not depend on the input"),
        (lambda self, x: nn.utils.rnn.pack_sequence([x[0]]), "returns a packed sequence"),
    ],
)
def test_outputs(body: Callable[[Any, Tensor], Any], reason: str) -> None:
    error = refusal(Parts(body))
    assert reason in error.reason and error.remedy


class Remembers(nn.Module):
    """Modules that keep their state between calls, in the ways that people write it."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.h: Tensor | None = None
        self.calls = 0
        self.past: list[Tensor] = []
        if how.startswith("buffer"):
            self.register_buffer("memory", torch.zeros(1, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "attribute":
            y, h = self.gru(x, self.h)
            self.h = h.detach()
            return y
        if self.how == "buffer_copied":
            y, h = self.gru(x, self.memory)
            self.memory.copy_(h)
            return y
        if self.how == "buffer_assigned":
            y, self.memory = self.gru(x, self.memory)
            return y
        if self.how == "counter":
            self.calls += 1
            return self.gru(x)[0] * self.calls
        y, h = self.gru(x, self.past[-1] if self.past else None)
        self.past.append(h.detach())
        return y


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("attribute", "hidden state from call to call, or draws random numbers (forward assigns self.h)"),
        ("buffer_copied", "'memory': the module keeps hidden state"),
        ("buffer_assigned", "'memory': the module keeps hidden state"),
        ("counter", "(forward assigns self.calls)"),
        ("list", "hidden state from call to call"),
    ],
)
def test_hidden_state_is_refused(how: str, words: str) -> None:
    error = refusal(Remembers(how))
    assert words in error.reason
    assert "take the state as an argument of forward and return it" in error.remedy
    if how == "buffer_copied":
        assert "self.memory.copy_(h)" in error.source


def test_state_that_each_call_sets_anew_is_fine() -> None:
    class Tutorial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            self.hidden = (torch.zeros(1, x.size(0), 5), torch.zeros(1, x.size(0), 5))
            out, self.hidden = self.lstm(x, self.hidden)
            self.last_attention = out.detach()
            return out

    model = edgernn.convert(Tutorial(), inputs="1,T,6")
    assert len(model.interface.states) == 2


def test_message_of_an_error_without_a_line() -> None:
    error = UnsupportedModelError("no", node="n", remedy="yes")
    assert str(error) == "cannot convert 'n': no\n  what to do: yes"
