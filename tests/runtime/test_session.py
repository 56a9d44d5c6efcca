"""Sessions on every engine: what a step takes and refuses, states, snapshots, closing."""

import array
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edgernn.errors import FrameError, SnapshotError, UsageError
from edgernn.runtime import Session
from edgernn.runtime.engines import ENGINES
from tests.runtime.sessions import TOKENS, session

GOOD = np.linspace(-1, 1, 5, dtype=np.float32)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(engine: str) -> Iterator[Callable[[str], Session]]:
    """Opens sessions of PROGRAMS on the engine, and closes them."""
    opened: list[Session] = []

    def open_(name: str) -> Session:
        opened.append(session(name, engine))
        return opened[-1]

    yield open_
    for s in opened:
        s.close()


def assert_same_states(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert list(found) == list(wanted)
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])


def with_value(value: float, at: int) -> np.ndarray:
    frame = GOOD.copy()
    frame[at] = value
    return frame


BAD_FRAMES: list[tuple[str, Any, str]] = [
    ("too short", np.zeros(4, np.float32), r"shape \(5,\), found \(4,\)"),
    ("batch axis", np.zeros((1, 5), np.float32), r"found \(1, 5\); use session.stream"),
    ("sequence", np.zeros((9, 5), np.float32), "use session.stream for a sequence"),
    ("column", np.zeros((5, 1), np.float32), r"use frame.reshape\(\(5,\)\)"),
    ("number", 1.0, r"found \(\)"),
    ("empty", [], r"found \(0,\)"),
    ("by a wrong name", {"x1": GOOD}, r"shape \(5,\), found \(\)"),
    ("ragged", [[1, 2], [3]], "not an array"),
    ("text", "hello", r"shape \(5,\)"),
    ("texts", list("hello"), "numbers"),
    ("nothing", None, r"shape \(5,\)"),
    ("nothings", [None] * 5, "numbers"),
    ("complex", GOOD.astype(complex), "numbers"),
    ("truth values", GOOD > 0, "numbers"),
    ("NaN", with_value(np.nan, 0), r"element \(0,\) is nan"),
    ("NaN at the end", with_value(np.nan, 4), r"element \(4,\) is nan"),
    ("infinity", with_value(np.inf, 2), r"element \(2,\) is inf"),
    ("minus infinity", with_value(-np.inf, 2), r"element \(2,\) is -inf"),
    ("NaN in float64", with_value(np.nan, 1).astype(np.float64), "nan"),
    ("too large for float32", GOOD.astype(np.float64) * 1e39, "not finite"),
    ("NaN in a list", [0.0, float("nan"), 0, 0, 0], "nan"),
]


@pytest.mark.parametrize(("frame", "words"), [b[1:] for b in BAD_FRAMES], ids=[b[0] for b in BAD_FRAMES])
def test_bad_frame_leaves_the_state(make: Callable[[str], Session], frame: Any, words: str) -> None:
    used, untouched = make("gru"), make("gru")
    for s in (used, untouched):
        s.step(GOOD)
    before = used.get_states()
    with pytest.raises(FrameError, match=words) as caught:
        used.step(frame)
    assert isinstance(caught.value, ValueError) and "'x0'" in str(caught.value) and caught.value.exit_code == 2
    assert_same_states(used.get_states(), before)
    np.testing.assert_array_equal(used.step(GOOD), untouched.step(GOOD))


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (-1, f"not in 0..{TOKENS - 1}"), (TOKENS, f"not in 0..{TOKENS - 1}"), (2**40, "not in 0"), (1.0, "integers"),
        (np.float32(1), "integers"), (True, "integers"), ([0, 1], "shape"), ("a", "integers"), (np.nan, "integers"),
        (np.array([TOKENS], np.int32), "not in"), (np.array([-1], np.int64), "not in"), (np.uint64(2**63), "not in"),
    ],
)  # fmt: skip
def test_bad_index_leaves_the_states(make: Callable[[str], Session], token: Any, words: str) -> None:
    s, twin = make("tokens"), make("tokens")
    s.step(3)
    twin.step(3)
    before = s.get_states()
    with pytest.raises(FrameError, match=words):
        s.step(token)
    assert_same_states(s.get_states(), before)
    after, wanted = s.step(2), twin.step(2)
    assert isinstance(after, dict) and isinstance(wanted, dict)
    for name in ("y0", "y1"):
        np.testing.assert_array_equal(after[name], wanted[name])


