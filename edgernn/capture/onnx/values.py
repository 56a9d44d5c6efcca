"""What an interpreted ONNX graph computes with: tensors, and numbers that are known while the graph is traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch

from edgernn.errors import UnsupportedModelError
from edgernn.ir.op import Array


@dataclass(frozen=True, eq=False)
class Fixed:
    """A value that does not depend on the data: an initializer, a size, or what is computed of these.

    weight  the same as a tensor of the module, for the floating-point constants of the file
    """

    array: Array
    weight: torch.Tensor | None = None


Value = torch.Tensor | Fixed
"""A value of an ONNX graph."""


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One node of an ONNX graph.

    name     its name in the file, or the name of its first output
    inputs   names of values, "" for one that is left out
    opset    version of the operator set of its domain
    number   position among all nodes of the file, from 1
    source   "model.onnx:3 in lstm: Y = LSTM(X, W, R)"
    graphs   attribute -> parsed graph, of If, Loop and Scan
    """

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int
    number: int
    source: str
    graphs: Mapping[str, OnnxGraph] = field(default_factory=dict)

    def attr(self, name: str, default: Any = None) -> Any:
        """An attribute, or ``default`` where the file does not give it."""
        return self.attributes.get(name, default)

    def refuse(self, reason: str, remedy: str = "export the model without it, or from PyTorch") -> NoReturn:
        """Raise UnsupportedModelError for this node."""
        raise UnsupportedModelError(reason, node=f"{self.op} ({self.name})", source=self.source, remedy=remedy)


@dataclass(frozen=True, eq=False)
class OnnxGraph:
    """Nodes in execution order; names of inputs and outputs. ``constants`` are its initializers."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]

    def outer(self) -> list[str]:
        """Names that its nodes read and that an outer graph defines."""
        known = {*self.inputs, *self.constants}
        found: dict[str, None] = {}
        for node in self.nodes:
            inner = [n for graph in node.graphs.values() for n in graph.outer()]
            found.update(dict.fromkeys(n for n in (*node.inputs, *inner) if n and n not in known))
            known.update(node.outputs)
        found.update(dict.fromkeys(n for n in self.outputs if n not in known))
        return list(found)


def tensor(value: Value, like: torch.Tensor | None = None) -> torch.Tensor:
    """``value`` as a tensor; floating-point numbers in the precision of ``like``."""
    if isinstance(value, torch.Tensor):
        return value
    if value.weight is not None:
        return value.weight
    made = torch.from_numpy(np.array(value.array))
    if made.is_floating_point():
        return made.to(like.dtype if like is not None and like.is_floating_point() else torch.float32)
    return made


def together(*values: Value) -> list[torch.Tensor]:
    """All values as tensors, in the precision of those that are tensors already."""
    like = next((v for v in values if isinstance(v, torch.Tensor) and v.is_floating_point()), None)
    if like is None:
        like = next((v.weight for v in values if isinstance(v, Fixed) and v.weight is not None), None)
    return [tensor(v, like) for v in values]


def fixed(node: OnnxNode, value: Value | None, what: str) -> Array:
    """The array of a value that must be known while the graph is traced."""
    if not isinstance(value, Fixed):
        node.refuse(
            f"its {what} must be a constant, not computed from the data",
            "make it a constant of the model",
        )
    return value.array


def ints(node: OnnxNode, value: Value | None, what: str) -> list[int]:
    """A list of integers that must be known while the graph is traced."""
    return [int(n) for n in fixed(node, value, what).reshape(-1)]


def number(node: OnnxNode, value: Value | None, what: str) -> float | int:
    """A single number that must be known while the graph is traced."""
    array = fixed(node, value, what)
    if array.size != 1:
        node.refuse(f"its {what} must be one number, found an array of shape {array.shape}")
    found: float | int = array.reshape(-1)[0].item()
    return found
