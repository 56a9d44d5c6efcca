"""Writes .ern files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from edgernn.ir import nibbles
from edgernn.ir.codec import fingerprint, graph_to_plain
from edgernn.ir.ernfile import NIBBLES_KEY, PROGRAM_KEY
from edgernn.ir.graph import Graph
from edgernn.ir.interface import METADATA_KEY, Interface


def write(graph: Graph, path: Path) -> None:
    """Write ``graph`` as an .ern file at ``path``."""
    interface = Interface.of(graph, fingerprint(graph))
    metadata = {METADATA_KEY: interface.to_json(), PROGRAM_KEY: json.dumps(graph_to_plain(graph))}
    tensors = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in graph.constants.items()}
    halves = {name: array.shape for name, array in tensors.items() if nibbles.fits(array)}
    if halves:
        metadata[NIBBLES_KEY] = json.dumps(halves)
        tensors.update({name: nibbles.pack(tensors[name]) for name in halves})
    path.write_bytes(save(tensors, metadata))
