"""Operators that are read where all operands are constants, and otherwise refused, with what to do."""

from __future__ import annotations

from typing import Any, NoReturn

from edgernn.capture.onnx.operators.table import Operator
from edgernn.capture.onnx.values import OnnxNode

QUANTIZED = (
    "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "MatMulInteger",
    "ConvInteger",
)  # fmt: skip
POSITIONS = ("ArgMax", "ArgMin", "TopK", "NonZero")


def quantized(node: OnnxNode, *operands: Any) -> NoReturn:
    """Rounding between float and integers inside the model."""
    node.refuse(
        "the model is quantized: values are rounded to integers while it runs",
        "convert the float model, and quantize it here (--quant). Weights that DequantizeLinear restores are read",
    )


def position(node: OnnxNode, *operands: Any) -> NoReturn:
    """Indices instead of values."""
    node.refuse("it computes positions, not values", "cut the model before it, and take them of what the session gives")


def constant(node: OnnxNode, *operands: Any) -> NoReturn:
    """Never reached: a node without operands is computed when the file is read."""
    node.refuse("it has operands")


OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(QUANTIZED, quantized),
    **dict.fromkeys(POSITIONS, position),
    "Constant": constant,
}
