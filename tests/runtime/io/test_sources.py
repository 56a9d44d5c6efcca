"""Every reader: what it reads, what it refuses, and that it does not wait for more than one frame."""

import io
import json
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import FrameError, UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.runtime.io import open_source
from tests.runtime.io.support import floats, integers, interface, pcm24, wav

RNG = np.random.default_rng(0)


def read(spec: str | list[str], model: Interface, stdin: bytes = b"") -> list[tuple[np.ndarray, ...]]:
    """All frames."""
    stream = io.BufferedReader(io.BytesIO(stdin))  # type: ignore[type-var]
    with open_source([spec] if isinstance(spec, str) else spec, model, stdin=stream) as source:
        return [tuple(np.array(f) for f in frames) for frames in source]


def single(spec: str, model: Interface, stdin: bytes = b"") -> np.ndarray:
    return np.array([frame for (frame,) in read(spec, model, stdin)])


@pytest.mark.parametrize("shape", [(7, 3), (1, 7, 3)])
def test_npy_holds_a_sequence_with_or_without_a_batch_axis(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = RNG.standard_normal(shape).astype(np.float32)
    np.save(tmp_path / "x.npy", array)
    with open_source([str(tmp_path / "x.npy")], interface(floats(3))) as source:
        assert source.total == 7
        frames = [np.array(frame) for (frame,) in source]
    assert source.where.endswith("x.npy, frame 6")
    np.testing.assert_array_equal(frames, array.reshape(7, 3))


def test_npy_of_single_numbers_may_be_flat(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(5))
    assert single(str(tmp_path / "x.npy"), interface(integers())).tolist() == [0, 1, 2, 3, 4]
    assert single(str(tmp_path / "x.npy"), interface(floats(1))).tolist() == [[0], [1], [2], [3], [4]]


def test_npy_without_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((0, 3)))
    assert read(str(tmp_path / "x.npy"), interface(floats(3))) == []


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((7, 4)), r"\[T, 3\] expected.*found \[7, 4\]"),
        (np.zeros((2, 7, 3)), r"\[T, 3\] expected.*found \[2, 7, 3\]"),
        (np.array(1.0), r"found \[\]"),
        (np.zeros((7, 3), dtype="U4"), "numbers expected.*found dtype <U4"),
        (np.zeros((7, 3), dtype=bool), "numbers expected.*found dtype bool"),
    ],
)
def test_npy_that_does_not_fit(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(FrameError, match=message):
        open_source([str(tmp_path / "x.npy")], interface(floats(3)))


def test_npy_with_pickled_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"not a whole \.npy file"):
        open_source([str(tmp_path / "x.npy")], interface(floats(3)))


def test_floats_do_not_feed_an_integer_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(5))
    with pytest.raises(FrameError, match="integers expected"):
        open_source([str(tmp_path / "x.npy")], interface(integers()))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", " ", "  ", ", "])
@pytest.mark.parametrize("header", ["", "time a b\n", "\ufeff# comment\n\na,b,c\n"])
def test_csv(tmp_path: Path, delimiter: str, header: str) -> None:
    rows = [[0.5, -1e-3, 7], [1, 2, 3]]
    text = header + "\n".join(delimiter.join(map(str, row)) for row in rows) + "\r\n\n"
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(single(str(tmp_path / "x.csv"), interface(floats(3))), rows)


