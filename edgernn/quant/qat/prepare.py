"""From a module to one that trains with its integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from edgernn.capture import call_spec, capture, in_float32
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.builder import identifier
from edgernn.ir.op import Array
from edgernn.ir.ports import in_frames
from edgernn.passes import to_step_program
from edgernn.quant.composed import in_ops_with_integer_forms
from edgernn.quant.qat.layout import Layout
from edgernn.quant.qat.module import QatModule
from edgernn.quant.qat.trained import untied
from edgernn.quant.schemes import scheme_named


def prepare(
    module: nn.Module,
    calibration: Sequence[Mapping[str, Array]],
    scheme: str,
    method: str,
    layers: Mapping[str, str] | None,
    example: Any,
    inputs: str | Sequence[Any] | None,
    name: str | None,
) -> QatModule:
    """``edgernn.quant.prepare_qat``."""
    scheme_named(scheme)
    spec = call_spec(example, inputs, None, module.forward)
    captured = capture(in_float32(module), spec, identifier(name or type(module).__name__))
    program = in_ops_with_integer_forms(to_step_program(captured.graph))
    if program.hop > 1 or program.delay or program.tail:
        raise UnsupportedModelError(
            f"training with integers of a model with a hop of {program.hop}, a delay of {program.delay} and a tail of "
            f"{program.tail}: its frames are not those of the input",
            remedy="make convolutions causal and keep all frames, or quantize it without training: Model.quantize",
        )
    layout = Layout(module, captured, program)
    ports = {port.name: port for port in program.inputs}
    if not calibration:
        raise UsageError("training with integers needs calibration: sequences of real input")
    calibration = in_frames(calibration, program.inputs, program.hop)
    for number, sequence in enumerate(calibration):
        wrong = set(sequence) ^ set(ports)
        if wrong:
            found = f"calibration sequence {number} has inputs {sorted(sequence)}"
            raise UsageError(f"{found}, the model has {sorted(ports)}")
        for key, array in sequence.items():
            if array.shape[1:] != ports[key].shape:
                wanted = ["T", *ports[key].shape]
                where = f"calibration sequence {number}, input {key!r}"
                raise UsageError(f"{where}: {wanted} expected, found {list(array.shape)}")
    return QatModule(layout, untied(program), calibration, scheme, method, layers)
