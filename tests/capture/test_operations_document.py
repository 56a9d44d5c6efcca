"""docs/operations.md: its tables of operators are those of the rules, and its lines of code do what it says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import edgernn
from edgernn.capture.rules import RULES, decomposes
from edgernn.errors import UnsupportedModelError
from tests.capture.support import check, randomized
from tools.operations import DOCUMENT, GROUPS, operator_name, updated

TEXT = DOCUMENT.read_text()
LAYERS = sorted(set(re.findall(r"`nn\.(\w+)\(", TEXT)))


def rows(heading: str) -> list[tuple[str, str]]:
    """(code, second cell) of the table that follows a heading."""
    section = re.split(r"\n#+ |<!--", TEXT.split(f"\n{heading}\n", 1)[1])[0]
    return [(code, cell.strip()) for code, cell in re.findall(r"^\| `([^`]+)` \| (.*?) \|$", section, re.MULTILINE)]


class Model(nn.Module):
    """The module that the document describes; ``code`` is one expression of it."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 8, num_layers=2, batch_first=True)
        self.gru2 = nn.GRU(8, 8, batch_first=True)
        self.p, self.W = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(8, 4))
        self.code = compile(code, "operations.md", "eval")
        self.layers = nn.ModuleDict(self._layers(code))

    def _layers(self, code: str) -> dict[str, nn.Module]:
        """Layers that the expression makes are made once."""
        made = re.search(r"(?<![.\w])(nn\.\w+\([^()]*\))\(", code)
        return {"made": eval(made[1], {"nn": nn})} if made else {}

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        y, h = self.gru(x)
        layer: Callable[..., Any] = lambda *_, **__: self.layers["made"]  # noqa: E731
        made = type("nn", (), dict.fromkeys(LAYERS, staticmethod(layer)))
        names = {"self": self, "x": x, "y": y, "h": h, "lengths": lengths, "p": self.p, "W": self.W}
        return eval(self.code, {"torch": torch, "nn": made, **names})


def convert(code: str) -> edgernn.Model:
    return edgernn.convert(randomized(Model(code)), inputs=["1,T,6", "length:1"])


STARTS, ENDS = rows("### Where they start"), rows("### What they give")
FRAMES, REFUSED = rows("## Work on single frames"), rows("## What is refused")
BEFORE, AFTER = rows("## Frames before, and all frames so far"), rows("## Frames after the current one")
FEWER = rows("## Fewer frames than are given")


def test_the_tables_are_those_of_the_rules() -> None:
    assert updated(TEXT) == TEXT, "run python -m tools.operations"
    shown = {target for rules in GROUPS.values() for target in rules}
    assert shown == {target for target in RULES if target.startswith("aten.")}


def test_the_tables_of_code_are_found() -> None:
    assert [len(r) for r in (STARTS, ENDS, FRAMES, BEFORE, AFTER, FEWER)] == [6, 14, 14, 17, 12, 10]
    assert len(REFUSED) > 20


def test_compositions_are_decomposed() -> None:
    sentence = TEXT.split("Among them are ")[1].split(".\n")[0]
    names = re.findall(r"`(\w+)`", sentence)
    assert len(names) > 10
    for name in names:
        packet = getattr(torch.ops.aten, name)
        overloads = [getattr(packet, overload) for overload in packet.overloads()]
        assert any(decomposes(o) for o in overloads), name
        assert name not in {operator_name(target) for target in RULES}


@pytest.mark.parametrize("code", [code for code, _ in STARTS])
def test_starts(code: str) -> None:
    report = check(convert(f"{code}[0]"))
    assert report.passed, report.failures()


@pytest.mark.parametrize(("code", "kinds"), ENDS)
def test_ends(code: str, kinds: str) -> None:
    model = convert(code)
    assert ", ".join(p.kind for p in model.interface.outputs) == kinds
    report = check(model)
    assert report.passed, report.failures()


@pytest.mark.parametrize("code", [code for code, _ in FRAMES])
def test_frames(code: str) -> None:
    model = convert(code)
    assert [p.kind for p in model.interface.outputs] == ["frame"]
    report = check(model)
    assert report.passed, report.failures()


@pytest.mark.parametrize("code", [code for code, _ in BEFORE])
def test_frames_before(code: str) -> None:
    report = check(convert(code))
    assert report.passed, report.failures()


@pytest.mark.parametrize(("code", "timing"), AFTER)
def test_frames_after(code: str, timing: str) -> None:
    model = convert(code)
    assert f"{model.interface.delay}, {model.interface.tail}" == timing
    report = check(model)
    assert report.passed, report.failures()


@pytest.mark.parametrize(("code", "timing"), FEWER)
def test_fewer_frames(code: str, timing: str) -> None:
    model = convert(code)
    face = model.interface
    assert f"{face.hop}, {face.delay}, {face.tail}" == timing
    report = check(model)
    assert report.passed, report.failures()


@pytest.mark.parametrize(("code", "reason"), REFUSED)
def test_refusals(code: str, reason: str) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        convert(code)
    assert reason in caught.value.reason and caught.value.remedy
