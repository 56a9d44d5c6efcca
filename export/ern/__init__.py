"""Writes .ern files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from edgernn.ir import nibbles
from edgernn.ir.codec import fingerprint, graph_to_plain
from edgernn.ir.ernfile import NIBBLES_KEY, PROGRAM_KEY
from edgernn.ir.graph import Graph
from edgernn.ir.interface import METADATA_KEY, Interface
from edgernn.ir.op import Array
from edgernn.ir.segment import Segment, segment_to_plain
from edgernn.ir.seq2seq import Seq2SeqProgram, links_to_plain, part_to_plain


def write(model: Graph | Segment | Seq2SeqProgram, path: Path) -> None:
    """Write ``model`` as an .ern file at ``path``."""
    if isinstance(model, Seq2SeqProgram):
        _write_seq2seq(model, path)
    elif isinstance(model, Segment):
        _write_segment(model, path)
    else:
        _write_graph(model, path)


def _write_graph(graph: Graph, path: Path) -> None:
    interface = Interface.of(graph, fingerprint(graph))
    metadata = {METADATA_KEY: interface.to_json(), PROGRAM_KEY: json.dumps(graph_to_plain(graph))}
    _save(graph.constants, metadata, path)


def _write_segment(segment: Segment, path: Path) -> None:
    metadata = {METADATA_KEY: segment.interface().to_json(), PROGRAM_KEY: json.dumps(segment_to_plain(segment))}
    _save(_constants(segment), metadata, path)


def _write_seq2seq(program: Seq2SeqProgram, path: Path) -> None:
    parts = {"encode": program.encode, "step": program.step}
    plain = {**links_to_plain(program), **{name: part_to_plain(part) for name, part in parts.items()}}
    metadata = {METADATA_KEY: program.interface().to_json(), PROGRAM_KEY: json.dumps(plain)}
    constants = {f"{name}/{key}": a for name, part in parts.items() for key, a in _constants(part).items()}
    _save(constants, metadata, path)


def _constants(segment: Segment) -> dict[str, Array]:
    """By the number of the stage."""
    return {f"{k}/{n}": a for k, stage in enumerate(segment.stages) for n, a in stage.graph.constants.items()}


def _save(constants: Mapping[str, Array], metadata: dict[str, str], path: Path) -> None:
    tensors = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in constants.items()}
    halves = {name: array.shape for name, array in tensors.items() if nibbles.fits(array)}
    if halves:
        metadata[NIBBLES_KEY] = json.dumps(halves)
        tensors.update({name: nibbles.pack(tensors[name]) for name in halves})
    path.write_bytes(save(tensors, metadata))
