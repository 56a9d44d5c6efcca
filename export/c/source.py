"""The text of a model's .c and .h files, and the kernel files that they need."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import edgernn
from edgernn.errors import OutputError
from edgernn.export.c.generation import generation
from edgernn.export.c.pack_integer import Packing
from edgernn.export.c.program import Program
from edgernn.export.c.shared import Constant, Shared
from edgernn.export.c.text import C_TYPES, c_bytes, c_float, c_prefix, c_text
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.interface import LIVE_STATE, Interface
from edgernn.ir.scores import score_unit
from edgernn.ir.types import DTYPE_BYTES

KERNELS = Path(edgernn.__file__).parent / "runtime" / "csrc"
"""The folder of the kernels, which are data here."""

SNAPSHOT_HEADER_BYTES = 32
FINGERPRINT_BYTES = 16
ALWAYS_USED = ("ern_snapshot.c",)
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """C files of one model: name -> text.

    prefix   of the model's global names
    kernels  the .c files besides the model's own
    weights  arrays that the text only declares
    """

    prefix: str
    files: dict[str, str]
    kernels: tuple[str, ...]
    weights: tuple[Constant, ...]
    interface: Interface


def generate(graph: Graph, stem: str, lanes: int, *, simd: str = "none", embed: bool = False) -> Source:
    """The C of ``graph``, in files named after ``stem``, weights packed for ``lanes`` and ``simd`` (see ``Packing``).

    With ``embed`` large arrays are declared only; they are linked in from a binary file.

    Raises UnsupportedOpError for what no kernel computes, OutputError for a name that a kernel file has.
    """
    interface = Interface.of(graph, fingerprint(graph))
    program = Program(graph, lanes, simd)
    generates = None if embed else generation(program)
    own = _context(program, interface)
    context = {**common(program.shared, program.packing, interface, stem), **own, "generates": generates}
    return rendered("model", context, program.shared, interface, embed)


def rendered(kind: str, context: dict[str, Any], shared: Shared, interface: Interface, embed: bool) -> Source:
    """The files of a model: the templates ``kind``.h and .c filled in, and kernels.

    Raises OutputError for a name that a kernel file has.
    """
    kernels = tuple(sorted({*shared.files, *ALWAYS_USED}))
    files = {name: read_kernel(name) for name in with_includes(kernels)}
    if context["dsp"]:
        files["ern.h"] = files["ern.h"].replace("#define ERN_DSP 0", "#define ERN_DSP 1")
    for suffix in ("h", "c"):
        name = f"{context['stem']}.{suffix}"
        if name in files:
            raise OutputError(f"{name}: a kernel file has this name; choose another one for the model")
        files[name] = template(f"{kind}.{suffix}.jinja").render({**context, "embed": embed})
    weights = tuple(c for c in shared.constants.values() if embed and c.is_large)
    return Source(context["name"], files, kernels, weights, interface)


def common(shared: Shared, packing: Packing, interface: Interface, stem: str) -> dict[str, Any]:
    """What the templates of all models know."""
    name = c_prefix(stem)
    return {
        "name": name, "prefix": name.upper(), "stem": stem, "version": edgernn.__version__,
        "lanes": packing.lanes, "packed_integers": shared.holds_packed_integers,
        "dsp": int(packing.dsp and shared.holds_packed_integers), "weight_bytes": shared.nbytes,
        "state_bytes": interface.state_bytes, "snapshot_bytes": SNAPSHOT_HEADER_BYTES + interface.state_bytes,
        "fingerprint": c_bytes(bytes.fromhex(interface.fingerprint)[:FINGERPRINT_BYTES]),
        "interface": c_bytes(interface.to_json().encode() + b"\0"), "constants": list(shared.constants.values()),
        "tokens": [] if interface.tokenizer is None else [c_text(text) for text in interface.tokenizer.vocabulary],
    }  # fmt: skip


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def template(name: str) -> jinja2.Template:
    """A template of this package."""
    return _environment().get_template(name)


def read_kernel(name: str) -> str:
    """The text of a file of ``runtime/csrc``."""
    return (KERNELS / name).read_text()


def with_includes(names: tuple[str, ...]) -> list[str]:
    """``names`` and all files that they include, each once, in order of name."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(_INCLUDE.findall(read_kernel(name)))
    return sorted(found)


def _context(program: Program, interface: Interface) -> dict[str, Any]:
    graph, names, whole = program.graph, program.parameters, structure(arrays_of(program) or UNUSED)
    return {
        "inputs": [port_context(names[f"input {p.name}"], p) for p in graph.inputs],
        "outputs": [port_context(names[f"output {p.name}"], p) for p in graph.outputs],
        "states": state_contexts(program), "members": whole.members, "hop": interface.hop, "delay": interface.delay,
        "tail": interface.tail, **_flush(program),
        "scratch_bytes": program.plan.scratch_bytes, "ram_bytes": whole.nbytes,
        "signature": signature(names, graph.inputs, graph.outputs), "arguments": _arguments(program),
        "unused": unused(program), "checks": program.checks, "statements": statements(program),
    }  # fmt: skip


