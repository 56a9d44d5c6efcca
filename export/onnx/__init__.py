"""Writes .onnx files: one step with explicit state, in standard operators only.

Graph inputs are the input ports, then the states; graph outputs are the output ports, then the next states,
named ``<state>_next``. Every one of them has the shape (1, 1, *frame): the sequence and batch axes of the
recurrent operators. The metadata entry "edgernn" holds the interface, and the last bytes of the file a
checksum (see ``edgernn.ir.onnxfile``).
"""

from __future__ import annotations

from pathlib import Path

import onnx

from edgernn.errors import UnsupportedModelError
from edgernn.export.files import write_file
from edgernn.export.onnx import (
    lower_integer,
    lower_integer_frame,
    lower_integer_recurrent,
    lower_integer_running,
)
from edgernn.export.onnx.lower import can_lower, lower
from edgernn.export.onnx.model import ModelBuilder
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph
from edgernn.ir.interface import METADATA_KEY, Interface
from edgernn.ir.legalize import legalize
from edgernn.ir.onnxfile import CHECKSUM_KEY, checksum
from edgernn.ops import Dequantize

BACKEND = "onnx"
MAX_WEIGHT_BYTES = 2_000_000_000
"""Protobuf's limit of 2 GiB a message, less the program and its metadata."""

__all__ = [
    "can_lower", "lower", "lower_integer", "lower_integer_frame", "lower_integer_recurrent", "lower_integer_running",
    "to_bytes", "write",
]  # fmt: skip


def write(graph: Graph, path: Path) -> None:
    """Write ``graph`` as an .onnx file at ``path``.

    Raises UnsupportedOpError for an op without an ONNX form, UnsupportedModelError for a model beyond the
    2 GB that an ONNX file holds, OutputError where the file cannot be written.
    """
    write_file(path, to_bytes(graph))


def to_bytes(graph: Graph) -> bytes:
    """The .onnx file of ``graph``. Raises as ``write``."""
    model = build(graph)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = f"the ONNX checker refuses model {graph.name!r}: {error}"
        raise UnsupportedModelError(reason, remedy="choose another --format") from None
    body: bytes = model.SerializeToString(deterministic=True)
    trailer: bytes = _entry(CHECKSUM_KEY, checksum(body)).SerializeToString()
    return body + trailer


def build(graph: Graph) -> onnx.ModelProto:
    """``graph`` as an ONNX model with its metadata, not yet checked."""
    size = sum(array.nbytes for array in graph.constants.values())
    if size > MAX_WEIGHT_BYTES:
        reason = f"the weights have {size} bytes; an ONNX file holds at most {MAX_WEIGHT_BYTES}"
        raise UnsupportedModelError(reason, remedy="choose another --format")
    legal = legalize(graph, BACKEND, can_lower)
    builder = ModelBuilder(legal)
    for node in legal.nodes:
        if isinstance(node.op, Dequantize):
            continue
        builder.node = node
        builder.define(node.outputs, lower(node.op, node, builder))
    model = builder.finish()
    model.MergeFrom(_entry(METADATA_KEY, Interface.of(graph, fingerprint(graph)).to_json()))
    return model


def _entry(key: str, value: str) -> onnx.ModelProto:
    """A model that holds one metadata entry and nothing else."""
    return onnx.ModelProto(metadata_props=[onnx.StringStringEntryProto(key=key, value=value)])
