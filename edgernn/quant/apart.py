"""Recurrent layers whose input and state are multiplied apart.

One row over [x; h] has one unit. Where the products with x are so large that no 31-bit multiplier brings that unit to
the pre-activations, that h has no resolution left, or that a row is too long for 32-bit sums, x and h get rows of
their own, whose sums are brought to pre-activations and added there. Pre-activations saturate as in the joint form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.ir.graph import Node
from edgernn.ir.op import Array, Op
from edgernn.ops import Gru, Lstm, Rnn, Slice
from edgernn.ops.integer.elementwise import MULTIPLIER_MAX, AddInt16, ClipInt16, MulInt16, TableInt16
from edgernn.ops.integer.tables import SIGMOID, TANH
from edgernn.quant.context import INTEGER_MAX, LARGEST_STEP, Q12, Q15, Context
from edgernn.quant.dense import Dense, lower_dense
from edgernn.quant.fixed_point import high_word, multiplier_and_shift

GATE_BOUND = 32767 * Q12
"""Largest pre-activation."""


def lower_apart(op: Lstm | Gru | Rnn, ctx: Context, node: Node, inputs: Sequence[str]) -> tuple[str, ...]:
    """Integer nodes for a recurrent node. Its results have the scales and dtypes of its states."""
    cell = _Cell(ctx, node, inputs)
    if isinstance(op, Lstm):
        return cell.lstm(op)
    return (cell.gru(op.hidden_size) if isinstance(op, Gru) else cell.rnn(op),)


class _Cell:
    """The nodes of one layer."""

    def __init__(self, ctx: Context, node: Node, inputs: Sequence[str]) -> None:
        self.ctx, self.node, self.inputs = ctx, node, inputs
        self.x, self.state = ctx.activation(node, inputs), inputs[1]
        self.dtype = ctx.width(self.x)
        self.h = self.narrow(self.state)

    def narrow(self, h: str) -> str:
        """``h`` as what the products of the scheme take."""
        if self.ctx.width(h) == self.dtype:
            return h
        return self.ctx.rescaled(h, self.ctx.scales[h] * 256, f"{h}_narrow", self.dtype)

    def add(self, op: Op, operands: Sequence[str], scale: float, hint: str) -> str:
        return self.ctx.put(self.ctx.builder.add1(op, operands, f"{self.node.name}_{hint}"), scale)

    def part(self, x: str, weight: Array, bias: Array, bound: float, hint: str) -> str:
        """weight x + bias, saturated to at least ``bound``."""
        layer = Dense(weight, bias, bound / INTEGER_MAX["int16"], hint=f"{self.node.name}_{hint}")
        return lower_dense(self.ctx, self.node, x, layer)

    def parts(self, weights: tuple[Array, Array], biases: tuple[Array, Array], bound: float) -> tuple[str, str]:
        """The products with x and with h, the first saturated where the second cannot bring it back to ``bound``."""
        peak_h = self.ctx.scales[self.h] * INTEGER_MAX[self.dtype]
        reach = float((np.abs(weights[1]).sum(axis=1) * peak_h + np.abs(biases[1])).max())
        return (
            self.part(self.x, weights[0], biases[0], bound + reach, "from_x"),
            self.part(self.h, weights[1], biases[1], max(reach, 1e-6), "from_h"),
        )

    def sum(self, a: str, b: str, scale: float, hint: str, sign: float = 1.0) -> str:
        """a + sign b in units of ``scale``, saturated."""
        a, b = (self.ctx.rescaled(n, min(self.ctx.scales[n], scale * LARGEST_STEP)) for n in (a, b))
        ratios = [self.ctx.scales[a] / scale, sign * self.ctx.scales[b] / scale]
        (m_a, m_b), shift = multiplier_and_shift(ratios, MULTIPLIER_MAX + 1)
        return self.add(AddInt16("add", m_a, m_b, shift), [a, b], scale, hint)

    def product(self, a: str, b: str, scale: float, hint: str) -> str:
        """a b in units of ``scale``, saturated."""
        multiplier = int(high_word(np.asarray(self.ctx.scales[a] * self.ctx.scales[b] / scale)))
        return self.add(MulInt16(multiplier), [a, b], scale, hint)

    def cut(self, name: str, start: int, stop: int) -> str:
        return self.add(Slice(-1, start, stop), [name], self.ctx.scales[name], "part")

    def look_up(self, name: str, table: Array, hint: str) -> str:
        """Sigmoid or tanh of a value in Q3.12."""
        return self.add(TableInt16(), [name, self.ctx.constant(table, hint)], Q15, hint)

    def tanh(self, name: str) -> str:
        return self.look_up(self.ctx.rescaled(name, Q12), TANH, "tanh")

    def sigmoid(self, name: str) -> str:
        return self.look_up(self.ctx.rescaled(name, Q12), SIGMOID, "sigmoid")

    def as_state(self, name: str) -> str:
        """``name`` with scale and dtype of the state h."""
        return self.ctx.rescaled(name, self.ctx.scales[self.state], self.node.name, self.ctx.width(self.state))

    def weight(self, k: int) -> Array:
        return self.ctx.weight(self.node, k)

    def lstm(self, op: Lstm) -> tuple[str, ...]:
        c, size = self.inputs[2], op.hidden_size
        scale_c = self.ctx.scales[c]
        bias = self.weight(5)
        parts = self.parts((self.weight(3), self.weight(4)), (bias, np.zeros_like(bias)), GATE_BOUND)
        gates = self.sum(*parts, Q12, "gates")
        i, f, g, o = (self.cut(gates, k * size, (k + 1) * size) for k in range(4))
        kept = self.product(self.sigmoid(f), c, scale_c, "kept")
        new = self.product(self.sigmoid(i), self.tanh(g), scale_c, "new")
        c_next = self.sum(kept, new, scale_c, "c")
        shown = self.product(self.sigmoid(o), self.tanh(c_next), Q15, "shown")
        return self.as_state(self.projected(shown) if op.proj_size else shown), c_next

    def projected(self, shown: str) -> str:
        weight, scale = self.weight(6), self.ctx.scales[self.state]
        bound = scale * INTEGER_MAX[self.ctx.width(self.state)]
        return self.part(self.narrow(shown), weight, np.zeros(len(weight)), bound, "projected")

    def gru(self, size: int) -> str:
        w_x, w_h, b_x, b_h = (self.weight(k) for k in (2, 3, 4, 5))
        gate = np.arange(3 * size) < 2 * size
        biases = b_x + np.where(gate, b_h, 0.0), np.where(gate, 0.0, b_h)
        from_x, from_h = self.parts((w_x, w_h), biases, GATE_BOUND)
        halves = [(self.cut(p, 0, 2 * size), self.cut(p, 2 * size, 3 * size)) for p in (from_x, from_h)]
        gates = self.sigmoid(self.sum(halves[0][0], halves[1][0], Q12, "gates"))
        r, z = self.cut(gates, 0, size), self.cut(gates, size, 2 * size)
        candidate = self.product(r, halves[1][1], self.ctx.scales[halves[1][1]], "reset")
        n = self.tanh(self.sum(halves[0][1], candidate, Q12, "candidate"))
        change = self.product(z, self.sum(self.state, n, 2 * Q15, "change", -1.0), 2 * Q15, "change")
        return self.sum(n, change, Q15, "h")

    def rnn(self, op: Rnn) -> str:
        bias = self.weight(4)
        weights, biases = (self.weight(2), self.weight(3)), (bias, np.zeros_like(bias))
        if op.nonlinearity == "tanh":
            return self.as_state(self.tanh(self.sum(*self.parts(weights, biases, GATE_BOUND), Q12, "sum")))
        bound = self.ctx.scales[self.state] * INTEGER_MAX[self.ctx.width(self.state)]
        total = self.sum(*self.parts(weights, biases, bound), bound / INTEGER_MAX["int16"], "sum")
        clipped = self.add(ClipInt16(0, INTEGER_MAX["int16"]), [total], self.ctx.scales[total], "relu")
        return self.as_state(clipped)
