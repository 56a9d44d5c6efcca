"""Matrices of int8 with a scale for each row, in models that compute in floating point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgernn.ir.graph import Graph
from edgernn.ir.op import Array, Op, expect, expect_constants
from edgernn.ir.types import ValueType


@dataclass(frozen=True)
class Dequantize(Op):
    """w * scale of each row.

    Operands: constant w (R, C) int8, constant scale (R) float32. Result: (R, C) float32, a constant too.
    """

    kind: ClassVar[str] = "dequantize"
    of_constants: ClassVar[bool] = True

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        expect(len(inputs) == 2, f"dequantize has 2 operands, not {len(inputs)}")
        w, scale = inputs
        expect_constants(w, scale)
        expect(w.dtype == "int8" and len(w.shape) == 2, f"dequantize reads an int8 matrix, not {w.dtype} {w.shape}")
        expect(
            scale.dtype == "float32" and scale.shape == w.shape[:1],
            f"scales must be float32 {w.shape[:1]}, not {scale.dtype} {scale.shape}",
        )
        return (ValueType("float32", w.shape),)

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        w, scale = inputs
        return (w * scale[:, None],)


@dataclass(frozen=True)
class QuantizedMatrix:
    """w (R, C) int8 in units of scale (R) float32."""

    w: Array
    scale: Array


def quantized_matrices(graph: Graph) -> dict[str, QuantizedMatrix]:
    """The matrices of ``graph`` that are stored in int8, by the name of the float value."""
    return {
        node.outputs[0]: QuantizedMatrix(*(graph.constants[name] for name in node.inputs))
        for node in graph.nodes
        if isinstance(node.op, Dequantize)
    }


def dequantized(graph: Graph) -> Graph:
    """``graph`` with these matrices as float32 constants of the same names."""
    matrices = quantized_matrices(graph)
    if not matrices:
        return graph
    new = graph.copy()
    new.nodes = [node for node in graph.nodes if not isinstance(node.op, Dequantize)]
    new.constants.update(float_matrices(matrices))
    read = {name for node in new.nodes for name in node.inputs} | set(new.roots())
    for name in set(graph.constants) - read:
        del new.constants[name], new.values[name]
    return new


def float_matrices(matrices: Mapping[str, QuantizedMatrix]) -> dict[str, Array]:
    """The float32 values of ``matrices``."""
    return {name: Dequantize().reference(m.w, m.scale)[0] for name, m in matrices.items()}
