"""The line fails in every way: no frame is lost or doubled unnoticed."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgernn.boards.links.serial import SNAPSHOT_EVERY, SerialLink
from edgernn.errors import FrameError, LinkError, SnapshotError
from edgernn.ir.interface import Interface
from edgernn.runtime.snapshot import unpack_snapshot

from .native import BOARD, Line, NativeBoard, client, frames, interface


def connect(line: Line, *, recover: bool = True, patience_s: float = 60.0) -> SerialLink:
    return SerialLink(line, interface(), BOARD, recover=recover, client=client(line, patience_s))


def spoil(rng: random.Random, rate: float) -> Callable[[bytes], bytes]:
    """Changes, drops, doubles and inserts bytes, and cuts what is sent, each at ``rate``."""

    def fault(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            chance = rng.random()
            if chance < rate:
                out.append(byte ^ 1 << rng.randrange(8))
            elif chance < 2 * rate:
                continue
            elif chance < 3 * rate:
                out += bytes([byte, byte])
            elif chance < 4 * rate:
                out += bytes([byte, rng.randrange(256)])
            else:
                out.append(byte)
        return bytes(out[: rng.randrange(len(out) + 1)]) if out and rng.random() < 5 * rate else bytes(out)

    return fault


def press_reset(line: Line) -> None:
    line.board.reset()


def unplug(seconds: float, *, power: bool) -> Callable[[Line], None]:
    def event(line: Line) -> None:
        line.unplugged_until = line.clock() + seconds
        if power:
            line.board.reset()

    return event


def nothing(line: Line) -> None:
    """An event that is none."""


@given(st.integers(0, 2**32), st.floats(0.0, 0.01), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_noisy_line_gives_every_output_once(
    native_board: NativeBoard, seed: int, rate: float, outwards: bool, inwards: bool
) -> None:
    rng = random.Random(seed)
    native_board.reset()
    line = Line(native_board)
    link = connect(line, patience_s=1e6)
    if outwards:
        line.to_board = spoil(rng, rate)
    if inwards:
        line.to_host = spoil(rng, rate)
    inputs, expected = frames(25)
    before = native_board.executed
    streamed = link.stream({"x": inputs})
    assert np.array_equal(streamed.outputs["y"], expected)
    assert native_board.executed == before + 25, "each frame was stepped once, however often it was sent"
    assert link.recoveries == 0


EVENTS = {"reset": press_reset, "unplug": unplug(1.5, power=False), "power": unplug(3.0, power=True)}
APART = SNAPSHOT_EVERY + 20
"""Messages between two events: more than it takes to bring a board back."""


@given(st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(0, 90)), max_size=4), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_a_stream_goes_on_after_resets_and_unplugged_cables(
    native_board: NativeBoard, events: list[tuple[str, int]], seed: int
) -> None:
    native_board.reset()
    line = Line(native_board)
    link = connect(line, patience_s=1e6)
    line.to_board = spoil(random.Random(seed), 0.0005)
    for name, later in events:
        line.events += [*[nothing] * later, EVENTS[name], *[nothing] * APART]
    inputs, expected = frames(3 * SNAPSHOT_EVERY + 30)
    assert np.array_equal(link.stream({"x": inputs}).outputs["y"], expected)
    if not line.events:
        assert link.recoveries == sum(name != "unplug" for name, _ in events)


def test_a_reset_is_noticed_and_the_state_comes_back(line: Line) -> None:
    link = connect(line)
    inputs, expected = frames(300)
    first = link.stream({"x": inputs[:150]})
    line.board.reset()
    second = link.stream({"x": inputs[150:]})
    assert link.recoveries == 1
    assert np.array_equal(np.concatenate([first.outputs["y"], second.outputs["y"]]), expected)
    line.board.reset()
    line.board.take(b"\x11\x22garbage of a boot loader\r\n")
    link.reset()
    assert np.array_equal(link.stream({"x": inputs[:50]}).outputs["y"], expected[:50])
    assert link.recoveries == 2


def test_without_recovery_a_reset_is_an_error(line: Line) -> None:
    link = connect(line, recover=False)
    inputs, _ = frames(10)
    link.stream({"x": inputs})
    line.board.reset()
    with pytest.raises(LinkError, match=r"the board was reset, or its session was taken over, 10 steps after"):
        link.stream({"x": inputs})


def test_a_board_that_keeps_resetting_is_given_up(line: Line) -> None:
    link = connect(line)
    line.events = [press_reset] * 1000
    with pytest.raises(LinkError, match="was reset 3 times during one request: is its power supply sufficient"):
        link.stream({"x": frames(1)[0]})


def test_an_unplugged_cable_is_waited_for_and_then_an_error(line: Line) -> None:
    link = connect(line, patience_s=20)
    inputs, expected = frames(20)
    line.unplugged_until = line.clock() + 10
    assert np.array_equal(link.stream({"x": inputs[:10]}).outputs["y"], expected[:10])
    assert (link.client.troubles.reconnects, link.recoveries) == (1, 0)
    line.unplugged_until = float("inf")
    begin = line.clock()
    with pytest.raises(LinkError, match=r"test line: the port is gone: unplugged\n  what to do: plug the board in"):
        link.stream({"x": inputs[10:]})
    assert 20 <= line.clock() - begin < 30
    line.unplugged_until = 0.0
    assert np.array_equal(link.stream({"x": inputs[10:]}).outputs["y"], expected[10:])


@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_silence_is_an_error_that_names_what_to_check(line: Line, direction: str) -> None:
    link = connect(line, patience_s=20)
    setattr(line, direction, lambda data: b"")
    with pytest.raises(LinkError, match=r"'step' has not been answered within 20 s\n  what to do: check power, cable"):
        link.stream({"x": frames(1)[0]})


def test_a_line_that_spoils_everything_is_an_error(line: Line) -> None:
    link = connect(line, patience_s=20)
    line.to_board = lambda data: bytes(b ^ (0x20 if b not in (0, 0x20) else 0) for b in data)
    with pytest.raises(LinkError, match="the line is too noisy, or the baud rate"):
        link.stream({"x": frames(1)[0]})


def test_two_hosts_on_one_board_notice_each_other(line: Line) -> None:
    inputs, expected = frames(10)
    first, second = connect(line, recover=False), connect(line, recover=False)
    assert np.array_equal(second.stream({"x": inputs}).outputs["y"], expected)
    with pytest.raises(LinkError, match="session was taken over"):
        first.stream({"x": inputs})


def test_snapshots_are_those_of_every_engine(line: Line) -> None:
    link = connect(line)
    inputs, expected = frames(60)
    link.stream({"x": inputs[:30]})
    blob = link.snapshot()
    h, c, g = unpack_snapshot(interface(), blob)
    assert (h.dtype, h.shape, g.shape) == (np.dtype("int16"), (17,), (12,))
    assert np.any(h) and np.any(c)
    link.reset()
    assert np.array_equal(link.stream({"x": inputs[:5]}).outputs["y"], expected[:5])
    link.restore(blob)
    line.board.reset()
    assert np.array_equal(link.stream({"x": inputs[30:]}).outputs["y"], expected[30:])
    assert link.recoveries == 1
    for wrong in (b"", blob[:-1], blob[:40] + bytes([blob[40] ^ 1]) + blob[41:]):
        with pytest.raises(SnapshotError, match="the snapshot is damaged"):
            link.restore(wrong)
    with pytest.raises(FrameError, match=r"input x: expected int16 of shape \('T', 5\)"):
        link.stream({"x": inputs.astype(np.float32)})


def test_another_model_or_board_is_refused(line: Line) -> None:
    own = interface()
    other = Interface(own.name, "ab" * 32, own.inputs, own.outputs, own.states, scheme=own.scheme)
    with pytest.raises(LinkError, match=r"another model: fingerprint \w{12}, small has abababababab\n.*flash"):
        SerialLink(line, other, BOARD, client=client(line))
    with pytest.raises(LinkError, match="says that it is mps2-an385, expected pico"):
        SerialLink(line, own, "pico", client=client(line))
