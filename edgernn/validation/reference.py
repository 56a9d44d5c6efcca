"""The PyTorch module as the reference of a converted model."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from edgernn.capture import LENGTHS, ArgumentInfo, Captured, evaluating, first_line
from edgernn.errors import ValidationError
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array

Frames = Mapping[str, Array]
"""Port name -> [steps, *port shape] for a port of kind "frame", [*port shape] for a static one."""


class Reference:
    """Runs the original module on what a session is fed, and returns what the session should give.

    original  what the module is of, for reports
    """

    original = "PyTorch"

    def __init__(self, module: torch.nn.Module, captured: Captured, program: Graph) -> None:
        self.module = module
        self.captured = captured
        self._double: torch.nn.Module | None = None
        self.ports = {p.name: p for p in (*program.inputs, *program.outputs)}
        self.states = {s.name: s for s in program.states}
        self.extra, self.hop = program.tail - program.delay, program.hop

    def run(self, frames: Frames, states: Mapping[str, Array] | None = None, double: bool = False) -> dict[str, Array]:
        """Outputs for one sequence: [steps + tail - delay, *shape] for a "frame" output, [*shape] for a "final" one.

        ``states`` gives initial states by name, for modules that take them. ``double`` computes in float64.
        Raises ValidationError where the module fails on this sequence, or does not give a frame for each frame.
        """
        module = self._double_module() if double else self.module
        dtype = torch.float64 if double else torch.float32
        with evaluating(module):
            if self.captured.call.step:
                return self._run_steps(module, frames, states or {}, dtype)
            leaves = [self._sequence_argument(a, frames, states or {}, dtype) for a in self.captured.arguments]
            length = self._length(frames)
            results = self._results(module, leaves, length)
        return {o.port: self._output(o.port, results[o.index], o.time, length) for o in self.captured.outputs}

    def rounding(self, frames: Frames, results: Mapping[str, Array]) -> dict[str, float]:
        """Largest difference of each output between ``results``, computed in float32, and float64."""
        exact = self.in_double(frames) or results
        return {name: float(np.max(np.abs(exact[name] - value), initial=0.0)) for name, value in results.items()}

    def in_double(self, frames: Frames) -> dict[str, Array] | None:
        """Outputs in float64; None where the module insists on float32, in whatever way its code fails."""
        try:
            return self.run(frames, double=True)
        except Exception:
            return None

    def _results(self, module: torch.nn.Module, leaves: list[Any], length: int) -> list[Any]:
        try:
            return list(pytree.tree_leaves(module(*self.captured.call.fill(leaves))))
        except Exception as error:
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise ValidationError(f"the module fails on a sequence of {length} frames: {reason}") from error

    def _length(self, frames: Frames) -> int:
        """In frames, of which a step has ``hop``."""
        return self.hop * next(len(a) for n, a in frames.items() if self.ports[n].kind == "frame")

    def _double_module(self) -> torch.nn.Module:
        if self._double is None:
            self._double = copy.deepcopy(self.module).double()
        return self._double

    def _sequence_argument(
        self, info: ArgumentInfo, frames: Frames, states: Mapping[str, Array], dtype: torch.dtype
    ) -> Any:
        length = self._length(frames)
        if info.role in ("length", "unused"):
            return info.spec.tensor(length, torch.Generator().manual_seed(0))
        if info.role == "state":
            return self._initial(info, states, dtype)
        array = np.asarray(frames[info.port])
        if info.spec.time is None:
            return _tensor(array.reshape([n or 1 for n in info.spec.shape]), dtype)
        sizes = [n for n in info.spec.shape if n is not None]
        return _tensor(np.moveaxis(array.reshape(-1, *sizes), 0, info.spec.time), dtype)

    def _initial(self, info: ArgumentInfo, states: Mapping[str, Array], dtype: torch.dtype) -> torch.Tensor:
        """The tensor of initial states [layers, 1, H] from the states of the layers."""
        rows = [states.get(name, self.states[name].initial) for name in info.states]
        return _tensor(np.stack(rows).reshape([n or 1 for n in info.spec.shape]), dtype)

    def _run_steps(
        self, module: torch.nn.Module, frames: Frames, states: Mapping[str, Array], dtype: torch.dtype
    ) -> dict[str, Array]:
        infos = self.captured.arguments
        carried = [self._initial(i, states, dtype) for i in infos if i.role == "state"]
        given = [i for i in infos if i.role != "state"]
        rows: list[list[Any]] = []
        for t in range(len(next(iter(frames.values())))):
            inputs = [self._step_argument(i, frames, t, dtype) for i in given]
            results = self._results(module, [*inputs, *carried], 1)
            carried = results[len(results) - len(carried) :]
            rows.append(results)
        return {
            o.port: np.stack([row[o.index].numpy().reshape(self.ports[o.port].shape) for row in rows])
            for o in self.captured.outputs
        }

    def _step_argument(self, info: ArgumentInfo, frames: Frames, t: int, dtype: torch.dtype) -> torch.Tensor:
        if info.role == "unused":
            return info.spec.tensor(1, torch.Generator().manual_seed(0))
        return _tensor(np.asarray(frames[info.port])[t].reshape([n or 1 for n in info.spec.shape]), dtype)

    def _output(self, port: str, tensor: torch.Tensor, time: int | None, length: int) -> Array:
        steps = length // self.hop + self.extra
        shape = self.ports[port].shape if time is None else (steps, *self.ports[port].shape)
        array = tensor.numpy()
        if array.size != math.prod(shape):
            raise ValidationError(
                f"output {port!r}: for {length} frames the module gives a tensor of shape {array.shape}, "
                f"{shape} was expected from how it behaves for {LENGTHS[0]} and {LENGTHS[1]} frames"
            )
        if time is None or time >= array.ndim or array.shape[time] == 1:
            return array.reshape(shape)
        return np.moveaxis(array, time, 0).reshape(shape)


def _tensor(array: Array, dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    return tensor.to(dtype if tensor.is_floating_point() else torch.int64)
