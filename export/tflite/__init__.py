"""Writes .tflite files: builtin operators, of float32 or of integers, state as explicit inputs and outputs.

Inputs are the ports and then the states, outputs the ports and then the states after the step, each
under its name (``<state>_next`` for the latter) in the one signature. The model's metadata holds the
interface (JSON) and a SHA-256 of the file.
"""

from __future__ import annotations

import os
from pathlib import Path

from edgernn.errors import OutputError
from edgernn.export.tflite import (
    lower_frame,
    lower_integer,
    lower_integer_frame,
    lower_integer_recurrent,
    lower_integer_running,
    lower_recurrent,
)
from edgernn.export.tflite.ends import add_inputs, add_outputs
from edgernn.export.tflite.lower import BACKEND, Lowering, knows, lower
from edgernn.export.tflite.lower_elementwise import can_lower_unary
from edgernn.export.tflite.writer import Writer
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph
from edgernn.ir.interface import METADATA_KEY, Interface
from edgernn.ir.legalize import legalize
from edgernn.ir.op import Op
from edgernn.ops import Dequantize, Unary
from edgernn.ops.dequantize import quantized_matrices
from edgernn.passes.scales import infer_scales

SIGNATURE = "serving_default"

__all__ = [
    "can_lower", "lower_frame", "lower_integer", "lower_integer_frame", "lower_integer_recurrent",
    "lower_integer_running", "lower_recurrent", "to_bytes", "write",
]  # fmt: skip


def can_lower(op: Op) -> bool:
    """Whether this backend expresses ``op`` itself; what it does not is decomposed, or refused.

    Matrices of int8 (Dequantize) are part of the layers that read them.
    """
    if isinstance(op, Dequantize):
        return True
    return can_lower_unary(op) if isinstance(op, Unary) else knows(op)


def write(graph: Graph, path: Path) -> None:
    """Write ``graph`` as a .tflite file at ``path``, whole or not at all.

    Raises UnsupportedOpError, naming op and node, for an op that TensorFlow Lite cannot express, and
    OutputError where the file cannot be written.
    """
    data = to_bytes(graph)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def to_bytes(graph: Graph) -> bytes:
    """The .tflite file of ``graph``."""
    interface = Interface.of(graph, fingerprint(graph))
    legal = legalize(graph, BACKEND, can_lower)
    writer, tensors = Writer(f"edgernn: {graph.name}"), dict[str, int]()
    scales, matrices = infer_scales(legal), quantized_matrices(legal)
    inputs = add_inputs(legal, writer, tensors, scales)
    for node in legal.nodes:
        if isinstance(node.op, Dequantize):
            continue
        to = Lowering(legal, writer, tensors, node, scales, matrices)
        tensors.update(zip(node.outputs, lower(node.op, to), strict=True))
    outputs = add_outputs(legal, writer, tensors, inputs)
    return writer.finish(inputs, outputs, {METADATA_KEY: interface.to_json().encode()}, SIGNATURE)
