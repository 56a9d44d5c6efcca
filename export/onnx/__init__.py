"""Writes .onnx files: one step with explicit state, or a whole segment, in standard operators only.

Graph inputs are the input ports, then the states; graph outputs are the output ports, then the next states,
named ``<state>_next``. Every one of them has the shape (1, 1, *frame): the sequence and batch axes of the
recurrent operators. Of a model of whole segments there are ports alone, of shape (steps, 1, *frame) where they are of
every frame. The metadata entry "edgernn" holds the interface, and the last bytes of the file a
checksum (see ``edgernn.ir.onnxfile``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
from edgernn.export.onnx.model import ModelBuilder, model_of
from edgernn.export.onnx.segments import SegmentBuilder
from edgernn.export.onnx.sequences import takes_sequences
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph
from edgernn.ir.interface import METADATA_KEY, Interface
from edgernn.ir.legalize import legalize
from edgernn.ir.onnxfile import CHECKSUM_KEY, checksum
from edgernn.ir.segment import Segment, Stage, with_live_port

BACKEND = "onnx"
MAX_WEIGHT_BYTES = 2_000_000_000
"""Protobuf's limit of 2 GiB a message, less the program and its metadata."""

__all__ = [
    "can_lower", "lower", "lower_integer", "lower_integer_frame", "lower_integer_recurrent", "lower_integer_running",
    "to_bytes", "to_file", "write",
]  # fmt: skip


def write(model: Graph | Segment, path: Path) -> None:
    """Write a step program, or a model of whole segments, as an .onnx file at ``path``.

    Raises UnsupportedOpError for an op without an ONNX form, UnsupportedModelError for a model beyond the
    2 GB that an ONNX file holds, OutputError where the file cannot be written.
    """
    write_file(path, to_bytes(model))


def to_bytes(model: Graph | Segment) -> bytes:
    """The .onnx file of ``model``. Raises as ``write``."""
    return to_file(build_segment(model) if isinstance(model, Segment) else build(model))


def to_file(built: onnx.ModelProto) -> bytes:
    """The checked file of a model, and its checksum. Raises UnsupportedModelError where the checker refuses it."""
    try:
        onnx.checker.check_model(built, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = f"the ONNX checker refuses model {built.graph.name!r}: {error}"
        raise UnsupportedModelError(reason, remedy="choose another --format") from None
    body: bytes = built.SerializeToString(deterministic=True)
    trailer: bytes = _entry(CHECKSUM_KEY, checksum(body)).SerializeToString()
    return body + trailer


def build(graph: Graph) -> onnx.ModelProto:
    """``graph`` as an ONNX model with its metadata, not yet checked."""
    _check_size([graph])
    builder = ModelBuilder(legalize(graph, BACKEND, can_lower))
    builder.lower_all(lower)
    model = model_of(builder.finish(graph.name or "model"), builder.store, bool(builder.scales))
    model.MergeFrom(_entry(METADATA_KEY, Interface.of(graph, fingerprint(graph)).to_json()))
    return model


def build_segment(segment: Segment, at_once: Callable[[Stage], bool] = takes_sequences) -> onnx.ModelProto:
    """``segment`` as an ONNX model with its metadata, not yet checked; ``at_once`` as for ``SegmentBuilder``."""
    _check_size([stage.graph for stage in segment.stages])
    stages = [replace(s, graph=legalize(s.graph, BACKEND, can_lower)) for s in map(with_live_port, segment.stages)]
    builder = SegmentBuilder(replace(segment, stages=stages), at_once)
    model = model_of(builder.finish(), builder.store, builder.integer)
    model.MergeFrom(_entry(METADATA_KEY, segment.interface().to_json()))
    return model


def _check_size(graphs: Sequence[Graph]) -> None:
    size = sum({id(array): array.nbytes for graph in graphs for array in graph.constants.values()}.values())
    if size > MAX_WEIGHT_BYTES:
        reason = f"the weights have {size} bytes; an ONNX file holds at most {MAX_WEIGHT_BYTES}"
        raise UnsupportedModelError(reason, remedy="choose another --format")


def _entry(key: str, value: str) -> onnx.ModelProto:
    """A model that holds one metadata entry and nothing else."""
    return onnx.ModelProto(metadata_props=[onnx.StringStringEntryProto(key=key, value=value)])
