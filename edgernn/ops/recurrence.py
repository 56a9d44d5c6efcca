"""A step program as one op: a cell that no other op stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from edgernn.ir.graph import Graph, Port
from edgernn.ir.op import Array, Op, expect
from edgernn.ir.types import ValueType

if TYPE_CHECKING:
    from edgernn.ir.builder import Builder


@dataclass(frozen=True, eq=False)
class Recurrence(Op):
    """Runs ``body``, a graph with states, for each frame.

    Operands: a frame for each input port of the body, then its states. Results: its outputs, then the next states.
    """

    body: Graph

    kind: ClassVar[str] = "recurrence"

    @property
    def carried(self) -> tuple[tuple[int, int], ...]:  # type: ignore[override]
        """The states, which stand after the frames and after the outputs."""
        inputs, outputs = len(self.body.inputs), len(self.body.outputs)
        return tuple((inputs + k, outputs + k) for k in range(len(self.body.states)))

    def infer(self, *inputs: ValueType) -> tuple[ValueType, ...]:
        body = self.body
        wanted = [p.shape for p in body.inputs] + [s.shape for s in body.states]
        expect([t.shape for t in inputs] == wanted, f"operands must be {wanted}, not {[t.shape for t in inputs]}")
        stream = next((t.stream for t in inputs if t.stream is not None), None)
        return tuple(ValueType(body.values[name].dtype, body.values[name].shape, stream) for name in _results(body))

    def reference(self, *inputs: Array) -> tuple[Array, ...]:
        from edgernn.ops.evaluate import run_block

        body, count = self.body, len(self.body.inputs)
        states = [replace(s, initial=a) for s, a in zip(body.states, inputs[count:], strict=True)]
        names = _results(body)
        ports = [Port(f"result_{k}", body.values[n].shape, body.values[n].dtype, value=n) for k, n in enumerate(names)]
        frames = {p.name: a for p, a in zip(body.inputs, inputs[:count], strict=True)}
        results = run_block(replace(body.copy(), states=states, outputs=ports), frames, str(inputs[0].dtype))
        return tuple(results[p.name] for p in ports)

    def decompose(self, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...] | None:
        """The nodes of the body."""
        return inlined(self.body, builder, inputs)


def inlined(body: Graph, builder: Builder, inputs: Sequence[str]) -> tuple[str, ...]:
    """Append the nodes of ``body`` with ``inputs`` for its input ports and states; its outputs and next states."""
    given = [*(p.value for p in body.inputs), *(s.before for s in body.states)]
    names = dict(zip(given, inputs, strict=True))
    names.update((name, builder.constant(array, name)) for name, array in body.constants.items())
    for node in body.nodes:
        outputs = builder.add(node.op, [names[n] for n in node.inputs], node.name)
        names.update(zip(node.outputs, outputs, strict=True))
    return tuple(names[name] for name in _results(body))


def _results(body: Graph) -> list[str]:
    return [*(p.value for p in body.outputs), *(s.after for s in body.states)]
