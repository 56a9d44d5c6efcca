"""What the outside of a model looks like. Every artifact carries it, as JSON, inside itself."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from edgernn.errors import ArtifactError
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.tokenizer import Tokenizer
from edgernn.ir.types import DTYPE_BYTES

FORMAT_VERSION = 1
METADATA_KEY = "edgernn"
PORT_KINDS = ("frame", "final", "static")
MAX_ELEMENTS = 1 << 28
"""Of one array."""

MAX_FRAME_ELEMENTS = 1 << 24
"""Of all ports, all states, or all values of one step together."""

LIVE_STATE = "stream_live"
"""Name of the state of a model with a delay that is 1 while frames come, 0 once the sequence has ended: one int32."""

LINE_STATE = "stream_live_line"
"""Name of the state that holds what LIVE_STATE was in the steps before, oldest first, and 0 before the first frame."""

T = TypeVar("T")


@dataclass(frozen=True)
class Writing:
    """How a decoder writes: it reads the symbol ``start`` first, nothing follows ``end``; at most ``max_output``."""

    start: int
    end: int
    max_output: int

    def to_plain(self) -> dict[str, int]:
        """The numbers by name."""
        return {"start": self.start, "end": self.end, "max_output": self.max_output}

    @classmethod
    def from_plain(cls, plain: dict[str, Any], symbols: int, where: str) -> Writing:
        """Raises ArtifactError for what is no symbol of so many."""
        found = cls(*(require(plain, key, int, where) for key in ("start", "end", "max_output")))
        if not (0 <= found.start < symbols and 0 <= found.end < symbols and found.max_output >= 1):
            raise ArtifactError(f"{where}: {plain!r:.100} does not fit a decoder of {symbols} symbols")
        return found


@dataclass(frozen=True)
class Interface:
    """Ports, states and timing of an artifact.

    fingerprint  SHA-256 (hex) of the program and its weights: equal for all artifacts of one export
    mode         "stream", "segment", or "seq2seq": a decoder that writes after an encoder has read a source
    scheme       "float32", "int16x8", ...
    hop          input frames consumed by one step
    delay        steps by which outputs lag behind the frame they belong to
    tail         steps after the last frame of a sequence that the last outputs need
    tokenizer    what the symbols that the model reads or writes stand for; like the name, it has no part in the
                 fingerprint: programs that compute the same exchange snapshots whatever their symbols are called
    max_frames   the most frames of a segment; None for what takes no segments
    memory       of what takes segments: bytes of all that is kept between passes, and of the states of one pass
    writing      of a decoder: where it begins and ends
    encoder      of a decoder: the interface of its encoder, of mode "segment"
    """

    name: str
    fingerprint: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    states: tuple[State, ...]
    mode: str = "stream"
    scheme: str = "float32"
    hop: int = 1
    delay: int = 0
    sample_rate_hz: float | None = None
    tail: int = 0
    tokenizer: Tokenizer | None = None
    max_frames: int | None = None
    memory: tuple[int, int] = (0, 0)
    writing: Writing | None = None
    encoder: Interface | None = None

    @property
    def state_bytes(self) -> int:
        """Bytes of all states together."""
        return sum(state.nbytes for state in self.states)

    def whole_segment(self) -> Interface:
        """Of a model of segments, as a step that takes the most frames at once; other interfaces as they are."""
        if self.max_frames is None:
            return self
        most = self.max_frames // self.hop
        inputs, outputs = (
            tuple(replace(p, shape=(most, *p.shape)) if p.kind == "frame" else p for p in ports)
            for ports in (self.inputs, self.outputs)
        )
        return replace(self, inputs=inputs, outputs=outputs, hop=self.max_frames)

    def to_json(self) -> str:
        """The text that artifacts carry."""
        return json.dumps({"format": FORMAT_VERSION, "fingerprint": self.fingerprint, **self.program()})

    def program(self) -> dict[str, Any]:
        """Everything but the fingerprint, as plain values."""
        return {
            "name": self.name,
            "mode": self.mode,
            "scheme": self.scheme,
            "hop": self.hop,
            "delay": self.delay,
            "sample_rate_hz": self.sample_rate_hz,
            **({"tail": self.tail} if self.tail else {}),
            **({} if self.tokenizer is None else {"tokenizer": self.tokenizer.to_plain()}),
            **({} if self.max_frames is None else {"max_frames": self.max_frames}),
            **({} if self.max_frames is None else {"memory": list(self.memory)}),
            **({} if self.writing is None else {"writing": self.writing.to_plain()}),
            **({} if self.encoder is None else {"encoder": json.loads(self.encoder.to_json())}),
            "inputs": [_port_to_plain(p) for p in self.inputs],
            "outputs": [_port_to_plain(p) for p in self.outputs],
            "states": [state_to_plain(s) for s in self.states],
        }

    @classmethod
    def of(cls, graph: Graph, fingerprint: str) -> Interface:
        """The interface of ``graph``."""
        return cls(
            graph.name, fingerprint, tuple(graph.inputs), tuple(graph.outputs), tuple(graph.states),
            graph.mode, graph.scheme, graph.hop, graph.delay, graph.sample_rate_hz, graph.tail,
            graph.tokenizer,
        )  # fmt: skip

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Interface:
        """Parse what ``to_json`` wrote. Raises ArtifactError naming ``where``."""
        return cls.from_plain(parse_json_object(text, where), where)

    @classmethod
    def from_plain(cls, plain: dict[str, Any], where: str) -> Interface:
        """Build from plain values. Raises ArtifactError naming ``where``."""
        version = plain.get("format")
        if version != FORMAT_VERSION:
            raise ArtifactError(f"{where}: format version {version!r}, this edgernn reads version {FORMAT_VERSION}")
        rate = plain.get("sample_rate_hz")
        if rate is not None and not (isinstance(rate, int | float) and rate > 0):
            raise ArtifactError(f"{where}: sample_rate_hz must be a positive number or null, not {rate!r}")
        outputs = _ports(plain, "outputs", where)
        interface = cls(
            name=require(plain, "name", str, where),
            fingerprint=_fingerprint(require(plain, "fingerprint", str, where), where),
            inputs=_ports(plain, "inputs", where),
            outputs=outputs,
            states=tuple(state_from_plain(p, where) for p in require(plain, "states", list, where)),
            mode=require(plain, "mode", str, where),
            scheme=require(plain, "scheme", str, where),
            hop=require(plain, "hop", int, where),
            delay=require(plain, "delay", int, where),
            sample_rate_hz=None if rate is None else float(rate),
            tail=require(plain, "tail", int, where) if "tail" in plain else 0,
            tokenizer=Tokenizer.from_plain(plain["tokenizer"], where) if "tokenizer" in plain else None,
            max_frames=require(plain, "max_frames", int, where) if "max_frames" in plain else None,
            memory=_memory(plain, where),
            writing=_writing(plain, outputs, where) if "writing" in plain else None,
            encoder=cls.from_plain(require(plain, "encoder", dict, where), where) if "encoder" in plain else None,
        )
        interface._check(where)
        return interface

    def _check(self, where: str) -> None:
        for kind, names in (
            ("input", [p.name for p in self.inputs]),
            ("output", [p.name for p in self.outputs]),
            ("state", [s.name for s in self.states]),
        ):
            if len(set(names)) != len(names):
                raise ArtifactError(f"{where}: {kind} names are not unique: {names}")
        if not self.inputs or not self.outputs:
            raise ArtifactError(f"{where}: a model needs inputs and outputs")
        sizes = [p.size for p in (*self.inputs, *self.outputs)] + [s.initial.size for s in self.states]
        if sum(sizes) > 2 * MAX_FRAME_ELEMENTS:
            raise ArtifactError(f"{where}: ports and states of {sum(sizes)} elements are larger than edgernn handles")
        if self.hop < 1 or self.delay < 0 or self.tail < 0:
            found = f"hop {self.hop} must be at least 1, delay {self.delay} at least 0, tail {self.tail} too"
            raise ArtifactError(f"{where}: {found}")
        if (self.mode == "segment") != (self.max_frames is not None and self.max_frames >= 1):
            raise ArtifactError(f"{where}: mode {self.mode!r} with max_frames {self.max_frames}")
        if (self.max_frames or 0) % self.hop:
            raise ArtifactError(f"{where}: max_frames {self.max_frames} are no whole steps of {self.hop}")
        is_part = self.encoder is not None and self.encoder.mode == "segment" and self.writing is not None
        if (self.mode == "seq2seq") != is_part or (self.mode != "seq2seq" and self.encoder is not None):
            raise ArtifactError(f"{where}: a decoder, and nothing else, has an encoder and says where it begins")
        wanted = max(self.delay, self.tail)
        if wanted:
            self._check_live(wanted, where)

    def _check_live(self, steps: int, where: str) -> None:
        found = {s.name: s for s in self.states}
        live, line = found.get(LIVE_STATE), found.get(LINE_STATE)
        fits = live is not None and (live.dtype, live.shape) == ("int32", (1,))
        if not fits or line is None or line.dtype != "int32" or line.shape[0] < steps:
            raise ArtifactError(
                f"{where}: a model with a delay of {self.delay} and a tail of {self.tail} has a state {LIVE_STATE!r} "
                f"of one int32 and a state {LINE_STATE!r} of at least {steps}, which this one lacks"
            )


def parse_json_object(text: str | bytes, where: str) -> dict[str, Any]:
    """A JSON object. Raises ArtifactError naming ``where``."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{where}: the metadata is not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise ArtifactError(f"{where}: the metadata is not a JSON object")
    return plain