FRAMES: list[tuple[str, Any]] = [
    ("list", GOOD.tolist()),
    ("tuple of Python numbers", tuple(GOOD.tolist())),
    ("float64", GOOD.astype(np.float64)),
    ("big-endian", GOOD.astype(">f4")),
    ("read-only", np.frombuffer(GOOD.tobytes(), np.float32)),
    ("every second", np.repeat(GOOD, 2)[::2]),
    ("reversed", GOOD[::-1].copy()[::-1]),
    ("column of a matrix", np.stack([GOOD, GOOD * 2], axis=1)[:, 0]),
    ("row of a Fortran matrix", np.asfortranarray(np.stack([GOOD, GOOD * 2]))[0]),
    ("unaligned", np.frombuffer(b"\0" + GOOD.tobytes(), np.float32, offset=1)),
    ("array.array", array.array("f", GOOD)),
    ("memoryview", memoryview(GOOD)),
    ("subclass", GOOD.view(np.recarray)),
    ("by name", {"x0": GOOD}),
]


@pytest.mark.parametrize("frame", [f[1] for f in FRAMES], ids=[f[0] for f in FRAMES])
def test_frames_of_many_kinds(make: Callable[[str], Session], frame: Any) -> None:
    s, plain = make("gru"), make("gru")
    np.testing.assert_array_equal(s.step(frame), plain.step(GOOD))
    np.testing.assert_array_equal(s.step(frame), plain.step(GOOD))


@pytest.mark.parametrize(
    "frame", [np.arange(5), np.arange(5, dtype=np.uint8), np.arange(5, dtype=np.float16), range(5)]
)
def test_frames_of_other_numbers(make: Callable[[str], Session], frame: Any) -> None:
    np.testing.assert_array_equal(make("gru").step(frame), make("gru").step(np.arange(5, dtype=np.float32)))


@pytest.mark.parametrize(
    "value", [0.25, np.float32(0.25), np.float64(0.25), [0.25], np.array(0.25), np.array([0.25], np.float32)]
)
def test_scalar_frame(make: Callable[[str], Session], value: Any) -> None:
    s = make("scalar")
    start = s.get_states()["s0"]
    y = s.step(value)
    assert isinstance(y, np.ndarray) and y.shape == (1,) and y.dtype == np.float32
    np.testing.assert_allclose(y, 0.5 * start + 0.25, rtol=1e-6)


@pytest.mark.parametrize("value", [1, 0, np.int64(2), np.uint8(2), np.array(2), [2], np.array([2], np.int16)])
def test_index_frame(make: Callable[[str], Session], value: Any) -> None:
    plain = np.array([int(np.asarray(value).reshape(()))], np.int32)
    found, wanted = make("tokens").step(value), make("tokens").step(plain)
    assert isinstance(found, dict) and isinstance(wanted, dict) and list(found) == ["y0", "y1"]
    np.testing.assert_array_equal(found["y0"], wanted["y0"])


