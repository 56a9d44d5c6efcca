"""Traced module -> sequence graph."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import torch

from edgernn.capture.apply import apply
from edgernn.capture.context import Context
from edgernn.capture.ending import aligned
from edgernn.capture.results import ArgumentInfo, Captured, argument_roles, close_states, declare_outputs
from edgernn.capture.rules import decomposes
from edgernn.capture.rules.timing import SlowerError
from edgernn.capture.running import check_repeats, run_once
from edgernn.capture.spec import CallSpec, InputSpec, argument_names
from edgernn.capture.traced import LENGTHS, Placeholder, Traced, trace
from edgernn.capture.values import Constant, Stream, frame_of
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.builder import Builder
from edgernn.ir.graph import Graph, Port, State
from edgernn.ir.op import Array
from edgernn.ir.types import StreamInfo, ValueType

MAX_SCALE = 1 << 14
SCALES = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 30, 32, 40, 48, 60, 64, 80, 96, 128, 160, 240, 256, 320, 480, 512)
"""What is tried where a module does not take sequences of LENGTHS."""


def capture(
    module: torch.nn.Module, spec: CallSpec, name: str, segment: bool = False, constants: bool = False
) -> Captured:
    """Capture ``module``; where ``segment``, with operations that need the whole sequence; where ``constants``, with
    results that do not depend on the input, as long as others do.

    Raises UnsupportedModelError, naming the user's line, on what cannot be converted, and UsageError where
    the module cannot be called with ``spec``.
    """
    scale, results = _scale(module, spec)
    captured = _captured(module, spec, name, scale, segment, constants)
    check_repeats(module, spec, LENGTHS[0] * scale, results)
    return captured


def example_results(module: torch.nn.Module, spec: CallSpec) -> list[Any]:
    """What the module gives for example input, as a flat list. Raises UsageError where it cannot be called."""
    return _scale(module, spec)[1]


def _scale(module: torch.nn.Module, spec: CallSpec) -> tuple[int, list[Any]]:
    """By how much sequences must be longer than LENGTHS for the module to take them, and its results for the first."""
    try:
        return 1, run_once(module, spec, LENGTHS[0])
    except UsageError as error:
        for scale in () if spec.step else SCALES:
            with suppress(UsageError):
                run_once(module, spec, LENGTHS[1] * scale)
                return scale, run_once(module, spec, LENGTHS[0] * scale)
        raise error


def _captured(
    module: torch.nn.Module, spec: CallSpec, name: str, scale: int, segment: bool, constants: bool
) -> Captured:
    """From sequences so long that they have whole frames of every tensor."""
    names = argument_names(module.forward, spec)
    while True:
        try:
            return _translated(trace(module, spec, decomposes, scale), spec, names, name, segment, constants)
        except SlowerError as found:
            scale *= found.factor
        if scale > MAX_SCALE:
            raise UnsupportedModelError("it keeps too few of the frames: one of many thousands")


def _translated(
    traced: Traced, spec: CallSpec, names: list[str], name: str, segment: bool, constants: bool
) -> Captured:
    graph = Graph(name, mode="step" if spec.step else "sequence")
    ctx = Context(Builder(graph), segment=segment)
    arguments = _declare(ctx, traced.placeholders, spec, names)
    for call in traced.calls:
        ctx.builder.source = call.source
        ctx.env[call.name] = apply(ctx, call)
    results = aligned(ctx, traced.calls, traced.outputs)
    state_count = len(graph.states)
    if spec.step and len(results) <= state_count:
        raise UsageError(
            f"a step module with {state_count} state tensors must return its output and {state_count} states, "
            f"it returns {len(results)} tensors"
        )
    fixed: dict[int, Array] | None = {} if constants else None
    outputs = declare_outputs(ctx, results[: len(results) - state_count], traced.out_spec, fixed)
    if spec.step:
        close_states(ctx, results, state_count)
    shortest = [1, *(r * (1 - e) for call in traced.calls for r, e in zip(call.rates, call.extra, strict=True))]
    least = -(-max(shortest) // graph.hop)
    return Captured(graph, spec, argument_roles(ctx, arguments), outputs, least, fixed or {})


def _declare(ctx: Context, placeholders: list[Placeholder], spec: CallSpec, names: list[str]) -> list[ArgumentInfo]:
    """Constants, ports and states for the inputs of the traced graph."""
    arguments: list[ArgumentInfo] = []
    given = iter(p for p in placeholders if p.tensors is None)
    for placeholder in placeholders:
        if placeholder.tensors is not None:
            ctx.env[placeholder.name] = Constant(*placeholder.tensors)
    inputs = len(names) - (spec.states or 0)
    for position, (leaf, name) in enumerate(zip(spec.leaves(), names, strict=True)):
        if leaf.kind == "length":
            arguments.append(ArgumentInfo(leaf, "length"))
        elif position >= inputs:
            arguments.append(_declare_state(ctx, next(given).name, leaf, name))
        else:
            arguments.append(_declare_port(ctx, next(given).name, leaf, name))
    return arguments


def _declare_port(ctx: Context, traced: str, leaf: InputSpec, name: str) -> ArgumentInfo:
    dtype = "int32" if leaf.kind == "int" else "float32"
    shape = frame_of(leaf.shape)
    kind = "frame" if leaf.time is not None or ctx.builder.graph.mode == "step" else "static"
    timing = StreamInfo(final=kind == "static" and ctx.segment)
    value = ctx.builder.value(name, ValueType(dtype, shape, timing))
    ctx.builder.graph.inputs.append(Port(value, shape, dtype, kind, value=value))
    ctx.env[traced] = Stream(value, leaf.shape, zero=True)
    if leaf.time is None:
        ctx.plain[traced] = value
    return ArgumentInfo(leaf, kind, value)


def _declare_state(ctx: Context, traced: str, leaf: InputSpec, name: str) -> ArgumentInfo:
    shape = frame_of(leaf.shape)
    dtype = "int32" if leaf.kind == "int" else "float32"
    value = ctx.builder.value(name, ValueType(dtype, shape, StreamInfo()))
    ctx.builder.graph.states.append(State(value, shape, dtype, np.zeros(shape, dtype), before=value))
    ctx.env[traced] = Stream(value, leaf.shape)
    return ArgumentInfo(leaf, "state", states=(value,))