def require(plain: dict[str, Any], key: str, kind: type[T], where: str) -> T:
    """``plain[key]``, which must be exactly of ``kind``. Raises ArtifactError naming ``where``."""
    value = plain.get(key)
    if type(value) is not kind:
        raise ArtifactError(f"{where}: field {key!r} must be {kind.__name__}, found {type(value).__name__}")
    return value


def shape_of(plain: dict[str, Any], where: str, limit: int = MAX_FRAME_ELEMENTS) -> tuple[int, ...]:
    """The field "shape": positive integers, of at most ``limit`` elements. Raises ArtifactError."""
    shape = require(plain, "shape", list, where)
    size = 1
    for n in shape:
        if type(n) is not int or n < 1:
            raise ArtifactError(f"{where}: a shape has positive integers, found {shape!r:.100}")
        size *= n
    if size > limit or len(shape) > 8:
        raise ArtifactError(f"{where}: shape {shape!r:.100} is larger than edgernn handles")
    return tuple(shape)


def dtype_of(plain: dict[str, Any], where: str) -> str:
    """The field "dtype": a key of DTYPE_BYTES. Raises ArtifactError."""
    dtype = require(plain, "dtype", str, where)
    if dtype not in DTYPE_BYTES:
        raise ArtifactError(f"{where}: unknown dtype {dtype!r:.40}; known are {', '.join(DTYPE_BYTES)}")
    return dtype


