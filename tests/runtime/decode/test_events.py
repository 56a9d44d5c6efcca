"""Events: thresholds, hysteresis, debouncing, and the same in C."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgernn.errors import UsageError
from edgernn.runtime.decode import EventDetector
from tests.runtime.decode.c_library import library


class CEvent(ctypes.Structure):
    """ern_event"""

    _fields_ = tuple(
        (name, ctypes.c_int32 if name in ("on", "off") else ctypes.c_uint32)
        for name in ("on", "off", "rise", "fall", "frame", "run", "active")
    )


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.29, 0.3, 0.31, 0.5, 0.7, 1e6]), max_size=60),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([None, 0.1, 0.01]),
    st.sampled_from([(0.5, 0.3), (0.3, 0.3), (0.7, 0.0)]),
)
def test_c_finds_the_same(
    values: list[float], rise: int, fall: int, scale: float | None, levels: tuple[float, float]
) -> None:
    detector = EventDetector(*levels, rise=rise, fall=fall)
    event, at = CEvent(), ctypes.c_uint32()
    on, off = detector.thresholds(scale)
    library().ern_event_begin(ctypes.byref(event), on, off, rise, fall)
    for value in values:
        if scale is None:
            score = np.float32(value)
            library().ern_event_score_f32.argtypes = [ctypes.c_float]
            units = library().ern_event_score_f32(value)
        else:
            score = np.int16(np.clip(round(value / scale), -32768, 32767))
            units = int(score)
        change = detector.step(score, scale)
        found = library().ern_event_step(ctypes.byref(event), units, ctypes.byref(at))
        assert (None, "began", "ended")[found] == (change and change.kind)
        assert change is None or change.frame == at.value


def test_hysteresis_and_debouncing() -> None:
    scores = np.float32([0, 0.9, 0, 0.6, 0.8, 0.4, 0.2, 0.4, 0.2, 0.2, 0.9, 0.9, 0.9])
    assert EventDetector(0.5).events(scores) == [(1, 2), (3, 5), (10, 13)]
    assert EventDetector(0.5, 0.3).events(scores) == [(1, 2), (3, 6), (10, 13)]
    assert EventDetector(0.5, 0.3, rise=2).events(scores) == [(3, 6), (10, 13)]
    assert EventDetector(0.5, 0.3, rise=2, fall=2).events(scores) == [(3, 8), (10, 13)]
    assert EventDetector(0.5, 0.3, rise=4).events(scores) == []


def test_changes_are_told_when_they_are_sure() -> None:
    detector = EventDetector(0.5, 0.3, rise=2, fall=3)
    told = [detector.step(np.float32(s)) for s in (0.9, 0.9, 0.1, 0.1, 0.1, 0.1)]
    assert [t and (t.kind, t.frame) for t in told] == [None, ("began", 0), None, None, ("ended", 2), None]
    assert (detector.frame, detector.active) == (6, False)


@pytest.mark.parametrize("scale", [0.1, 0.05, 1 / 32768, 0.3])
def test_integers_reach_a_threshold_where_their_value_does(scale: float) -> None:
    integers = np.arange(-20, 40, dtype=np.int16)
    for threshold in (0.3, 0.25, 1.0, -0.1, scale * 7):
        on, _ = EventDetector(threshold).thresholds(scale)
        assert [bool(k >= on) for k in integers] == [bool(k * scale >= threshold - 1e-12) for k in integers]


def test_mistakes() -> None:
    for arguments in ((0.3, 0.5), (float("nan"),), (0.5, 0.3, 0), (0.5, 0.3, 1, 0)):
        with pytest.raises(UsageError):
            EventDetector(*arguments)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="need the scale"):
        EventDetector(0.5).step(np.int16(3))
