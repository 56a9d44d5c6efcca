"""Float step program -> integer step program, or one with int8 weights; training with the integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgernn.ir.op import Array
from edgernn.quant import weights8
from edgernn.quant.composed import in_ops_with_integer_forms
from edgernn.quant.quantize import Quantized, quantize
from edgernn.quant.schemes import SCHEMES, Scheme
from edgernn.quant.stages import QuantizedSegment, quantize_segment, quantize_segment_weights
from edgernn.quant.weights8 import quantize_weights

if TYPE_CHECKING:
    import torch

    from edgernn.quant.qat.module import QatModule

__all__ = [
    "SCHEMES", "Quantized", "QuantizedSegment", "Scheme", "in_ops_with_integer_forms", "prepare_qat", "quantize",
    "quantize_segment", "quantize_segment_weights", "quantize_weights", "weights8",
]  # fmt: skip


def prepare_qat(
    module: torch.nn.Module,
    calibration: Sequence[Mapping[str, Array]],
    scheme: str = "int16x8",
    *,
    inputs: str | Sequence[Any] | None = None,
    example: Any = None,
    method: str = "minmax",
    layers: Mapping[str, str] | None = None,
    name: str | None = None,
) -> QatModule:
    """A module that computes exactly the integers that will run, and trains as any other (quantization-aware training).

    module       a whole-sequence module; it is not changed
    calibration  sequences of real input, each a dict of input name -> [T, *frame shape]; they give the ranges
    scheme       "int16x8", "int8" or "int16x4"
    inputs, example, name  as for ``edgernn.convert``
    method, layers         as for ``Model.quantize``

    ``edgernn.convert`` of the result gives the integer model, whose outputs are those of the result to the bit. Raises
    UnsupportedModelError, UnsupportedOpError and UsageError as these two do, and UsageError for step modules and for
    modules that take initial states.
    """
    from edgernn.quant.qat.prepare import prepare

    return prepare(module, calibration, scheme, method, layers, example, inputs, name)
