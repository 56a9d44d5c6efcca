"""The .ern file of a model that takes whole segments: the stages, and their constants by the number of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgernn.errors import ArtifactError
from edgernn.ir.codec import fingerprint, graph_from_plain
from edgernn.ir.container import read_container
from edgernn.ir.ernfile import NIBBLES_KEY, PROGRAM_KEY, read_bytes, read_ern, unpacked
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import METADATA_KEY, Interface, parse_json_object, require
from edgernn.ir.op import Array, Op
from edgernn.ir.segment import DIRECTIONS, MODE, TAKES, Segment, Stage, segment_fingerprint


def mode_of(path: Path) -> str:
    """The mode of the model in an .ern file, "" where it says none. Raises ArtifactError for what is no container."""
    metadata, _ = read_container(read_bytes(path), str(path))
    mode = parse_json_object(metadata.get(METADATA_KEY, "{}"), str(path)).get("mode")
    return mode if isinstance(mode, str) else ""


def holds_segment(path: Path) -> bool:
    """Whether an .ern file is of a model that takes segments. Raises ArtifactError for what is no container."""
    return mode_of(path) == MODE


def read_model(path: Path, ops: Mapping[str, type[Op]]) -> tuple[Interface, Graph | Segment]:
    """Interface and step program, or stages, of an .ern file. Raises ArtifactError on a damaged or foreign file."""
    return read_segment(path, ops) if holds_segment(path) else read_ern(path, ops)


def read_segment(path: Path, ops: Mapping[str, type[Op]]) -> tuple[Interface, Segment]:
    """Interface and stages of an .ern file. Raises ArtifactError on a damaged or foreign file."""
    where = str(path)
    metadata, arrays = read_container(read_bytes(path), where)
    if METADATA_KEY not in metadata or PROGRAM_KEY not in metadata:
        raise ArtifactError(f"{where}: a safetensors file, but not an .ern: it holds no program")
    interface = Interface.from_json(metadata[METADATA_KEY], where)
    if interface.mode != MODE:
        raise ArtifactError(f"{where}: mode {interface.mode!r}; a model of segments was expected")
    unpacked(arrays, parse_json_object(metadata.get(NIBBLES_KEY, "{}"), where), where)
    return interface, segment_of(interface, parse_json_object(metadata[PROGRAM_KEY], where), arrays, ops, where)


def segment_of(
    interface: Interface, plain: dict[str, Any], arrays: Mapping[str, Array], ops: Mapping[str, type[Op]], where: str
) -> Segment:
    """The stages that ``segment_to_plain`` described. Raises ArtifactError where they do not fit the interface."""
    stages = [
        _stage(entry, k, arrays, ops, f"{where}: stage {k}")
        for k, entry in enumerate(require(plain, "stages", list, where))
    ]
    segment = Segment(
        interface.name, _ports(interface.inputs, plain, "inputs", where),
        _ports(interface.outputs, plain, "outputs", where), stages,
        (interface.max_frames or 0) // interface.hop, interface.scheme, interface.sample_rate_hz, interface.hop,
        interface.tokenizer,
    )  # fmt: skip
    if not stages or segment.max_steps < 1:
        raise ArtifactError(f"{where}: a segment has stages, and at least one frame")
    _check_wiring(segment, where)
    if segment_fingerprint(segment) != interface.fingerprint:
        raise ArtifactError(f"{where}: the contents do not match their fingerprint: the file is damaged")
    return segment


def _stage(entry: Any, number: int, arrays: Mapping[str, Array], ops: Mapping[str, type[Op]], where: str) -> Stage:
    if not isinstance(entry, dict):
        raise ArtifactError(f"{where}: must be an object")
    direction, takes = require(entry, "direction", str, where), require(entry, "takes", dict, where)
    if direction not in DIRECTIONS or any(take not in TAKES for take in takes.values()):
        raise ArtifactError(f"{where}: unknown direction {direction!r:.40}, or {takes!r:.100}")
    shifts = require(entry, "shifts", dict, where)
    if any(type(shift) is not int or shift < 1 for shift in shifts.values()):
        raise ArtifactError(f"{where}: shifts must be positive, found {shifts!r:.100}")
    prefix = f"{number}/"
    constants = {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
    interface = Interface.from_json(require(entry, "interface", str, where), where)
    graph = graph_from_plain(interface, require(entry, "program", dict, where), constants, ops, where)
    if fingerprint(graph) != interface.fingerprint:
        raise ArtifactError(f"{where}: the contents do not match their fingerprint: the file is damaged")
    if max([0, *shifts.values()]) > graph.tail or (graph.tail and direction != "forward"):
        raise ArtifactError(f"{where}: shifts {shifts!r:.100} of a {direction} pass with a tail of {graph.tail}")
    return Stage(graph, direction, takes, shifts)


def _ports(ports: tuple[Port, ...], plain: dict[str, Any], key: str, where: str) -> list[Port]:
    values = require(plain, key, list, where)
    if len(values) != len(ports) or not all(isinstance(v, str) for v in values):
        raise ArtifactError(f"{where}: {key} must name a value for each port")
    return [replace(port, value=value) for port, value in zip(ports, values, strict=True)]


def _check_wiring(segment: Segment, where: str) -> None:
    """Every stage reads what there is by then, in its type."""
    made = {p.value: p for p in segment.inputs}
    for number, stage in enumerate(segment.stages):
        for port in stage.graph.inputs:
            source = made.get(port.name)
            if source is None or (source.dtype, source.size) != (port.dtype, port.size):
                raise ArtifactError(f"{where}: stage {number} reads {port.name!r:.60}, which does not fit or exist")
        made.update({p.name: p for p in stage.graph.outputs})
    missing = [p.name for p in segment.outputs if p.value not in made or made[p.value].size != p.size]
    if missing:
        raise ArtifactError(f"{where}: outputs {missing!r:.100} are made by no stage")
