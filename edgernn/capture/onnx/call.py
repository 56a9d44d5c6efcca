"""What an ONNX model is called with: which inputs are frames, states, fixed values and lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from edgernn.capture.onnx.pairs import LENGTH_INPUT, RECURRENT, paired, paired_by_use
from edgernn.capture.onnx.values import OnnxGraph
from edgernn.capture.spec import CallSpec, InputSpec, parse_input
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.op import Array

Dims = tuple[int | str | None, ...]
KINDS = {
    onnx.TensorProto.FLOAT: "float", onnx.TensorProto.DOUBLE: "float", onnx.TensorProto.INT64: "int",
    onnx.TensorProto.INT32: "int",
}  # fmt: skip
BATCH = {"batch", "batch_size", "batchsize", "batch_dim", "b", "n", "bs"}
TIME = re.compile(r"(^|[^a-z])(t|seq\w*|time\w*|frames?|steps?|len\w*|sequence\w*|timesteps?)($|[^a-z])")
FORMS = "NAME:1,T,40 (T for time), or NAME=VALUE for an input that stays the same"


@dataclass(frozen=True)
class OnnxInput:
    """An input of the file: sizes, names of sizes that are free, None where nothing is known."""

    name: str
    dims: Dims
    elem_type: int

    def show(self) -> str:
        """As it stands in messages."""
        return f"{self.name}[{', '.join('?' if d is None else str(d) for d in self.dims)}]"


@dataclass(frozen=True)
class OnnxCall:
    """How the file is called.

    names    of its arguments, in the order of ``specs``; for a step module states come last
    states   input -> output that holds its next value
    results  names of the outputs in order; for a step module the next states come last
    step     whether one call is one frame
    fixed    inputs that stay the same
    lengths  inputs that hold the length of the sequence: name -> (sizes, dtype)
    """

    names: tuple[str, ...]
    specs: tuple[InputSpec, ...]
    states: Mapping[str, str]
    results: tuple[str, ...]
    step: bool
    fixed: Mapping[str, Array] = field(default_factory=dict)
    lengths: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    @property
    def spec(self) -> CallSpec:
        """The same for ``capture``."""
        return CallSpec(self.specs, len(self.states) if self.step else None, self.names)

    def companions(self, length: int) -> dict[str, Array]:
        """Values of the inputs that are no arguments, for a sequence of ``length`` frames."""
        lengths = {name: np.full(sizes, length, dtype) for name, (sizes, dtype) in self.lengths.items()}
        return {**self.fixed, **lengths}


def onnx_call(proto: onnx.ModelProto, graph: OnnxGraph, inputs: Any = None, state: Any = None) -> OnnxCall:
    """How the user wants the file to be called, completed by what the file says.

    inputs  "NAME:1,T,40" or "NAME=VALUE" or a list of these, or a dict of name to "1,T,40" or a value
    state   "INPUT=OUTPUT" or a list of these, or a dict; by default found in the file

    Raises UsageError where the file does not say enough.
    """
    known = {i.name: i for i in _file_inputs(proto, graph)}
    shapes, fixed = _given(inputs, known)
    lengths = {n: i for n, i in known.items() if n not in fixed and n not in shapes and _is_length(graph, i)}
    rest = [i for n, i in known.items() if n not in fixed and n not in lengths]
    for found in rest:
        _check_type(found)
    pairs = _named_pairs(state, known, graph)
    by_frames = bool(shapes) and all(s.time is None for s in shapes.values())
    specs = {i.name: shapes.get(i.name) or _spec(i, by_frames or i.name in (pairs or {})) for i in rest}
    step = all(s.time is None for s in specs.values())
    if pairs is None:
        pairs = paired_by_use(graph, list(specs))
        if step:
            pairs |= paired(graph, [i for i in rest if i.name not in pairs], proto, taken=pairs)
    if step and (not pairs or len(pairs) == len(specs)):
        raise UsageError(
            f"{', '.join(i.show() for i in rest)}: none has an axis of time, and which are states is not clear\n"
            f"  what to do: say where time is, --input {rest[0].name}:1,T,..., or which output is the next value of "
            "which input, --state INPUT=OUTPUT"
        )
    return _call(graph, specs, pairs, step, fixed, lengths)


def _call(
    graph: OnnxGraph, specs: Mapping[str, InputSpec], pairs: Mapping[str, str], step: bool,
    fixed: Mapping[str, Array], lengths: Mapping[str, OnnxInput],
) -> OnnxCall:  # fmt: skip
    names = [n for n in specs if n not in pairs] + [n for n in specs if n in pairs]
    states = {n: pairs[n] for n in names if n in pairs}
    results = [o for o in graph.outputs if o not in states.values()]
    if not results:
        results, states = list(graph.outputs), {} if not step else states
        if step:
            raise UsageError(
                f"all outputs of the model are states ({', '.join(pairs.values())}): give --state yourself"
            )
    return OnnxCall(
        tuple(names), tuple(specs[n] for n in names), states,
        (*results, *states.values()) if step else tuple(results), step, fixed,
        {n: (tuple(1 for _ in i.dims), "int32" if i.elem_type == onnx.TensorProto.INT32 else "int64")
         for n, i in lengths.items()},
    )  # fmt: skip


def _file_inputs(proto: onnx.ModelProto, graph: OnnxGraph) -> list[OnnxInput]:
    found = []
    for info in (i for i in proto.graph.input if i.name in graph.inputs):
        kind = info.type.tensor_type
        if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
            raise UsageError(f"input {info.name!r}: no tensor of a known number of axes")
        dims = tuple(d.dim_param or (d.dim_value or None) for d in kind.shape.dim)
        found.append(OnnxInput(info.name, dims, kind.elem_type))
    return found


def _check_type(found: OnnxInput) -> None:
    if found.elem_type not in KINDS:
        name = onnx.TensorProto.DataType.Name(found.elem_type).lower()
        raise UnsupportedModelError(
            f"input {found.show()} holds {name}",
            remedy=f"convert the model to float32, or fix the input (--input {found.name}=VALUE)",
        )


def _given(inputs: Any, known: Mapping[str, OnnxInput]) -> tuple[dict[str, InputSpec], dict[str, Array]]:
    """What the user says of inputs: shapes, and fixed values."""
    shapes: dict[str, InputSpec] = {}
    fixed: dict[str, Array] = {}
    for name, value in _entries(inputs, known):
        if name not in known:
            raise UsageError(f"--input: the model has no input {name!r}; it has {_show(known)}")
        wanted = known[name]
        if isinstance(value, str) and not _is_number(value, wanted):
            spec = parse_input(value)
            if len(spec.shape) != len(wanted.dims) or any(
                isinstance(d, int) and n is not None and n != d for n, d in zip(spec.shape, wanted.dims, strict=True)
            ):
                raise UsageError(f"--input {name}:{value} does not fit the input {wanted.show()} of the model")
            shapes[name] = InputSpec(spec.shape, KINDS.get(wanted.elem_type, "float"))
        else:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(wanted.elem_type)
            sizes = [d if isinstance(d, int) else 1 for d in wanted.dims]
            fixed[name] = np.broadcast_to(np.array(value, dtype), sizes).copy()
    return shapes, fixed


def _is_number(text: str, wanted: OnnxInput) -> bool:
    """Whether a text is the value of an input without axes."""
    return not wanted.dims and re.fullmatch(r"[-+.\deE]+", text) is not None


def _entries(inputs: Any, known: Mapping[str, OnnxInput]) -> list[tuple[str, Any]]:
    if inputs is None:
        return []
    if isinstance(inputs, Mapping):
        return list(inputs.items())
    texts = [inputs] if isinstance(inputs, str) else list(inputs)
    entries: list[tuple[str, Any]] = []
    order = iter(known)
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(f"an input of an ONNX model is {FORMS}; found {type(text).__name__}")
        name, equals, value = text.partition("=")
        if equals:
            entries.append((name, _value(name, value)))
            continue
        name, colon, shape = text.rpartition(":")
        entries.append(
            (name, shape) if (colon and name in known) or name not in ("", "float", "int") else (_first(order), text)
        )
    return entries


def _first(order: Any) -> str:
    name = next(order, None)
    if name is None:
        raise UsageError("--input: more shapes than the model has inputs")
    return str(name)


def _value(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if "," in text else float(text)  # type: ignore[return-value]
    except ValueError:
        raise UsageError(f"--input {name}={text}: a number is expected, or numbers with commas between") from None


def _spec(found: OnnxInput, one_frame: bool) -> InputSpec:
    """Shape of an input of which the user says nothing: batch 1, and one free axis, which is time.

    A state has no time, nor has any input of a model that the user calls frame by frame: free axes are then 1.
    """
    free = [k for k, d in enumerate(found.dims) if not isinstance(d, int)]
    batch = [k for k in free if str(found.dims[k]).lower() in BATCH]
    times = [k for k in free if k not in batch]
    if len(times) > 1 and not one_frame:
        named = [k for k in times if found.dims[k] is not None and TIME.search(str(found.dims[k]).lower())]
        if len(named) != 1 or len(times) > 2:
            raise UsageError(
                f"input {found.show()}: which axis is time is not clear\n  what to do: give its shape, "
                f"--input {found.name}:{_example(found, times[-1])} (batch size 1, T for time; without T for a model "
                "that is called frame by frame)"
            )
        times = named
    shape = tuple(
        None if k in times and not one_frame else (d if isinstance(d, int) else 1) for k, d in enumerate(found.dims)
    )
    return InputSpec(shape, KINDS[found.elem_type])


def _example(found: OnnxInput, time: int) -> str:
    """A shape that the user could give."""
    sizes = ["T" if k == time else str(d) if isinstance(d, int) else "1" for k, d in enumerate(found.dims)]
    return ",".join(sizes)


def _is_length(graph: OnnxGraph, found: OnnxInput) -> bool:
    """Whether all that reads an integer input are recurrent operators, as sequence_lens."""
    if KINDS.get(found.elem_type) != "int":
        return False
    readers = [(node, k) for node in graph.nodes for k, name in enumerate(node.inputs) if name == found.name]
    moved = [n for n, _ in readers if n.op in ("Cast", "Identity")]
    uses = [(n, k) for n, k in readers if n not in moved]
    uses += [(n, k) for m in moved for n in graph.nodes for k, name in enumerate(n.inputs) if name in m.outputs]
    return bool(uses) and all(n.op in RECURRENT and k == LENGTH_INPUT for n, k in uses)


def _named_pairs(state: Any, known: Mapping[str, OnnxInput], graph: OnnxGraph) -> dict[str, str] | None:
    """The states that the user names."""
    if state is None:
        return None
    texts: Sequence[Any] = [state] if isinstance(state, str) else state
    items = list(state.items()) if isinstance(state, Mapping) else [str(text).partition("=")[::2] for text in texts]
    for name, output in items:
        if name not in known or output not in graph.outputs:
            raise UsageError(
                f"--state {name}={output}: expected INPUT=OUTPUT of the model; "
                f"it has inputs {_show(known)} and outputs {', '.join(graph.outputs)}"
            )
    return dict(items)


def _show(known: Mapping[str, OnnxInput]) -> str:
    return ", ".join(i.show() for i in known.values())
