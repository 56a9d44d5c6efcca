"""Encoder and decoder -> two sequence graphs: of the source, and of one symbol over the frames of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils import _pytree as pytree

from edgernn.capture.results import Captured
from edgernn.capture.running import evaluating
from edgernn.capture.spec import CallSpec, InputSpec
from edgernn.capture.translate import capture, example_results
from edgernn.errors import UnsupportedModelError, UsageError
from edgernn.ir.op import Array

SYMBOL, MEMORY, STATE = "symbol", "memory", "state"
"""Names of the inputs of the decoder; states are numbered where there are several."""


class Pair(Protocol):
    """What ``edgernn.Seq2Seq`` is, as far as it matters here."""

    has_memory: bool
    needs_lengths: bool

    def encode(self, source: torch.Tensor, lengths: torch.Tensor | None = None) -> tuple[Any, Any, Any]: ...

    def step(self, token: torch.Tensor, state: Any, memory: Any = None, mask: Any = None) -> tuple[Any, Any]: ...

    def full_mask(self, memory: Any) -> Any: ...


@dataclass
class CapturedPair:
    """Both graphs, and how they belong together. States are the tensors of the decoder's state, in order.

    memory    output of the encoder that has a frame for each frame of memory; "" without memory
    starts    of each state: the output of the encoder that it starts from, or its constant value
    befores   of each state: the input of the decoder, "" where it is not read
    afters    of each state: the output of the decoder that is its next value, "" where it stays the same
    scores    output of the decoder
    """

    encoder: Captured
    decoder: Captured
    memory: str
    starts: list[str | Array]
    befores: list[str]
    afters: list[str]
    scores: str


class _Encoder(torch.nn.Module):
    """(source, or source and its length) -> memory, if there is one, and the tensors of the state."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, source: torch.Tensor, *lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        memory, state, _ = self.module.encode(source, *lengths)
        return *(() if memory is None else (memory,)), *pytree.tree_leaves(state)


class _Decoder(torch.nn.Module):
    """(symbol, tensors of the state, memory if there is one) -> scores, tensors of the next state."""

    def __init__(self, module: Any, structure: Any) -> None:
        super().__init__()
        self.module, self._structure = module, structure

    def forward(self, token: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        count = self._structure.num_leaves
        memory = tensors[count] if len(tensors) > count else None
        state = pytree.tree_unflatten(list(tensors[:count]), self._structure)
        scores, after = self.module.step(token, state, memory, self.module.full_mask(memory))
        leaves = pytree.tree_leaves(after)
        if [tuple(a.shape) for a in leaves] != [tuple(b.shape) for b in tensors[:count]]:
            raise UsageError(
                f"the decoder takes a state of shapes {[list(t.shape) for t in tensors[:count]]} and returns one of "
                f"{[list(t.shape) for t in leaves]}; both must be alike"
            )
        return scores, *leaves


def capture_pair(module: Any, source: InputSpec, name: str) -> CapturedPair:
    """Capture the two parts of ``module`` (a ``Pair``), for whole sources.

    Raises UnsupportedModelError and UsageError as ``capture``, and UsageError where the parts do not fit together.
    """
    lengths = (InputSpec((1,), "length"),) if module.needs_lengths else ()
    spec = CallSpec((source, *lengths), names=("source", *(["lengths"] if lengths else [])))
    encoder_module = _Encoder(module)
    examples = example_results(encoder_module, spec)
    structure = _structure(module, spec, examples)
    encoder = capture(encoder_module, spec, f"{name}_encode", segment=True, constants=True)
    states = examples[len(examples) - structure.num_leaves :]
    _check(module, examples, states)
    decoder = _decoder(module, structure, states, examples[0] if module.has_memory else None, f"{name}_step")
    return _joined(module, encoder, decoder, len(states))


def _structure(module: Any, spec: CallSpec, examples: list[Any]) -> Any:
    """The nesting of the state."""
    with evaluating(module):
        _, state, _ = module.encode(*spec.tensors(max(examples[0].shape) if module.has_memory else 11))
    return pytree.tree_structure(state)


def _check(module: Any, examples: list[Any], states: list[Any]) -> None:
    for k, state in enumerate(states):
        if not isinstance(state, torch.Tensor) or not state.is_floating_point():
            raise UsageError(f"the state of the decoder is made of float tensors, found {type(state).__name__} ({k})")
    if module.has_memory and (examples[0].ndim != 3 or examples[0].shape[0] != 1):
        raise UsageError(f"memory has the shape [B, T, M], found {list(examples[0].shape)} for one source")


def _decoder(module: Any, structure: Any, states: list[Any], memory: Any, name: str) -> Captured:
    leaves = [InputSpec(tuple(s.shape)) for s in states]
    names = [STATE] if len(states) == 1 else [f"{STATE}_{k}" for k in range(len(states))]
    frames = [] if memory is None else [InputSpec((1, None, memory.shape[-1]))]
    spec = CallSpec(
        (InputSpec((1,), "int"), *leaves, *frames), names=(SYMBOL, *names, *([MEMORY] if frames else [])),
    )  # fmt: skip
    return capture(_Decoder(module, structure), spec, name, segment=True, constants=True)


def _joined(module: Any, encoder: Captured, decoder: Captured, count: int) -> CapturedPair:
    outputs = {o.index: o.port for o in encoder.outputs}
    first = 1 if module.has_memory else 0
    starts: list[str | Array] = []
    for k in range(first, first + count):
        starts.append(outputs[k] if k in outputs else encoder.constants[k])
    afters = {o.index: o.port for o in decoder.outputs}
    ports = {p.name: p.value for p in decoder.graph.outputs}
    read = {p.name for p in decoder.graph.inputs}
    befores = [a.port if a.port in read else "" for a in decoder.arguments[1 : 1 + count]]
    if 0 not in afters:
        raise UnsupportedModelError("the scores of the decoder do not depend on its input")
    for k, before in enumerate(befores):
        if k + 1 in decoder.constants:
            raise UnsupportedModelError(f"tensor {k} of the next state of the decoder does not depend on anything")
        if ports[afters[k + 1]] == before:
            afters[k + 1] = ""
    return CapturedPair(
        encoder, decoder, outputs.get(0, "") if first else "", starts, befores,
        [afters[k + 1] for k in range(count)], afters[0],
    )  # fmt: skip