def _memory(plain: dict[str, Any], where: str) -> tuple[int, int]:
    found = plain.get("memory", [0, 0])
    if not (isinstance(found, list) and len(found) == 2 and all(type(n) is int and n >= 0 for n in found)):
        raise ArtifactError(f"{where}: memory must be two numbers of bytes, found {found!r:.60}")
    return found[0], found[1]
def _writing(plain: dict[str, Any], outputs: tuple[Port, ...], where: str) -> Writing:
    return Writing.from_plain(require(plain, "writing", dict, where), outputs[0].size if outputs else 0, where)


def _fingerprint(text: str, where: str) -> str:
    if len(text) != 64 or any(c not in "0123456789abcdef" for c in text):
        raise ArtifactError(f"{where}: the fingerprint must be 64 hex digits, found {text!r:.80}")
    return text


def _ports(plain: dict[str, Any], key: str, where: str) -> tuple[Port, ...]:
    return tuple(_port_from_plain(p, f"{where}: {key}[{k}]") for k, p in enumerate(require(plain, key, list, where)))


def _port_to_plain(port: Port) -> dict[str, Any]:
    return {
        "name": port.name, "shape": list(port.shape), "dtype": port.dtype, "kind": port.kind, "limit": port.limit,
        "scale": port.scale,
    }  # fmt: skip


def _port_from_plain(plain: Any, where: str) -> Port:
    if not isinstance(plain, dict):
        raise ArtifactError(f"{where}: must be an object")
    kind, limit = require(plain, "kind", str, where), plain.get("limit")
    if kind not in PORT_KINDS:
        raise ArtifactError(f"{where}: unknown kind {kind!r:.40}")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ArtifactError(f"{where}: limit must be a positive integer or null, not {limit!r:.40}")
    name, shape, dtype = require(plain, "name", str, where), shape_of(plain, where), dtype_of(plain, where)
    return Port(name, shape, dtype, kind, limit, scale=_scale(plain, where))


def _scale(plain: dict[str, Any], where: str) -> float | None:
    scale = plain.get("scale")
    if scale is not None and not (isinstance(scale, int | float) and 0 < scale < 1e30):
        raise ArtifactError(f"{where}: scale must be a positive number or null, found {scale!r:.40}")
    return None if scale is None else float(scale)


def state_to_plain(state: State) -> dict[str, Any]:
    """All of a state but the values of the graph."""
    initial = None
    if np.any(state.initial):
        initial = base64.b64encode(little_endian(state.initial)).decode()
    return {
        "name": state.name, "shape": list(state.shape), "dtype": state.dtype, "initial": initial, "scale": state.scale,
    }  # fmt: skip


def state_from_plain(plain: Any, where: str) -> State:
    """What ``state_to_plain`` wrote. Raises ArtifactError."""
    if not isinstance(plain, dict):
        raise ArtifactError(f"{where}: a state must be an object")
    name = require(plain, "name", str, where)
    where = f"{where}: state {name!r:.60}"
    shape, dtype = shape_of(plain, where), dtype_of(plain, where)
    initial = np.zeros(shape, dtype)
    if plain.get("initial") is not None:
        initial = _decode_array(require(plain, "initial", str, where), shape, dtype, where)
    return State(name, shape, dtype, initial, scale=_scale(plain, where))


def _decode_array(text: str, shape: tuple[int, ...], dtype: str, where: str) -> Any:
    try:
        raw = base64.b64decode(text, validate=True)
        return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)
    except (binascii.Error, ValueError) as error:
        raise ArtifactError(f"{where}: the initial value is damaged: {error}") from None


def little_endian(array: Any) -> bytes:
    """The elements of ``array`` in C order, little-endian."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
