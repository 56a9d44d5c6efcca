"""Messages: what the host writes the board reads, and the other way; what is spoilt is found out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgernn.boards.links import protocol
from edgernn.boards.links.protocol import (
    BAD_LENGTH,
    DAMAGED,
    DONE,
    FRAME_BYTES,
    HELLO,
    NO_SESSION,
    OPEN,
    OTHER_VERSION,
    OUT_OF_ORDER,
    REPLY,
    STEP,
    UNKNOWN_KIND,
    VERSION,
    Decoder,
    Hello,
    Message,
    encode,
    parse_hello,
)

from .native import Line

MESSAGES = st.builds(
    Message, st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
    st.one_of(st.binary(max_size=600), st.integers(250, 520).map(lambda n: bytes([7]) * n),
              st.integers(0, 600).map(bytes)),
)  # fmt: skip


@given(st.lists(MESSAGES, max_size=4), st.integers(1, 50))
def test_messages_arrive_as_they_were_sent_however_the_bytes_are_cut(messages: list[Message], size: int) -> None:
    wire, decoder = b"".join(map(encode, messages)), Decoder()
    found = [m for k in range(0, len(wire), size) for m in decoder.feed(wire[k : k + size])]
    assert found == messages
    assert decoder.damaged == 0


@given(MESSAGES)
def test_a_message_has_no_zero_inside_and_little_overhead(message: Message) -> None:
    wire = encode(message)
    assert wire[0] == wire[-1] == 0
    assert 0 not in wire[1:-1]
    assert len(wire) <= len(message.payload) + FRAME_BYTES + 3 + (len(message.payload) + FRAME_BYTES) // 254


@given(MESSAGES, st.data())
def test_no_changed_or_dropped_byte_gives_another_message(message: Message, data: st.DataObject) -> None:
    wire = bytearray(encode(message))
    position = data.draw(st.integers(1, len(wire) - 2))
    if data.draw(st.booleans()):
        wire[position] ^= data.draw(st.integers(1, 255))
    else:
        del wire[position]
    assert Decoder().feed(bytes(wire)) in ([], [message])


@given(st.binary(max_size=300), MESSAGES)
def test_noise_before_a_message_does_not_hide_it(noise: bytes, message: Message) -> None:
    assert Decoder().feed(noise + encode(message))[-1] == message


def test_a_decoder_keeps_a_limited_amount_of_what_never_ends() -> None:
    decoder = Decoder(limit_bytes=100)
    for _ in range(50):
        assert decoder.feed(b"\xff" * 10) == []
    assert decoder.damaged == 4


def ask(line: Line, message: Message) -> Message:
    """The one answer to ``message``."""
    (answer,) = Decoder().feed(line.board.take(encode(message)))
    return answer


def opened(line: Line, session: int = 77) -> Message:
    return ask(line, Message(OPEN, VERSION, 1, session))


def test_the_board_says_what_it_is(line: Line) -> None:
    answer = opened(line)
    assert (answer.kind, answer.code, answer.sequence, answer.session) == (OPEN | REPLY, DONE, 1, 77)
    assert len(answer.payload) == HELLO.size
    hello = parse_hello(answer.payload)
    assert hello is not None
    assert (hello.version, hello.board, hello.clock_hz) == (VERSION, "mps2-an385", 25_000_000)
    assert (hello.input_bytes, hello.output_bytes) == (12, 8), "five and three int16, padded to words"
    assert hello.counter == "none"
    assert parse_hello(answer.payload[:-1]) is None


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (Message(STEP, VERSION, 2, 78, bytes(12)), NO_SESSION),
        (Message(STEP, VERSION, 2, 0, bytes(12)), NO_SESSION),
        (Message(OPEN, VERSION, 2, 0), NO_SESSION),
        (Message(STEP, VERSION, 4, 77, bytes(12)), OUT_OF_ORDER),
        (Message(STEP, VERSION, 2, 77, bytes(11)), BAD_LENGTH),
        (Message(STEP, VERSION, 2, 77), BAD_LENGTH),
        (Message(9, VERSION, 2, 77), UNKNOWN_KIND),
        (Message(STEP, VERSION + 1, 2, 77, bytes(12)), OTHER_VERSION),
    ],
)
def test_what_the_board_cannot_do_it_says(line: Line, message: Message, status: int) -> None:
    opened(line)
    answer = ask(line, message)
    assert answer == Message(message.kind | REPLY, status, message.sequence, message.session)


@pytest.mark.parametrize("noise", [b"\x05abc", b"\xff" * 2000, b"\x01", encode(Message(STEP, 1, 2, 77))[1:-2]])
def test_what_is_no_message_is_refused_and_nothing_else_suffers(line: Line, noise: bytes) -> None:
    opened(line)
    first = Decoder().feed(line.board.take(noise + b"\0"))
    assert first == [Message(REPLY, DAMAGED, 0, 0)]
    assert ask(line, Message(STEP, VERSION, 2, 77, bytes(12))).code == DONE


def test_zeros_alone_are_not_answered(line: Line) -> None:
    assert line.board.take(bytes(100)) == b""


def test_a_repeated_request_is_answered_again_and_executed_once(line: Line) -> None:
    opened(line)
    before = line.board.executed
    wire = encode(Message(STEP, VERSION, 2, 77, bytes(range(12))))
    first = line.board.take(wire)
    assert line.board.take(wire) == first
    assert line.board.take(b"\x09noise\0") != b""
    assert line.board.take(wire) == first
    assert line.board.executed == before + 1
    assert line.board.take(encode(Message(OPEN, VERSION, 1, 77))) == b"", "late: the host is past it"
    assert line.board.take(wire) == first


@given(st.integers(0, 2000), st.integers(0, 3000), st.sampled_from(["none", "dwt"]))
@settings(max_examples=50)
def test_a_counter_is_believed_only_if_it_counts_the_loop(least: int, more: int, counter: str) -> None:
    hello = Hello(1, counter, 1, 1, 1, 1, 1, 1, 1024, least, least + more, b"", "")
    assert hello.counts_cycles == (counter == "dwt" and least >= 1024 and least + more <= least * 1.05 + 4)


def test_the_document_has_every_request_status_and_field() -> None:
    text = (Path(__file__).parents[3] / "docs" / "board-protocol.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    requests = {cells[0].strip(): cells[1].strip() for cells in rows if len(cells) == 4}
    for kind, name in protocol.KINDS.items():
        assert requests[str(kind)].startswith(name)
    first = [number.strip() for cells in rows if len(cells) == 3 for number in cells[0].split(",")]
    statuses = [value for name, value in vars(protocol).items() if name.isupper() and isinstance(value, int)]
    for status in set(range(5)) | {s for s in statuses if protocol.DAMAGED <= s <= protocol.STACK_OVERFLOW}:
        assert str(status) in first, f"status {status}"
    counters = re.search(r"counter: (.*)$", text, re.MULTILINE)
    assert counters is not None and all(f"{number} " in counters[1] for number in protocol.COUNTER_NAMES)
    greeting = text[text.index("The greeting:") : text.index("The loop tells")]
    sizes = [int(cells.split("|")[2]) for cells in greeting.splitlines() if re.match(r"\| \d", cells)]
    assert sum(sizes) == HELLO.size
