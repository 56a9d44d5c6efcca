"""Vectors as values of compiled code, kept in vector registers: the machinery of ``lanes`` and ``integer_lanes``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

TRIPLE, _, _FEATURES = cpu_target.target_context.codegen().magic_tuple()

Emit = Callable[..., Any]
"""Instructions of an operation: a function of the LLVM builder and the operands, all of them vectors."""


def _lanes_of_host() -> int:
    """Two registers a vector: four gates fill the pipeline and fit in the register file."""
    return 16 if "+avx" in _FEATURES.split(",") or TRIPLE.startswith(("aarch64", "arm64")) else 8


LANES = _lanes_of_host()


class VectorType(types.Type):
    """The type of a vector in compiled code."""

    def __init__(self, name: str, element: Any, llvm: Any) -> None:
        super().__init__(name=f"{name}({LANES})")
        self.element, self.llvm = element, llvm


class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, fe_type.llvm)


register_model(VectorType)(_VectorModel)


class Vectors:
    """``LANES`` numbers of one kind, and how operations on them are defined.

    An operation is given vectors and numbers; a number is repeated in all lanes.
    """

    def __init__(self, name: str, element: Any, llvm_element: Any) -> None:
        self.llvm = ir.VectorType(llvm_element, LANES)
        self.type = VectorType(name, element, self.llvm)

    def constant(self, value: float) -> Any:
        """A constant in all lanes."""
        return ir.Constant(self.llvm, [value] * LANES)

    def operator(self, function: Any, emit: Emit) -> None:
        """Define a binary operator for two vectors, and for a vector and a number."""

        def typing(context: Any) -> Any:
            def typer(a: Any, b: Any) -> Any:
                return self.type if self._fits(a, b) and self.type in (a, b) else None

            return typer

        def lowering(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return self._emit_widened(emit, context, builder, signature, values)

        type_callable(function)(typing)
        for a, b in ((self.type, self.type), (self.type, types.Number), (types.Number, self.type)):
            lower_builtin(function, a, b)(lowering)

    def function(self, emit: Emit, count: int = 0) -> Any:
        """A function of ``count`` vectors or numbers; by default as many as ``emit`` takes after the builder."""
        count = count or len(inspect.signature(emit).parameters) - 1

        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return self._emit_widened(emit, context, builder, signature, values)

        def define(*operands: Any) -> Any:
            return (self.type(*operands), code) if self._fits(*operands) else None

        return intrinsic(_of_arity(count, define))

    def _fits(self, *operands: Any) -> bool:
        return all(o == self.type or isinstance(o, types.Number) for o in operands)

    def _emit_widened(self, emit: Emit, context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pairs = zip(values, signature.args, strict=True)
        return emit(builder, *(self._widen(context, builder, value, kind) for value, kind in pairs))

    def _widen(self, context: Any, builder: Any, value: Any, kind: Any) -> Any:
        if kind == self.type:
            return value
        return splat(builder, context.cast(builder, value, kind, self.type.element), LANES)


def _of_arity(count: int, define: Callable[..., Any]) -> Callable[..., Any]:
    """``define`` as a typing function, whose parameters numba counts."""
    functions: dict[int, Callable[..., Any]] = {
        1: lambda context, a: define(a),
        2: lambda context, a, b: define(a, b),
        3: lambda context, a, b, c: define(a, b, c),
        4: lambda context, a, b, c, d: define(a, b, c, d),
    }
    return functions[count]


def splat(builder: Any, value: Any, count: int) -> Any:
    """A vector of ``count`` times ``value``."""
    undefined = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count))


def read(builder: Any, pointer: Any, index: Any, kind: Any, align: int) -> Any:
    """A value of LLVM type ``kind`` at ``pointer[index]``, aligned to ``align`` bytes."""
    value = builder.load(builder.bitcast(builder.gep(pointer, [index]), kind.as_pointer()))
    value.align = align
    return value


def write(builder: Any, pointer: Any, index: Any, value: Any, align: int) -> None:
    """Store ``value`` at ``pointer[index]``, aligned to ``align`` bytes."""
    builder.store(value, builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer())).align = align