def statements(program: Program) -> list[str]:
    """Of one step, in order."""
    return [*program.statements, *program.output_copies, *program.state_copies]


def state_contexts(program: Program) -> list[dict[str, Any]]:
    """The states as templates take them. It may add constants."""
    return [_state(program, s) for s in program.graph.states]


def port_context(c_name: str, port: Port) -> dict[str, Any]:
    """A port as templates take it."""
    return {
        "c_name": c_name, "type": C_TYPES[port.dtype],
        "shape": c_shape(port.shape), "size": port.size, "kind": port.kind, "limit": port.limit,
        "scale": None if port.scale is None else c_float(float(np.float32(port.scale))),
        "unit": None if port.scale is None else ", ".join(map(str, score_unit(port.scale))),
    }  # fmt: skip


def _state(program: Program, state: State) -> dict[str, Any]:
    return {
        "member": program.members[state.name],
        "type": C_TYPES[state.dtype], "shape": c_shape(state.shape), "size": math.prod(state.shape),
        "element_bytes": DTYPE_BYTES[state.dtype],
        "is_float": int(state.dtype == "float32"), "initial": program.initial(state.name, state.initial),
    }  # fmt: skip


def c_shape(shape: tuple[int, ...]) -> str:
    """The axes of an array in C."""
    return "".join(f"[{n}]" for n in shape) or "[1]"


CArray = tuple[str, int, str]
"""dtype, number of elements, name."""

UNUSED: list[CArray] = [("int8", 1, "unused")]
"""What a structure has that needs nothing."""


@dataclass(frozen=True)
class Structure:
    """Declarations of members, widest elements first so that there is no padding between them, and their bytes."""

    members: list[str]
    used: int
    alignment: int

    @property
    def nbytes(self) -> int:
        """With the padding at its end."""
        return -(-self.used // self.alignment) * self.alignment


def structure(arrays: Sequence[CArray]) -> Structure:
    """The structure with these arrays."""
    ordered = sorted(arrays, key=lambda a: -DTYPE_BYTES[a[0]])
    used = sum(DTYPE_BYTES[dtype] * size for dtype, size, _ in ordered)
    members = [f"{C_TYPES[dtype]} {name}[{size}]" for dtype, size, name in ordered]
    return Structure(members, used, max((DTYPE_BYTES[dtype] for dtype, _, _ in ordered), default=1))


def arrays_of(program: Program) -> list[CArray]:
    """States and scratch of a step."""
    states = [(s.dtype, math.prod(s.shape), program.members[s.name]) for s in program.graph.states]
    return states + [(dtype, size, f"scratch_{dtype}") for dtype, size in program.plan.scratch.items()]


def signature(names: Mapping[str, str], inputs: Sequence[Port], outputs: Sequence[Port]) -> str:
    """Parameters besides the structure; ``names`` as of ``Shared.name_ports``."""
    given = [f"const {C_TYPES[p.dtype]} *{names[f'input {p.name}']}" for p in inputs]
    return ", ".join(given + [f"{C_TYPES[p.dtype]} *{names[f'output {p.name}']}" for p in outputs])


def _flush(program: Program) -> dict[str, Any]:
    """The step without a frame, for models that have a delay."""
    graph, names = program.graph, program.parameters
    parameters = [(p, f"const {C_TYPES[p.dtype]} *", names[f"input {p.name}"]) for p in graph.inputs]
    parameters += [(p, f"{C_TYPES[p.dtype]} *", names[f"output {p.name}"]) for p in graph.outputs]
    frames = [(C_TYPES[p.dtype], names[f"input {p.name}"], p.size) for p in graph.inputs if p.kind != "static"]
    taken = {parameter for _, parameter, _ in frames}
    return {
        "flush_signature": ", ".join(f"{kind}{name}" for _, kind, name in parameters if name not in taken),
        "flush_arguments": ", ".join(name for _, _, name in parameters),
        "frames": frames, "live": program.members.get(LIVE_STATE, ""),
    }  # fmt: skip


def _arguments(program: Program) -> str:
    parts = []
    for kind, ports in (("input", program.graph.inputs), ("output", program.graph.outputs)):
        for port in ports:
            name = program.parameters[f"{kind} {port.name}"]
            parts.append(name if port.kind == "static" else f"{name} + done * {port.size}")
    return ", ".join(parts)


def unused(program: Program) -> list[str]:
    """Parameters of the step that no statement names."""
    text = " ".join([*statements(program), *(c for c, _ in program.checks)])
    words = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", text)))
    return [name for name in ("model", *program.parameters.values()) if name not in words]
