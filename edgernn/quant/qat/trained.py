"""Which constants of a step program are trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgernn.ir.graph import Graph, Node
from edgernn.ir.op import Array
from edgernn.ops import Embedding, Gru, LayerNorm, Linear, Lstm, Rnn

TRAINED = (Embedding, Gru, LayerNorm, Linear, Lstm, Rnn)
"""Ops whose constants are trained."""


def trained(program: Graph) -> dict[str, Array]:
    """The constants that are trained, by name."""
    names = [name for node in program.nodes for _, name in _weights(node, program)]
    return {name: program.constants[name] for name in dict.fromkeys(names)}


def untied(program: Graph) -> Graph:
    """``program`` with constants of their own for all nodes that are trained.

    Constants that happen to be equal, such as biases of zero, are stored once; they must not be trained as one.
    Matrices that are equal are tied, unless all their elements are equal.
    """
    new, tied = program.copy(), dict[str, str]()
    for number, node in enumerate(program.nodes):
        inputs = list(node.inputs)
        for k, name in _weights(node, program):
            array = program.constants[name]
            if name in tied:
                inputs[k] = tied[name]
                continue
            inputs[k] = f"{node.name}_weight_{k}"
            new.constants[inputs[k]], new.values[inputs[k]] = array.copy(), program.values[name]
            if array.ndim > 1 and not (array == array.flat[0]).all():
                tied[name] = inputs[k]
        new.nodes[number] = replace(node, inputs=tuple(inputs))
    read = {name for node in new.nodes for name in node.inputs} | set(new.roots())
    for name in set(new.constants) - read:
        del new.constants[name], new.values[name]
    return new


def _weights(node: Node, program: Graph) -> list[tuple[int, str]]:
    """(operand, name) of what is trained of a node."""
    if not isinstance(node.op, TRAINED):
        return []
    constants = [(k, name) for k, name in enumerate(node.inputs) if name in program.constants]
    return [(k, name) for k, name in constants if program.constants[name].dtype == np.float32]