def test_csv_fills_a_frame_in_c_order() -> None:
    assert single("-", interface(floats(2, 3)), b"1,2,3,4,5,6\n").tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_csv_of_tokens() -> None:
    frames = single("-", interface(integers()), b"token\n5\n7\n")
    assert frames.tolist() == [5, 7]
    assert frames.dtype.kind == "i"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1,2,3\n1,2\n", "line 2: 3 float32 values.*found 2 fields"),
        (b"1,2,3\n1,2,x\n", "line 2: field 3 is 'x', a number expected"),
        (b"1,2,3\n1,,3\n", "line 2: field 2 is '', a number expected"),
        (b"1,2,3\n\xff\n", "line 2: not UTF-8"),
        (b"1,2,x\n", "line 1: field 3 is 'x'"),
        (b"1" * 200_000, "line 1: longer than"),
    ],
)
def test_csv_that_cannot_be_read(text: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read("-", interface(floats(3)), text)


def test_csv_of_floats_for_an_integer_input() -> None:
    with pytest.raises(FrameError, match=r"field 1 is '1\.5', an integer expected"):
        read("-", interface(integers()), b"1.5\n")


def test_json_lines_flat_nested_and_by_name() -> None:
    text = b'[1, 2, 3, 4]\n[[1, 2], [3, 4]]\n\n{"x": [[1, 2], [3, 4]]}\n'
    frames = single("-", interface(floats(2, 2)), text)
    assert frames.tolist() == [[[1, 2], [3, 4]]] * 3


def test_json_lines_of_a_number_for_one_element(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("3\n4\n")
    assert [int(f) for (f,) in read(str(tmp_path / "x.jsonl"), interface(integers()))] == [3, 4]


def test_json_lines_feed_several_inputs() -> None:
    model = interface(floats(2, name="a"), integers(name="b"))
    ((a, b),) = read("-", model, b'{"b": 3, "a": [1, 2]}\n')
    assert a.tolist() == [1, 2]
    assert b.reshape(()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[1, 2\n", "line 1: not JSON"),
        (b"[" * 50_000 + b"\n", "line 1: not JSON"),
        (b"[[1, 2], [3]]\n", "lists of unequal length"),
        (b'["a", 1]\n', "not all numbers"),
        (b"[1, null]\n", "not all numbers"),
        (b"[true, false]\n", "not all numbers"),
        (b'{"z": [1, 2]}\n', r"inputs \['x'\] expected, found \['z'\]"),
    ],
)
def test_json_lines_that_cannot_be_read(text: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read("-", interface(floats(2)), text)


VALUES = np.array([-1.0, -0.5, 0.0, 0.25, 0.5, 0.75])
FORMATS = {
    "pcm8": ((VALUES * 128 + 128).astype(np.uint8).tobytes(), {"bits": 8}),
    "pcm16": ((VALUES * 2**15).astype("<i2").tobytes(), {"bits": 16}),
    "pcm24": (pcm24(VALUES * 2**23), {"bits": 24}),
    "pcm32": ((VALUES * 2**31).astype("<i4").tobytes(), {"bits": 32}),
    "float32": (VALUES.astype("<f4").tobytes(), {"bits": 32, "tag": 3}),
    "float64": (VALUES.astype("<f8").tobytes(), {"bits": 64, "tag": 3}),
}


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("extra", [b"", b"LIST\x03\x00\x00\x00abc\x00"])
@pytest.mark.parametrize("name", FORMATS)
def test_wav_formats(tmp_path: Path, name: str, extra: bytes, extensible: bool) -> None:
    samples, options = FORMATS[name]
    data = wav(samples, extra=extra, extensible=extensible, **options)  # type: ignore[arg-type]
    (tmp_path / "x.wav").write_bytes(data)
    for spec, stdin in ((str(tmp_path / "x.wav"), b""), ("-", data)):
        np.testing.assert_array_equal(single(spec, interface(floats(3)), stdin), VALUES.reshape(2, 3))


def test_wav_written_by_the_standard_library(tmp_path: Path) -> None:
    samples = RNG.integers(-(2**15), 2**15, 64).astype("<i2")
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    with open_source([str(tmp_path / "x.wav")], interface(floats(16), rate_hz=8000)) as source:
        assert source.total == 4
        frames = [f for (f,) in source]
    np.testing.assert_array_equal(frames, (samples / 2.0**15).reshape(4, 16).astype("f4"))


def test_wav_with_an_incomplete_last_frame_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(wav(FORMATS["pcm16"][0]))
    with open_source([str(tmp_path / "x.wav")], interface(floats(4))) as source:
        assert (source.total, len(list(source))) == (1, 1)
    assert "the last 2 samples do not fill a frame of 4" in source.note


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_wav_of_unknown_length_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    data = wav(FORMATS["pcm16"][0], data_bytes=size)
    (tmp_path / "x.wav").write_bytes(data)
    for spec, stdin in ((str(tmp_path / "x.wav"), b""), ("-", data)):
        assert len(read(spec, interface(floats(3)), stdin)) == 2


def test_wav_channels_feed_the_last_axis() -> None:
    data = wav(FORMATS["pcm16"][0], channels=2)
    frames = single("-", interface(floats(3, 2)), data)
    np.testing.assert_array_equal(frames, VALUES.reshape(1, 3, 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (wav(b"\0" * 8, rate_hz=44100), r"sampled at 44100 Hz, the model expects 16000 Hz.*sox"),
        (wav(b"\0" * 8, channels=2), "2 channels.*sox"),
        (wav(b"\0" * 8, data_bytes=16), "cut off: 16 bytes of sound announced, 8 found"),
        (wav(b"\0" * 8, tag=2, bits=4), "format 0x2 with 4 bits; PCM of 8, 16"),
        (wav(b"\0" * 8, rate_hz=0), "damaged format"),
        (wav(b"\0" * 8)[:30], "ends in the header"),
        (b"RIFF" + bytes(40), "not a WAV file"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "before its format"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7fabcd", "damaged"),
        (b"RIFF\0\0\0\0WAVEfmt \2\0\0\0ab", "'fmt ' chunk of 2 bytes"),
    ],
)
def test_wav_that_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "x.wav").write_bytes(data)
    for spec, stdin in ((str(tmp_path / "x.wav"), b""), ("-", data)):
        with pytest.raises(UsageError, match=message):
            read(spec, interface(floats(4), rate_hz=16000), stdin)


def test_wav_does_not_feed_integers() -> None:
    with pytest.raises(UsageError, match="sound feeds float inputs, input 'x' is int32"):
        read("-", interface(integers(4)), wav(b"\0" * 8))


def test_several_files_and_a_static_input(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))
    (tmp_path / "b.csv").write_text("7\n8\n9\n10\n")
    (tmp_path / "s.csv").write_text("0.5,0.25\n")
    model = interface(floats(2, name="a"), integers(name="b"), Port("s", (2,), "float32", kind="static"))
    specs = [f"{name}={tmp_path / file}" for name, file in (("s", "s.csv"), ("a", "a.npy"), ("b", "b.csv"))]
    with open_source(specs, model) as source:
        rows = [[np.asarray(f).tolist() for f in frames] for frames in source]
    assert rows == [[[0, 1], 7, [0.5, 0.25]], [[2, 3], 8, [0.5, 0.25]], [[4, 5], 9, [0.5, 0.25]]]
    assert "ends before those of the other inputs" in source.note


def test_a_static_input_with_more_than_one_frame(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1\n")
    model = interface(floats(1, name="a"), Port("s", (1,), "float32", kind="static"))
    with pytest.raises(FrameError, match="one frame for the whole sequence, found 2"):
        read([f"a={tmp_path / 'a.csv'}", "s=-"], model, b"1\n2\n")


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["x.npy"], "it feeds one input, the model has"),
        (["a=x.npy"], r"inputs \['b'\] have no source"),
        (["a=x.npy", "a=y.npy"], "given twice"),
        (["x.npy", "a=y.npy"], "which input"),
        (["z=x.npy", "a=y.npy"], "no input 'z'; it has a, b"),
        (["a=-", "b=-"], "standard input can feed one"),
        (["a=x.mp3", "b=-"], r"unknown suffix '\.mp3'.*\.npy, \.csv"),
        (["a=nothing.csv", "b=-"], "nothing.csv: cannot be read: No such file"),
        (["a=nothing.npy", "b=-"], "nothing.npy: cannot be read: No such file"),
    ],
)
def test_specs_that_do_not_fit_the_model(specs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(specs, interface(floats(2, name="a"), floats(2, name="b")))


@pytest.mark.parametrize(
    "line", [b"1,2\n", json.dumps([1, 2]).encode() + b"\n", wav(b"\0\0" * 2, data_bytes=0x7FFFFFFF)]
)
def test_a_frame_is_given_before_the_next_one_arrives(line: bytes) -> None:
    receiving, sending = os.pipe()
    with open(receiving, "rb") as stream, open(sending, "wb", buffering=0) as writer:
        writer.write(line)
        frames = iter(open_source(["-"], interface(floats(2)), stdin=stream))
        next(frames)
        writer.close()
        assert list(frames) == []
