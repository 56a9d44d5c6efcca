"""A module that computes the integers that will run, and trains the weights behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ops.evaluate import states_stay_inside
from edgernn.quant.qat.layout import Layout
from edgernn.quant.qat.simulate import Simulation
from edgernn.quant.qat.trained import trained
from edgernn.quant.quantize import Quantized, quantize
from edgernn.quant.ranges import Observations, observe


class QatModule(nn.Module):
    """The module that ``prepare_qat`` was given, as its integers compute it.

    Called as that module, with a batch of any size: [B, T, ...] where it takes [1, T, ...]; ``lengths`` of sequences,
    where it takes one, say where the values of the end are taken. The results are exactly those that the deployed
    integers stand for. Gradients pass rounding and saturation as if they were not there (straight-through estimator,
    Bengio et al., 2013, https://arxiv.org/abs/1308.3432); weights enter as the values that their integers stand for.

    Parameters are the weights of the step program: batch normalisation is folded into them, and the two biases of an
    LSTM layer are one. Ranges are those of the weights when they were last observed: at the beginning, and by
    ``observe_ranges``, which once an epoch is often enough. ``state_dict`` holds the weights and those that the ranges
    belong to, so that a module prepared anew and loaded computes the same integers.
    """

    def __init__(
        self,
        layout: Layout,
        program: Graph,
        calibration: Sequence[Mapping[str, Array]],
        scheme: str,
        method: str,
        layers: Mapping[str, str] | None,
    ) -> None:
        super().__init__()
        self.layout, self.program, self.calibration = layout, program, list(calibration)
        self.scheme, self.method, self.layers = scheme, method, dict(layers or {})
        self.whole = states_stay_inside(program)
        self.weights = nn.ParameterDict({name: nn.Parameter(torch.tensor(a)) for name, a in trained(program).items()})
        self.observed = nn.Module()
        for name, parameter in self.weights.items():
            self.observed.register_buffer(name, parameter.detach().clone())
        self._observations: Observations | None = None
        self._quantized: tuple[list[int], Quantized] | None = None
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]

    def observe_ranges(self) -> None:
        """Take the ranges of all values anew, over the calibration data with the weights as they are."""
        with torch.no_grad():
            for name, parameter in self.weights.items():
                getattr(self.observed, name).copy_(parameter)
        _forget(self)

    def float_program(self) -> Graph:
        """The step program in float32, with the weights as they are."""
        return _with_constants(self.program, dict(self.weights.items()))

    def quantized(self) -> Quantized:
        """The integer program of the weights as they are: what is deployed."""
        versions = [parameter._version for parameter in self.weights.values()]
        if self._quantized is None or self._quantized[0] != versions:
            if self._observations is None:
                self._observations = observe(_with_constants(self.program, self._observed()), self.calibration)
            found = quantize(self.float_program(), self._observations, self.scheme, self.method, self.layers)
            self._quantized = versions, found
        return self._quantized[1]

    def forward(self, *arguments: Any) -> Any:
        """What the module returns, computed in integers."""
        blocks, lengths = self.layout.blocks(arguments)
        simulation = Simulation(self.program, self.quantized(), self.whole)
        weights = dict(self.weights.items()) if torch.is_grad_enabled() else None
        return self.layout.results_of(simulation.run(blocks, weights), lengths)

    def run_float(self, frames: Mapping[str, Array], dtype: torch.dtype = torch.float32) -> dict[str, Array]:
        """Values [T, *frame] of the output ports in floating point, for one sequence, with the weights as they are."""
        simulation = Simulation(self.program, None, self.whole)
        with torch.no_grad():
            blocks = {name: torch.as_tensor(np.array(array))[:, None] for name, array in frames.items()}
            found = simulation.run(blocks, dict(self.weights.items()), dtype)
        return {name: block[:, 0].numpy() for name, block in found.items()}

    def _observed(self) -> dict[str, Tensor]:
        return {name: getattr(self.observed, name) for name in self.weights}

    def extra_repr(self) -> str:
        """Scheme and calibration."""
        return f"scheme={self.scheme!r}, method={self.method!r}, calibration={len(self.calibration)} sequences"


def _forget(module: QatModule, *_: Any) -> None:
    module._observations, module._quantized = None, None


def _with_constants(program: Graph, weights: Mapping[str, Tensor]) -> Graph:
    new = program.copy()
    new.constants.update({name: weight.detach().numpy().copy() for name, weight in weights.items()})
    return new
