"""The table of C lowerings: one rule an op, registered in the ``lower_*`` modules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING

from edgernn.errors import UnsupportedOpError
from edgernn.ir.graph import Graph, Node
from edgernn.ir.legalize import describe
from edgernn.ir.op import Array, Op
from edgernn.ir.types import ValueType

if TYPE_CHECKING:
    from edgernn.export.c.program import Program

BACKEND = "c"


@dataclass(frozen=True)
class Call:
    """One node, while it is turned into C statements."""

    program: Program
    node: Node

    @property
    def graph(self) -> Graph:
        """The graph that the node belongs to."""
        return self.program.graph

    def type_in(self, k: int) -> ValueType:
        """Type of operand ``k``."""
        return self.graph.values[self.node.inputs[k]]

    def type_out(self, k: int = 0) -> ValueType:
        """Type of result ``k``."""
        return self.graph.values[self.node.outputs[k]]

    def operand(self, k: int) -> str:
        """C expression of the address of operand ``k``."""
        return self.program.address(self.program.plan.locations[self.node.inputs[k]])

    def result(self, k: int = 0) -> str:
        """C expression of the address of result ``k``."""
        return self.program.address(self.program.plan.locations[self.node.outputs[k]])

    def workspace(self) -> str:
        """C expression of the address of the node's workspace."""
        return self.program.address(self.program.plan.workspaces[self.node.name])

    def array(self, k: int) -> Array:
        """Operand ``k``, which must be a constant."""
        name = self.node.inputs[k]
        if name not in self.graph.constants:
            raise self.unsupported(f"operand {k} ({name}) must be a constant")
        return self.graph.constants[name]

    def require_float(self) -> None:
        """Refuse the node unless all its operands are float32."""
        for k in range(len(self.node.inputs)):
            if self.type_in(k).dtype != "float32":
                raise self.unsupported(f"operand {k} is {self.type_in(k).dtype}; there are float32 kernels only")

    def unsupported(self, reason: str) -> UnsupportedOpError:
        """The error for a node that no kernel computes."""
        return UnsupportedOpError(
            BACKEND, describe(self.node.op), self.node.name, source=self.node.source, reason=reason
        )

    def emit(self, function: str, *arguments: object, file: str = "") -> None:
        """Append a call of a kernel, which lives in ``file`` (by default, the file named as the function)."""
        self.program.use(file or f"{function}.c")
        about = comment(f"{self.node.name}: {describe(self.node.op)}")
        self.program.statements.append(f"{function}({', '.join(map(str, arguments))}); {about}")


def comment(text: str) -> str:
    """``text`` as a C comment. ``edgernn profile`` reads which node a statement belongs to from these."""
    return f"/* {text.replace('*/', '* /')} */"


@singledispatch
def lower(op: Op, call: Call) -> None:
    """Append the statements that compute ``op``. Rules are registered by type."""
    raise call.unsupported("no kernel")


@singledispatch
def can_lower(op: Op) -> bool:
    """Whether ``lower`` has a rule for ``op``; ops with several functions register a finer answer."""
    return lower.dispatch(type(op)) is not lower.dispatch(Op)


@singledispatch
def in_place(op: Op, node: Node, graph: Graph) -> list[tuple[int, int]]:
    """Pairs (operand, result) that the kernel of ``op`` allows to be the same memory."""
    return []


@singledispatch
def workspace(op: Op, node: Node, graph: Graph) -> int | tuple[str, int]:
    """Elements that the statements of ``op`` need besides operands and results: of the dtype of its first operand, or
    with the dtype."""
    return 0
