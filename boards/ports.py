"""The header that gives a program for a link the functions of its model under fixed names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgernn.errors import UsageError

ALIGNMENT = 4
"""Of each port in a payload."""

_STEP = re.compile(r"^ern_status (\w+)_step\((\w+) \*model, ([^)]*)\);", re.MULTILINE)
_PARAMETER = re.compile(r"(const )?(\w+) \*(\w+)")


@dataclass(frozen=True)
class _Parameter:
    kind: str
    c_type: str
    name: str


def ports_header(model_header: str, include: str, where: str) -> str:
    """C that follows from a model's header, to be compiled as EDGERNN_PORTS of ``firmware/target.c``.

    In a payload the ports stand in the order of the step's arguments, each at a multiple of four bytes.

    model_header  text of the header that ``edgernn.export.c`` wrote
    include       its name

    Raises UsageError, naming ``where``, for another header.
    """
    found = _STEP.search(model_header)
    if found is None:
        raise UsageError(f"{where}: not the header of an exported model: it declares no step")
    name, state = found[1], found[2]
    parameters = [_parameter(text, where) for text in found[3].split(",")]
    inputs, input_bytes = _places(name, [p for p in parameters if p.kind == "INPUT"], "inputs")
    outputs, output_bytes = _places(name, [p for p in parameters if p.kind == "OUTPUT"], "outputs")
    lines = [
        "/* The model of this program. Written by edgernn; do not edit. */",
        f'#include "{include}"',
        "",
        "#ifndef EDGERNN_STATE",
        f"#define EDGERNN_STATE {state}",
        "#endif",
        "#define EDGERNN_PADDED(bytes) (((uint32_t)(bytes) + 3u) & ~3u)",
        f"#define EDGERNN_INPUT_BYTES ({input_bytes})",
        f"#define EDGERNN_OUTPUT_BYTES ({output_bytes})",
        f"#define EDGERNN_SNAPSHOT_BYTES ((uint32_t){name.upper()}_SNAPSHOT_BYTES)",
        *(f"#define edgernn_model_{f} {name}_{f}" for f in ("init", "reset", "snapshot", "restore", "fingerprint")),
        "#define edgernn_model_step(model, inputs, outputs) \\",
        f"    {name}_step(model, {', '.join([*inputs, *outputs])})",
    ]
    return "\n".join(lines) + "\n"


def _parameter(text: str, where: str) -> _Parameter:
    found = _PARAMETER.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{where}: not the header of an exported model: a step with {text.strip()!r}")
    return _Parameter("INPUT" if found[1] else "OUTPUT", found[2], found[3])


def _places(model: str, parameters: list[_Parameter], payload: str) -> tuple[list[str], str]:
    """The arguments of a step, which lie one behind the other in ``payload``, and the bytes of all."""
    sizes = [
        f"EDGERNN_PADDED(sizeof({p.c_type}) * {model.upper()}_{p.kind}_{p.name.upper()}_SIZE)" for p in parameters
    ]
    constness = "const " if payload == "inputs" else ""
    arguments = []
    for k, p in enumerate(parameters):
        offset = " + ".join(sizes[:k]) or "0"
        arguments.append(f"({constness}{p.c_type} *)({constness}void *)(({payload}) + {offset})")
    return arguments, " + ".join(sizes) or "0u"
