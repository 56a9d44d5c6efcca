"""Weights: complete, fitting, and never unpickled."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from edgernn.cli.common.weights import load_weights
from edgernn.errors import UsageError


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


SOURCE = net()
STATE = SOURCE.state_dict()


def assert_loaded(module: nn.Module) -> None:
    for name, value in module.state_dict().items():
        assert torch.equal(value, STATE[name])


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (STATE, ""),
        ({"state_dict": STATE, "epoch": 3}, "took the weights under 'state_dict'"),
        ({"model": STATE, "optimizer": {"lr": 0.1}}, "took the weights under 'model'"),
        ({f"module.{k}": v for k, v in STATE.items()}, "dropped the prefix 'module.' of the keys"),
        (
            {"state_dict": {f"model.{k}": v for k, v in STATE.items()}},
            "took the weights under 'state_dict'; dropped the prefix 'model.' of the keys",
        ),
    ],
)
def test_state_dicts_as_trainers_write_them(tmp_path: Path, content: dict[str, Any], note: str) -> None:
    torch.save(content, tmp_path / "w.pt")
    module = net()
    assert load_weights(module, tmp_path / "w.pt") == note
    assert_loaded(module)


def test_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")
    module = net()
    assert load_weights(module, tmp_path / "w.safetensors") == ""
    assert_loaded(module)


def changed(**changes: Any) -> dict[str, Any]:
    keys = {k.replace("__", "."): v for k, v in changes.items()}
    return {k: v for k, v in {**STATE, **keys}.items() if v is not None}


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        (changed(_0__weight=None), []),
        ({**changed(), "0.weights": STATE["0.weight"]}, ["not in the model: 0.weights"]),
        ({k: v for k, v in STATE.items() if k != "0.weight"}, ["missing in the file: 0.weight"]),
        (
            {("0.weigth" if k == "0.weight" else k): v for k, v in STATE.items()},
            ["missing in the file: 0.weight (there is '0.weigth')", "not in the model: 0.weigth"],
        ),
        ({**STATE, "0.weight": torch.zeros(3, 5)}, ["0.weight: [3, 5] in the file, [3, 2] in the model"]),
        ({f"k{n}": torch.zeros(1) for n in range(9)}, ["k5 and 3 more"]),
        ({}, ["not a state dict"]),
        ({"lr": 0.1}, ["not a state dict: lr"]),
        ([1, 2], ["holds list, a state dict is expected"]),
    ],
)
def test_what_does_not_fit_is_listed(tmp_path: Path, content: Any, messages: list[str]) -> None:
    torch.save(content, tmp_path / "w.pt")
    module = net()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    if not messages:
        load_weights(module, tmp_path / "w.pt")
        return
    with pytest.raises(UsageError) as caught:
        load_weights(module, tmp_path / "w.pt")
    for message in messages:
        assert message in str(caught.value)
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_is_not_executed(tmp_path: Path) -> None:
    torch.save({"x": Trap(tmp_path / "sprung")}, tmp_path / "w.pt")
    (tmp_path / "p.pt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    for name in ("w.pt", "p.pt"):
        with pytest.raises(UsageError, match=r"cannot be loaded as tensors alone(.|\n)*what to do: .*state_dict"):
            load_weights(net(), tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_a_whole_pickled_model(tmp_path: Path) -> None:
    torch.save(SOURCE, tmp_path / "w.pt")
    with pytest.raises(UsageError, match="whole pickled models are not loaded"):
        load_weights(net(), tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.pt", b"", "cannot be loaded"),
        ("w.pt", b"nonsense", "cannot be loaded"),
        ("w.safetensors", b"nonsense", "not a whole safetensors file"),
        ("w.h5", b"x", r"unknown suffix '\.h5'; weights end in \.pt"),
        ("missing.pt", None, "no such file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_weights(net(), tmp_path / name)


def test_a_truncated_file(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pt")
    whole = (tmp_path / "w.pt").read_bytes()
    for size in (10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "w.pt").write_bytes(whole[:size])
        with pytest.raises(UsageError, match="cannot be loaded"):
            load_weights(net(), tmp_path / "w.pt")