def test_several_inputs(make: Callable[[str], Session]) -> None:
    matrix, token = np.arange(6, dtype=np.float32).reshape(2, 3), 4
    s = make("two_inputs")
    wanted = s.step(matrix, token)
    calls: list[Callable[[], Any]] = [
        lambda: s.step(matrix=matrix, token=token),
        lambda: s.step(matrix, token=token),
        lambda: s.step({"token": token, "matrix": matrix}),
        lambda: s.step({"matrix": matrix}, token=token),
        lambda: s.step(matrix.T.copy().T, np.array([4])),
    ]
    for call in calls:
        s.reset()
        np.testing.assert_array_equal(call(), wanted)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s, m: s.step(m), "2 inputs expected"),
        (lambda s, m: s.step(m, 1, 1), "2 inputs expected"),
        (lambda s, m: s.step(), "2 inputs expected"),
        (lambda s, m: s.step({"matrix": m}), "expected by name"),
        (lambda s, m: s.step(matrix=m, tokens=1), "expected by name"),
        (lambda s, m: s.step(m, matrix=m), "expected by name"),
        (lambda s, m: s.step(m, TOKENS), "'token'"),
        (lambda s, m: s.step(m * np.nan, 1), "'matrix'"),
        (lambda s, m: s.step(m.T, 1), "'matrix'"),
    ],
)
def test_wrong_calls_with_several_inputs(
    make: Callable[[str], Session], call: Callable[[Session, Any], Any], words: str
) -> None:
    s, matrix = make("two_inputs"), np.ones((2, 3), np.float32)
    s.step(matrix, 2)
    before = s.get_states()
    with pytest.raises(FrameError, match=words):
        call(s, matrix)
    assert_same_states(s.get_states(), before)


def test_results_and_frames_are_independent(make: Callable[[str], Session]) -> None:
    s, twin = make("gru"), make("gru")
    frame = GOOD.copy()
    first = s.step(frame)
    assert isinstance(first, np.ndarray)
    kept = first.copy()
    frame[:] = 100
    second = s.step(GOOD)
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, second)
    first[:] = 7
    twin.step(GOOD)
    twin.step(GOOD)
    np.testing.assert_array_equal(s.step(GOOD), twin.step(GOOD))
    states = s.get_states()
    states["s0"][:] = 0
    np.testing.assert_array_equal(s.step(GOOD), twin.step(GOOD))


def test_stream(make: Callable[[str], Session]) -> None:
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((20, 5)).astype(np.float32)
    s = make("gru")
    wanted = [s.step(f) for f in frames]
    s.reset()
    np.testing.assert_array_equal(list(s.stream(frames)), wanted)
    s.reset()
    np.testing.assert_array_equal(list(s.stream(iter(frames.tolist()))), wanted)
    s.reset()
    taken = list(itertools.islice(s.stream(frames), 8))
    np.testing.assert_array_equal([*taken, *s.stream(frames[8:])], wanted)


def test_reset(make: Callable[[str], Session]) -> None:
    s = make("tokens")
    initial = s.get_states()
    assert list(initial) == [state.name for state in s.states] and all(v.any() for v in initial.values())
    first = s.step(3)
    s.reset()
    assert_same_states(s.get_states(), initial)
    again = s.step(3)
    assert isinstance(first, dict) and isinstance(again, dict)
    np.testing.assert_array_equal(first["y1"], again["y1"])
    given = np.arange(4) / 8
    s.reset(s1=given)
    assert_same_states(s.get_states(), {"s0": initial["s0"], "s1": given.astype(np.float32)})


@pytest.mark.parametrize(
    ("initial", "words"),
    [
        ({"nothing": 0}, r"unknown states \['nothing'\]; the model has \['s0', 's1'\]"),
        ({"s0": np.zeros(3)}, r"'s0' is float32 \(4,\), found float64 \(3,\)"),
        ({"s0": [0, 0, np.nan, 0]}, "must be finite"),
        ({"s0": [0, 0, 1e300, 0]}, "must be finite"),
        ({"s0": list("abcd")}, "'s0' is float32"),
    ],
)
def test_reset_to_wrong_states(make: Callable[[str], Session], initial: dict[str, Any], words: str) -> None:
    s = make("tokens")
    s.step(3)
    before = s.get_states()
    with pytest.raises(UsageError, match=words):
        s.reset(**initial)
    assert_same_states(s.get_states(), before)


def test_snapshot_continues_here_and_elsewhere(make: Callable[[str], Session]) -> None:
    s, other = make("gru"), make("gru")
    frames = np.random.default_rng(1).standard_normal((12, 5)).astype(np.float32)
    for frame in frames[:6]:
        s.step(frame)
    blob = s.snapshot()
    assert isinstance(blob, bytes) and s.snapshot() == blob
    rest = list(s.stream(frames[6:]))
    s.restore(blob)
    np.testing.assert_array_equal(list(s.stream(frames[6:])), rest)
    other.restore(bytearray(blob))
    np.testing.assert_array_equal(list(other.stream(frames[6:])), rest)


