"""ONNX model -> PyTorch module, which is captured like any other.

The nodes of the file run as operations on tensors. ``torch.export`` then sees what it sees of a user's module, so all
rules of capture hold; refusals name the node of the file in place of a line of code.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import onnx

from edgernn.capture.onnx.call import OnnxCall, onnx_call
from edgernn.capture.onnx.files import model_name, parse, read_model
from edgernn.capture.onnx.module import OnnxModule

__all__ = ["OnnxCall", "OnnxModel", "OnnxModule", "is_onnx", "read_onnx"]


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file that can be captured: the file as it is, and the module that computes the same."""

    proto: onnx.ModelProto
    module: OnnxModule
    call: OnnxCall
    file: str
    name: str


def is_onnx(model: Any) -> bool:
    """Whether ``model`` is a path or a ModelProto, and not a PyTorch module."""
    return isinstance(model, str | os.PathLike | onnx.ModelProto)


def read_onnx(model: Any, inputs: Any = None, state: Any = None) -> OnnxModel:
    """Read a file, or take a ModelProto; ``inputs`` and ``state`` as for ``onnx_call``.

    Raises UsageError for what is no ONNX model or cannot be called so, UnsupportedModelError for operators that are
    not read.
    """
    proto, file = read_model(model)
    graph = parse(proto, file)
    call = onnx_call(proto, graph, inputs, state)
    return OnnxModel(proto, OnnxModule(graph, call, file), call, file, model_name(file))
