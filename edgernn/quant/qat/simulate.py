"""The integers of a step program over many sequences, with gradients to the real weights behind them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ir.ports import quantize as to_integers
from edgernn.ops import Lstm
from edgernn.ops.evaluate import states_stay_inside
from edgernn.quant.qat.evaluate import run_span, spans
from edgernn.quant.qat.functions import compute, every_step, one_step
from edgernn.quant.qat.weights import real_weights
from edgernn.quant.quantize import Quantized


class Simulation:
    """One run of a program. Without ``quantized``, in floating point."""

    def __init__(self, program: Graph, quantized: Quantized | None, whole: bool) -> None:
        """``program`` is in float32; ``whole`` as ``states_stay_inside`` of it."""
        self.program, self.quantized, self.whole = program, quantized, whole
        read = chain.from_iterable(node.inputs for node in program.nodes)
        self.read = {*read, *(port.value for port in program.outputs)}

    def run(
        self, blocks: Mapping[str, Tensor], weights: Mapping[str, Tensor] | None, dtype: torch.dtype = torch.float32
    ) -> dict[str, Tensor]:
        """Output port -> [T, B, *frame] for input port -> [T, B, *frame].

        ``weights`` are the constants that are trained; None where no gradients are needed.
        """
        batch = next(iter(blocks.values())).shape[1]
        integers = self._integers({name: block.detach().numpy() for name, block in blocks.items()}, batch)
        if weights is None and self.quantized is not None:
            return {p.name: self._real(self.quantized, integers, p.value, p.name) for p in self.program.outputs}
        constants = {n: torch.as_tensor(a) for n, a in self.program.constants.items()}
        constants.update(self._weights(weights or {}))
        constants = {n: a.to(dtype) if a.is_floating_point() else a for n, a in constants.items()}
        return self._with_gradients(blocks, constants, integers, batch, dtype)

    def _integers(self, frames: Mapping[str, Array], batch: int) -> dict[str, Array]:
        """All values of the integer program [T, B, *frame], by name."""
        if self.quantized is None:
            return {}
        graph = self.quantized.traced
        given = {p.value: to_integers(frames[p.name], p) if p.scale else frames[p.name] for p in graph.inputs}
        states = {s.before: np.broadcast_to(s.initial, (batch, *s.shape)) for s in graph.states}
        parts = []
        for span in spans(given, states_stay_inside(graph)):
            values = run_span(graph, span, states)
            states = {s.before: values[s.after][-1] for s in graph.states}
            parts.append({n: a for n, a in values.items() if n not in graph.constants})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _real(self, quantized: Quantized, integers: Mapping[str, Array], value: str, port: str = "") -> Tensor:
        """What the integers of a value of the float program stand for, float32."""
        name = next((p.value for p in quantized.traced.outputs if p.name == port), quantized.names.get(value, value))
        array, scale = integers[name], quantized.scales.get(name)
        return torch.from_numpy(array.astype(np.float32) * np.float32(scale) if scale else np.array(array))

    def _weights(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``weights`` with the values of the matrices that their integers stand for, and gradients as if they had
        their own."""
        found = dict(weights)
        if self.quantized is None:
            return found
        producers = self.quantized.traced.producers()
        for node in self.program.nodes:
            integer = producers.get(self.quantized.names.get(node.outputs[0], ""))
            matrices = {} if integer is None else real_weights(self.quantized.traced, integer, self.quantized.scales)
            for k, real in matrices.items():
                name = node.inputs[k]
                if name in weights:
                    found[name] = _straight_through(weights[name], torch.from_numpy(real.astype(np.float32)))
        return found

    def _with_gradients(
        self, blocks: Mapping[str, Tensor], constants: dict[str, Tensor], integers: Mapping[str, Array], batch: int,
        dtype: torch.dtype,
    ) -> dict[str, Tensor]:  # fmt: skip
        graph = self.program
        real = {p.value: self._taken(p.value, blocks[p.name], integers, slice(None), dtype) for p in graph.inputs}
        states = {s.before: torch.as_tensor(s.initial).to(dtype).expand(batch, *s.shape) for s in graph.states}
        steps = next(iter(real.values())).shape[0]
        parts: list[dict[str, Tensor]] = []
        for at in [slice(0, steps)] if self.whole else [slice(t, t + 1) for t in range(steps)]:
            values = {**constants, **{n: block[at] for n, block in real.items()}}
            values.update({n: state[None] for n, state in states.items()})
            for node in graph.nodes:
                values.update(self._results(node, values, integers, at, dtype))
            if not self.whole:
                states = {s.before: values[s.after][-1] for s in graph.states}
            parts.append({p.name: _block(values[p.value], at, batch, p.shape) for p in graph.outputs})
        return {p.name: torch.cat([part[p.name] for part in parts]) for p in graph.outputs}

    def _results(
        self, node: Node, values: Mapping[str, Tensor], integers: Mapping[str, Array], at: slice, dtype: torch.dtype
    ) -> dict[str, Tensor]:
        carried = {i for i, _ in node.op.carried}
        operands = [values[n][-1] if k in carried else values[n] for k, n in enumerate(node.inputs)]
        if not self.whole:
            results = one_step(node.op, operands)
        elif isinstance(node.op, Lstm) and node.outputs[1] in self.read:
            results = every_step(node.op, operands)
        else:
            results = compute(node.op, operands)
        named = zip(node.outputs, results, strict=False)
        return {name: self._taken(name, result, integers, at, dtype) for name, result in named}

    def _taken(
        self, name: str, value: Tensor, integers: Mapping[str, Array], at: slice, dtype: torch.dtype
    ) -> Tensor:
        """``value`` with the values that its integers stand for."""
        if self.quantized is None or not value.is_floating_point():
            return value.to(dtype) if value.is_floating_point() else value
        integer = self.quantized.names.get(name, name)
        if integer not in integers or not self.quantized.scales.get(integer):
            return value
        return _straight_through(value, self._real(self.quantized, integers, name)[at])


class _StraightThrough(torch.autograd.Function):
    """The second argument, to the bit, with the gradient of the first."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, target: Tensor) -> Tensor:
        return target

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], None


def _straight_through(value: Tensor, target: Tensor) -> Tensor:
    taken: Tensor = _StraightThrough.apply(value, target.reshape(value.shape).to(value.dtype))  # type: ignore[no-untyped-call]
    return taken


def _block(value: Tensor, at: slice, batch: int, shape: tuple[int, ...]) -> Tensor:
    return value.reshape(-1, batch, *shape).expand(at.stop - at.start, batch, *shape)
