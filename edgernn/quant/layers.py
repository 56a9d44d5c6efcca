"""What the user says about single layers: another scheme, another way to choose ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ops import Embedding, Gru, Linear, Lstm, Rnn
from edgernn.quant.ranges import check_method
from edgernn.quant.schemes import Scheme, scheme_named

LAYERS = (Linear, Lstm, Gru, Rnn, Embedding)
"""Ops that have weights of their own."""

FORM = "SCHEME, SCHEME:METHOD or :METHOD"


@dataclass(frozen=True)
class Choice:
    """The scheme of a layer, and the method by which the ranges of what it computes are chosen; None: the model's."""

    scheme: str | None = None
    method: str | None = None


def parse_choice(text: str) -> Choice:
    """ "int8", "int8:mse" or ":mse". Raises UsageError, naming what is known."""
    scheme, _, method = (part.strip() for part in text.partition(":"))
    if not scheme and not method:
        raise UsageError(f"layer override {text!r}; expected {FORM}")
    if scheme:
        scheme_named(scheme)
    if method:
        check_method(method)
    return Choice(scheme or None, method or None)


def choices(graph: Graph, layers: Mapping[str, str]) -> dict[str, Choice]:
    """For each node of a float step program that a pattern of ``layers`` matches, what it asks for.

    layers  pattern of node names (as in a shell: * ? [...]) -> text for ``parse_choice``; where several match,
            the last one counts

    Raises UsageError for a pattern that matches no node.
    """
    found: dict[str, Choice] = {}
    for pattern, text in layers.items():
        choice = parse_choice(text)
        matching = matches(graph, pattern)
        if not matching:
            names = [node.name for node in graph.nodes]
            raise UsageError(f"layer override {pattern!r} matches no layer; layers are {', '.join(names)}")
        found.update(dict.fromkeys(matching, choice))
    return found


def matches(graph: Graph, pattern: str) -> list[str]:
    """Names of the nodes that a pattern (as in a shell: * ? [...]) matches."""
    return [node.name for node in graph.nodes if fnmatchcase(node.name, pattern)]


def schemes_of(found: Mapping[str, Choice]) -> dict[str, Scheme]:
    """Node -> scheme, where one is asked for."""
    return {name: scheme_named(choice.scheme) for name, choice in found.items() if choice.scheme}


def methods_of(graph: Graph, found: Mapping[str, Choice]) -> dict[str, str]:
    """Value -> method, for the results and the states of the nodes for which one is asked."""
    methods: dict[str, str] = {}
    for node in graph.nodes:
        method = found.get(node.name, Choice()).method
        if method:
            methods.update(dict.fromkeys(node.outputs, method))
            methods.update({node.inputs[k]: method for k, _ in node.op.carried})
    return methods


def scheme_label(graph: Graph, schemes: Mapping[str, str]) -> str:
    """The schemes of the layers that have weights, "int16x8" or "int16x8+int16x4"; empty where there are none."""
    return "+".join(dict.fromkeys(schemes[node.name] for node in graph.nodes if isinstance(node.op, LAYERS)))
