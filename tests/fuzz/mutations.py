"""Damage to files and snapshots: bytes, lengths, and the structure of the JSON within."""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

NESTED: Any = []
for _ in range(300):
    NESTED = [NESTED]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, 5, 7, -1, -2, 255, 65_536, 2**24, 2**31 - 1, 2**31, 2**63, 10**30, 0.5, -1.5, 1e300,
    float("nan"), float("inf"), "", "x", "h", "float32", "int8", "int32", "bool", "frame", "static", "final", "add",
    "tanh", "sum", "reshape", "transpose", "expand", "slice", "concat", "binary", "unary", "linear", "matmul", "reduce",
    "\x00", "ü\ud800", "n" * 5000, [], [0], [1], [1, 1], [-1], [2**30], [2**12, 2**12], ["x"], [["a", "b"]], {},
    {"name": "x"}, NESTED,
)  # fmt: skip


def mutated_bytes(data: bytes, rng: Random) -> bytes:
    """Some bytes changed, cut off, put in, left out, doubled or set to zero."""
    out = bytearray(data)
    kind, at = rng.randrange(6), rng.randrange(len(out))
    if kind == 0:
        for _ in range(rng.choice((1, 1, 2, 8))):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del out[at:]
    elif kind == 2:
        out[at:at] = rng.randbytes(rng.randrange(1, 40))
    elif kind == 3:
        del out[at : at + rng.randrange(1, 40)]
    elif kind == 4:
        out[at:at] = out[at : at + rng.randrange(1, 200)]
    else:
        end = min(len(out), at + rng.randrange(1, 64))
        out[at:end] = bytes(end - at)
    return bytes(out)


def mutated_tree(tree: Any, rng: Random) -> Any:
    """A copy of a JSON value with one to three of its places changed, removed, doubled or exchanged."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(tree))
        if places:
            _change(*rng.choice(places), places, rng)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) below ``tree``."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(items):
        yield tree, key
        yield from _places(value)


def _change(container: Any, key: Any, places: list[tuple[Any, Any]], rng: Random) -> None:
    kind = rng.choice((0, 1, 2, 3, 4, 4, 4, 5, 5))
    if kind <= 2:
        same = [v for v in VALUES if type(v) is type(container[key])]
        container[key] = copy.deepcopy(rng.choice(same if kind and same else VALUES))
    elif kind == 3:
        del container[key]
    elif kind == 4:
        same = [p for p in places if type(p[0]) is type(container) and (isinstance(p[1], int) or p[1] == key)]
        other, place = rng.choice(same or places)
        if isinstance(place, str) and isinstance(other, dict) and place not in other:
            return
        if isinstance(other, list) and not place < len(other):
            return
        container[key] = copy.deepcopy(other[place])
    elif isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif type(container[key]) is int:
        container[key] += rng.choice((-1, 1, 100))


def dumped(tree: Any) -> bytes:
    """JSON text, with NaN and lone surrogates as Python writes them."""
    return json.dumps(tree).encode("utf-8", "surrogatepass")
