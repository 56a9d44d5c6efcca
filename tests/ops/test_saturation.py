"""Saturations of the definition are seen, and seeing them changes nothing."""

from __future__ import annotations

import numpy as np

from edgernn.ir.op import Array
from edgernn.ops.integer.recurrent import LstmInt16
from edgernn.ops.integer.saturation import observing, saturate


def _lstm(bias: list[int]) -> list[Array]:
    """Operands of a step of 2 cells whose pre-activations are ``bias`` (gate order i f g o)."""
    zeros = [np.zeros(n, np.int16) for n in (2, 2)]
    weights = [np.zeros((8, n), np.int8) for n in (3, 2)]
    return [np.zeros((5, 3), np.int16), *zeros, *weights, np.zeros(8, np.int32), np.asarray(bias, np.int32)]


def test_each_gate_is_seen_with_its_values_before_they_are_clipped() -> None:
    seen: dict[str, list[Array]] = {}
    bias = [40000, 0, -40000, -32768, 32767, 32768, 1, 2]
    with observing(lambda parts, x, low, high: seen.setdefault(parts, []).append(x)):
        LstmInt16(2, 0, 12, 15).reference(*_lstm(bias))
    assert len(seen["i f g o"]) == 5
    np.testing.assert_array_equal(seen["i f g o"][0], bias)
    assert set(seen) == {"i f g o", "c", "h"}


def test_an_observer_changes_no_integer_and_sees_nothing_outside_its_block() -> None:
    operands = _lstm([9000, -9000, 20000, 40000, -40000, 3, 2, 1])
    calls: list[str] = []
    with observing(lambda parts, x, low, high: calls.append(parts)):
        watched = LstmInt16(2, 0, 12, 15).reference(*operands)
        count = len(calls)
    for a, b in zip(watched, LstmInt16(2, 0, 12, 15).reference(*operands), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(calls) == count
    np.testing.assert_array_equal(saturate(np.asarray([-9, 3, 9]), -8, 7), [-8, 3, 7])
