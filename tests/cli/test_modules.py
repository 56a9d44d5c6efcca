"""Finding the user's model, and saying what is wrong with it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from edgernn.cli.common.modules import load_module, parse_arguments
from edgernn.errors import UsageError

SOURCE = """
import torch
from torch import nn

import neighbour


class Net(nn.Module):
    def __init__(self, inputs, hidden=4, *, bias=True):
        super().__init__()
        self.linear = nn.Linear(inputs, hidden, bias)

    class Inner(nn.Module):
        pass


def build(kind="plain"):
    if kind == "broken":
        return neighbour.fail()
    return Net(3) if kind == "plain" else kind


ready = Net(5).train()
number = 3
"""
NEIGHBOUR = """
def fail():
    numbers = []
    return numbers[2]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with model.py and neighbour.py. What they add to sys is taken back."""
    (tmp_path / "model.py").write_text(SOURCE)
    (tmp_path / "neighbour.py").write_text(NEIGHBOUR)
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("from torch import nn\n\nNet = nn.Linear\n")
    (package / "needy.py").write_text("import not_there_at_all\n")
    before, modules = list(sys.path), set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_class_with_arguments(folder: Path) -> None:
    module = load_module(f"{folder / 'model.py'}:Net", ["inputs=7", "bias=False"])
    assert (module.linear.in_features, module.linear.bias) == (7, None)
    assert not module.training


def test_a_factory_an_instance_and_a_nested_class(folder: Path) -> None:
    assert load_module("model.py:build").linear.in_features == 3
    assert load_module("model.py:ready").linear.in_features == 5
    assert not load_module("model.py:ready").training
    assert isinstance(load_module("model.py:Net.Inner"), nn.Module)


def test_a_module_by_its_dotted_name(folder: Path) -> None:
    net = load_module("pack.nets:Net", ["in_features=2", "out_features=3"])
    assert isinstance(net, nn.Linear)


def test_a_file_whose_name_is_taken(folder: Path) -> None:
    (folder / "json.py").write_text("from torch import nn\n\nNet = nn.Identity\n")
    import json

    assert isinstance(load_module("json.py:Net"), nn.Identity)
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("reference", "arguments", "message"),
    [
        ("model.py", [], "expected file.py:name or package.module:name"),
        ("model.py:", [], "expected file.py:name"),
        ("nothing.py:Net", [], "nothing.py: no such file"),
        ("nothing.at.all:Net", [], "there is no module 'nothing'"),
        ("pack.nothing:Net", [], "there is no module 'pack.nothing'"),
        ("pack.needy:Net", [], "No module named 'not_there_at_all'"),
        ("../x:Net", [], "neither a .py file nor a module name"),
        ("model.py:Nett", [], "Did you mean 'Net'"),
        ("model.py:zzz", [], "Models there: Net, ready"),
        ("model.py:number", [], "is of type int"),
        ("model.py:build", ["kind=7"], "returned int"),
        ("model.py:ready", ["inputs=3"], "is an instance: --arg has nothing to go to"),
        (
            "model.py:Net",
            [],
            "missing a required argument: 'inputs'; it is Net(inputs, hidden=4, *, bias=True)",
        ),
        ("model.py:Net", ["inputs=3", "size=4"], "unexpected keyword argument 'size'"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, reference: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_module(reference, arguments)
    assert message in str(caught.value)


def test_an_exception_in_the_users_code_shows_its_innermost_line(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_module("model.py:build", ["kind=broken"])
    message = str(caught.value)
    assert f"{folder / 'neighbour.py'}:4, in fail" in message
    assert "return numbers[2]" in message
    assert "IndexError: list index out of range" in message


def test_an_exception_inside_torch_shows_the_line_that_called_it(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_module("model.py:Net", ["inputs='three'"])
    assert f"{folder / 'model.py'}:11, in __init__" in str(caught.value)


def test_a_syntax_error_shows_its_line(folder: Path) -> None:
    (folder / "bad.py").write_text("x = 1\ny = = 2\n")
    with pytest.raises(UsageError, match=r"bad\.py:2: invalid syntax\s+y = = 2"):
        load_module("bad.py:x")


def test_a_file_that_ends_the_program(folder: Path) -> None:
    (folder / "script.py").write_text("import sys\n\nsys.exit(4)\n")
    with pytest.raises(UsageError, match=r"the code ended the program \(exit code 4\)"):
        load_module("script.py:x")


def test_arguments_are_literals_or_text() -> None:
    parsed = parse_arguments(["a=1", "b=[1, 2]", "c=word", "d='1'", "e=None", "f=x=y", "g="])
    assert parsed == {"a": 1, "b": [1, 2], "c": "word", "d": "1", "e": None, "f": "x=y", "g": ""}
    for wrong in (["a"], ["=1"], ["a b=1"], ["a=1", "a=2"]):
        with pytest.raises(UsageError, match="--arg"):
            parse_arguments(wrong)


def test_a_linear_layer_is_a_module() -> None:
    module = load_module("torch.nn:Linear", ["in_features=2", "out_features=1"])
    assert module(torch.zeros(1, 2)).shape == (1, 1)
