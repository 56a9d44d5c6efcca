"""Ports and states as kernel calls: what comes before and after the ops of a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Port
from edgernn.ir.types import DTYPE_BYTES
from edgernn.runtime.kernels import data, integer_elementwise, real_ports
from edgernn.runtime.kernels.program import Call, Place, Program, Slot

FLOAT_BYTES, SHORT_BYTES = 4, 2


def take_inputs(program: Program, real: bool = False) -> list[Call]:
    """Calls that check the frames and copy them into the arena; ``real``: as real values, where a port has a scale."""
    calls: list[Call] = []
    for number, port in enumerate(program.graph.inputs):
        slot, place = Slot(number), program.operand(port.value)
        if real and port.scale is not None:
            factor, copy = float(np.float32(1.0 / port.scale)), program.reserve(FLOAT_BYTES * port.size)
            target = place if port.dtype == "int16" else program.reserve(SHORT_BYTES * port.size)
            calls.append((real_ports.take_real, (slot, copy, target, port.size, factor)))
            if port.dtype == "int8":
                calls.append((integer_elementwise.narrow_int16, (target, place, port.size)))
        elif port.dtype == "float32":
            calls.append((data.take_floats, (slot, place, port.size)))
        elif port.limit is None:
            calls.append((data.take, (slot, place, port.size * DTYPE_BYTES[port.dtype])))
        else:
            calls.append((data.take_limited, (slot, place, port.size, port.limit, DTYPE_BYTES[port.dtype])))
    return calls


def give_outputs(program: Program, real: bool = False) -> list[Call]:
    """Calls that copy the outputs to the caller's arrays; ``real``: as for ``take_inputs``."""
    calls: list[Call] = []
    for number, port in enumerate(program.graph.outputs, start=len(program.graph.inputs)):
        slot, place = Slot(number), program.operand(port.value)
        if real and port.scale is not None:
            source = place if port.dtype == "int16" else program.reserve(SHORT_BYTES * port.size)
            if port.dtype == "int8":
                calls.append((integer_elementwise.widen_int8, (place, source, port.size)))
            calls.append((real_ports.give_real, (source, slot, port.size, float(np.float32(port.scale)))))
        else:
            calls.append((data.give, (place, slot, program.graph.values[port.value].nbytes)))
    return calls


def carry_states(program: Program, places: Sequence[Place]) -> list[Call]:
    """Calls that write the next states to ``places``, after all of the old ones have been read."""
    early: list[Call] = []
    late: list[Call] = []
    regions = list(zip(places, program.graph.states, strict=True))
    for place, state in regions:
        source = program.operand(state.after)
        if any(p.offset <= source.offset < p.offset + s.nbytes for p, s in regions):
            kept = program.reserve(state.nbytes)
            early.append((data.copy, (source, kept, state.nbytes)))
            source = kept
        late.append((data.copy, (source, place, state.nbytes)))
    return early + late


def is_scaled(*ports: Port) -> bool:
    """Whether one of the ports holds integers that stand for real values."""
    return any(port.scale is not None for port in ports)
