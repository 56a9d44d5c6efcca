"""The .ern file of a model of two parts: both, and their constants by part and number of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgernn.errors import ArtifactError
from edgernn.ir.container import read_container
from edgernn.ir.ernfile import NIBBLES_KEY, PROGRAM_KEY, read_bytes, unpacked
from edgernn.ir.graph import Port
from edgernn.ir.interface import METADATA_KEY, Interface, parse_json_object, require, state_from_plain
from edgernn.ir.op import Array, Op
from edgernn.ir.segment import Segment
from edgernn.ir.segmentfile import segment_of
from edgernn.ir.seq2seq import MODE, Carried, Seq2SeqProgram, by_name, same_elements, seq2seq_fingerprint

PARTS = ("encode", "step")


def read_seq2seq(path: Path, ops: Mapping[str, type[Op]]) -> tuple[Interface, Seq2SeqProgram]:
    """Interface and program of an .ern file. Raises ArtifactError on a damaged or foreign file."""
    where = str(path)
    metadata, arrays = read_container(read_bytes(path), where)
    if METADATA_KEY not in metadata or PROGRAM_KEY not in metadata:
        raise ArtifactError(f"{where}: a safetensors file, but not an .ern: it holds no program")
    interface = Interface.from_json(metadata[METADATA_KEY], where)
    if interface.mode != MODE or interface.writing is None or interface.encoder is None:
        raise ArtifactError(f"{where}: mode {interface.mode!r}; an encoder with a decoder was expected")
    unpacked(arrays, parse_json_object(metadata.get(NIBBLES_KEY, "{}"), where), where)
    plain = parse_json_object(metadata[PROGRAM_KEY], where)
    encode, step = (_part(plain, name, arrays, ops, where) for name in PARTS)
    encode.tokenizer = interface.encoder.tokenizer
    memory = require(plain, "memory", dict, where)
    if not all(isinstance(name, str) for name in memory.values()):
        raise ArtifactError(f"{where}: memory must name outputs, found {memory!r:.100}")
    program = Seq2SeqProgram(
        interface.name, encode, step, memory, [_carried(c, where) for c in require(plain, "carried", list, where)],
        require(plain, "symbol", str, where), require(plain, "scores", str, where), interface.writing,
        interface.tokenizer,
    )  # fmt: skip
    _check(program, where)
    if seq2seq_fingerprint(program) != interface.fingerprint or not _as_told(program.interface(), interface):
        raise ArtifactError(f"{where}: the contents do not match their fingerprint: the file is damaged")
    return interface, program


def _part(
    plain: dict[str, Any], name: str, arrays: Mapping[str, Array], ops: Mapping[str, type[Op]], where: str
) -> Segment:
    part, prefix = require(plain, name, dict, where), f"{name}/"
    own = {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
    where = f"{where}: {name}"
    return segment_of(Interface.from_json(require(part, "interface", str, where), where), part, own, ops, where)


def _carried(plain: Any, where: str) -> Carried:
    if not isinstance(plain, dict):
        raise ArtifactError(f"{where}: what is carried must be objects")
    names = [require(plain, key, str, where) for key in ("before", "after", "start")]
    return Carried(state_from_plain(require(plain, "state", dict, where), where), *names)


def _check(program: Seq2SeqProgram, where: str) -> None:
    """Every input of the step is given, in its type."""
    inputs, outputs, made = (by_name(p) for p in (program.step.inputs, program.step.outputs, program.encode.outputs))
    given = [program.symbol, *program.memory, *(c.before for c in program.carried)]
    if sorted(map(str, given)) != sorted(inputs) or program.scores not in outputs:
        raise ArtifactError(f"{where}: the decoder takes {list(inputs)!r:.100}, and is given {given!r:.100}")
    pairs: list[tuple[Port | None, Any]] = [(made.get(outer), inputs[name]) for name, outer in program.memory.items()]
    for carried in program.carried:
        pairs.append((inputs[carried.before], carried.state))
        pairs += [(outputs.get(carried.after), carried.state)] if carried.after else []
        pairs += [(made.get(carried.start), carried.state)] if carried.start else []
    symbol = inputs[program.symbol]
    fits = symbol.dtype == "int32" and symbol.size == 1 and program.step.max_steps == program.encode.max_steps
    if not fits or any(port is None or not same_elements(port, other) for port, other in pairs):
        raise ArtifactError(f"{where}: the parts do not fit together: the file is damaged")


def _as_told(found: Interface, told: Interface) -> bool:
    """Whether the file says of itself what its program is."""
    return found.to_json() == told.to_json()
