"""Writes .tflite files: builtin operators, of float32 or of integers, state as explicit inputs and outputs.

Inputs are the ports and then the states, outputs the ports and then the states after the step, each
under its name (``<state>_next`` for the latter) in the one signature. Files of whole segments take the frames of the
longest segment, then how many of them there are (``edgernn.export.tflite.segments``). The model's metadata holds the
interface (JSON) and a SHA-256 of the file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgernn.export.files import write_file
from edgernn.export.tflite import (
    lower_frame,
    lower_integer,
    lower_integer_frame,
    lower_integer_recurrent,
    lower_integer_running,
    lower_recurrent,
)
from edgernn.export.tflite.ends import add_inputs, add_outputs
from edgernn.export.tflite.lower import BACKEND, knows, lower_program
from edgernn.export.tflite.lower_elementwise import can_lower_unary
from edgernn.export.tflite.segments import SegmentLowering
from edgernn.export.tflite.writer import Writer
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph
from edgernn.ir.interface import METADATA_KEY, Interface
from edgernn.ir.legalize import legalize
from edgernn.ir.op import Op
from edgernn.ir.segment import Segment, with_live_port
from edgernn.ops import Dequantize, Unary
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


def write(model: Graph | Segment, path: Path) -> None:
    """Write a step program, or a model of whole segments, as a .tflite file at ``path``, whole or not at all.

    Raises UnsupportedOpError, naming op and node, for an op that TensorFlow Lite cannot express, and
    OutputError where the file cannot be written.
    """
    write_file(path, to_bytes(model))


def to_bytes(model: Graph | Segment) -> bytes:
    """The .tflite file of ``model``."""
    writer = Writer(f"edgernn: {model.name}")
    if isinstance(model, Segment):
        stages = [replace(s, graph=legalize(s.graph, BACKEND, can_lower)) for s in map(with_live_port, model.stages)]
        inputs, outputs = SegmentLowering(replace(model, stages=stages), writer).ends()
        interface = model.interface()
    else:
        inputs, outputs = _step(model, writer)
        interface = Interface.of(model, fingerprint(model))
    return writer.finish(inputs, outputs, {METADATA_KEY: interface.to_json().encode()}, SIGNATURE)


def _step(graph: Graph, writer: Writer) -> tuple[dict[str, int], dict[str, int]]:
    """Append a step program. Returns its inputs and outputs, ports and states: names -> tensors."""
    legal, tensors = legalize(graph, BACKEND, can_lower), dict[str, int]()
    scales = infer_scales(legal)
    inputs = add_inputs(legal, writer, tensors, scales)
    lower_program(legal, writer, tensors, scales)
    return inputs, add_outputs(legal, writer, tensors, inputs)