@pytest.mark.parametrize("source", ENGINES)
def test_snapshot_of_another_engine(make: Callable[[str], Session], source: str) -> None:
    s = make("tokens")
    with session("tokens", source) as other:
        for token in (1, 5, 2):
            other.step(token)
        s.restore(other.snapshot())
        assert_same_states(s.get_states(), other.get_states())
        found, wanted = s.step(4), other.step(4)
    assert isinstance(found, dict) and isinstance(wanted, dict)
    np.testing.assert_allclose(found["y0"], wanted["y0"], rtol=0, atol=1e-5)


def snapshots_to_refuse() -> dict[str, Callable[[bytes, bytes], Any]]:
    return {
        "another model": lambda mine, other: other,
        "cut off": lambda mine, other: mine[:-1],
        "longer": lambda mine, other: mine + b"\0",
        "a bit": lambda mine, other: mine[:-3] + bytes([mine[-3] ^ 1]) + mine[-2:],
        "empty": lambda mine, other: b"",
        "text": lambda mine, other: "ERNS",
        "nothing": lambda mine, other: None,
        "array": lambda mine, other: np.frombuffer(mine, np.uint8),
    }


@pytest.mark.parametrize("damage", snapshots_to_refuse())
def test_foreign_or_damaged_snapshot(make: Callable[[str], Session], damage: str) -> None:
    s, other = make("gru"), make("other_gru")
    s.step(GOOD)
    other.step(GOOD)
    before = s.get_states()
    blob = snapshots_to_refuse()[damage](s.snapshot(), other.snapshot())
    words = "another model" if damage == "another model" else "snapshot"
    with pytest.raises(SnapshotError, match=words):
        s.restore(blob)
    assert_same_states(s.get_states(), before)
    s.reset()
    s.step(GOOD)


def test_closing(engine: str) -> None:
    with session("gru", engine) as s:
        s.step(GOOD)
        blob = s.snapshot()
    s.close()
    calls: list[Callable[[], Any]] = [
        lambda: s.step(GOOD),
        lambda: s.step(x0=GOOD),
        lambda: s.restore(blob),
        lambda: list(s.stream([GOOD])),
        s.snapshot,
        s.get_states,
        s.reset,
    ]
    for call in calls:
        with pytest.raises(UsageError, match="the session is closed; load the artifact again"):
            call()
    assert s.inputs[0].shape == (5,) and s.engine == engine and f"engine {engine}" in repr(s)


def test_a_stream_begun_before_closing_ends(engine: str) -> None:
    s = session("gru", engine)
    stream = s.stream([GOOD, GOOD])
    next(stream)
    s.close()
    with pytest.raises(UsageError, match="closed"):
        next(stream)


def test_sessions_are_independent(make: Callable[[str], Session]) -> None:
    first, second = make("gru"), make("gru")
    alone = [first.step(GOOD) for _ in range(4)]
    first.reset()
    mixed = []
    for _ in range(4):
        mixed.append(first.step(GOOD))
        second.step(-GOOD)
    np.testing.assert_array_equal(mixed, alone)


def test_properties(make: Callable[[str], Session], engine: str) -> None:
    s = make("two_inputs")
    assert [(p.name, p.shape, p.dtype, p.limit) for p in s.inputs] == [
        ("matrix", (2, 3), "float32", None), ("token", (1,), "int32", TOKENS),
    ]  # fmt: skip
    assert [(p.name, p.shape, p.kind) for p in s.outputs] == [("y0", (4,), "frame")]
    assert [(x.name, x.shape, x.nbytes) for x in s.states] == [("s0", (4,), 16)]
    assert (s.state_bytes, s.delay, s.hop, s.engine) == (16, 0, 1, engine)
    assert repr(s) == f"<Session case: matrix[2, 3], token[1], y0[4]; 16 B of state; engine {engine}>"
