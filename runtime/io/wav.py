"""WAV sound, from files and from pipes that are still being recorded.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE);
Microsoft, WAVEFORMATEXTENSIBLE.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.graph import Port
from edgernn.ir.op import Array
from edgernn.runtime.io.base import Source, describe, read_error

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
SUPPORTED = "PCM of 8, 16, 24 or 32 bits and float of 32 or 64 bits"
STREAMED_BYTES = 0x7FFF0000
"""A data size from here on, or zero, means that the recorder did not know it."""
MAX_HEADER_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class WavFormat:
    """Format and place of the samples.

    tag         PCM (integers) or FLOAT
    data_bytes  size of the samples; None where the recorder did not know it
    """

    tag: int
    channels: int
    rate_hz: int
    bits: int
    data_bytes: int | None

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return self.bits // 8


class WavSource(Source):
    """Frames of as many consecutive samples as the port has elements, scaled to [-1, 1).

    Several channels feed a port whose last axis has that size. Samples at the end that do not fill a
    frame are left out, and ``note`` says so.
    """

    def __init__(self, stream: BinaryIO, name: str, port: Port, rate_hz: float | None, *, owned: bool) -> None:
        self.stream, self.name, self.port, self.owned = stream, name, port, owned
        try:
            self.format = read_header(stream, name)
            self._check(rate_hz)
            self.total = self._count()
        except BaseException:
            self.close()
            raise

    def _check(self, rate_hz: float | None) -> None:
        form, port = self.format, self.port
        if not port.dtype.startswith("float"):
            raise UsageError(f"{self.name}: sound feeds float inputs, input {port.name!r} is {port.dtype}")
        if rate_hz is not None and rate_hz != form.rate_hz:
            raise UsageError(
                f"{self.name}: sampled at {form.rate_hz} Hz, the model expects {rate_hz:g} Hz; "
                f"resample it first, e.g. `sox in.wav -r {rate_hz:g} out.wav`"
            )
        if form.channels > 1 and port.shape[-1:] != (form.channels,):
            raise UsageError(
                f"{self.name}: {form.channels} channels, the model takes {describe(port)}; "
                "mix it down first, e.g. `sox in.wav -c 1 out.wav`"
            )

    def _count(self) -> int | None:
        form = self.format
        if not self.stream.seekable():
            return None
        start = self.stream.tell()
        found = self.stream.seek(0, 2) - start
        self.stream.seek(start)
        if form.data_bytes is not None and found < form.data_bytes:
            raise self._cut_off(found)
        return (found if form.data_bytes is None else form.data_bytes) // (form.sample_bytes * self.port.size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        frame_bytes = self.format.sample_bytes * self.port.size
        left, done, number = self.format.data_bytes, 0, 0
        while left is None or left >= frame_bytes:
            data = self._read(frame_bytes)
            done += len(data)
            if len(data) < frame_bytes:
                break
            self.number = number
            yield (decode(data, self.format).reshape(self.port.shape),)
            number += 1
            left = None if left is None else left - frame_bytes
        else:
            data = self._read(left)
            done += len(data)
        if self.format.data_bytes is not None and done < self.format.data_bytes:
            raise self._cut_off(done)
        if samples := len(data) // self.format.sample_bytes:
            self.note = f"{self.name}: the last {samples} samples do not fill a frame of {self.port.size}; left out"

    def _read(self, count: int) -> bytes:
        try:
            return self.stream.read(count)
        except OSError as error:
            raise read_error(self.name, error) from None

    def _cut_off(self, found: int) -> UsageError:
        return UsageError(f"{self.name}: cut off: {self.format.data_bytes} bytes of sound announced, {found} found")

    def close(self) -> None:
        if self.owned:
            self.stream.close()


def read_header(stream: BinaryIO, name: str) -> WavFormat:
    """Read up to the first sample. Raises UsageError on what is not a supported WAV file."""
    riff = _exactly(stream, 12, name)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise UsageError(f"{name}: not a WAV file: it begins with {riff[:4]!r}")
    form: WavFormat | None = None
    while True:
        tag, size = struct.unpack("<4sI", _exactly(stream, 8, name))
        if tag == b"data":
            if form is None:
                raise UsageError(f"{name}: the sound comes before its format ('fmt ' chunk)")
            known = 0 < size < STREAMED_BYTES
            return WavFormat(form.tag, form.channels, form.rate_hz, form.bits, size if known else None)
        if size > MAX_HEADER_CHUNK_BYTES:
            raise UsageError(f"{name}: chunk {tag!r} of {size} bytes before the sound: damaged")
        body = _exactly(stream, size + size % 2, name)
        if tag == b"fmt ":
            form = _parse_format(body, name)


def _parse_format(body: bytes, name: str) -> WavFormat:
    if len(body) < 16:
        raise UsageError(f"{name}: a 'fmt ' chunk of {len(body)} bytes, at least 16 expected")
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 40 and body[26:40] == GUID_TAIL:
        tag = int.from_bytes(body[24:26], "little")
    if (tag, bits) not in {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)}:
        raise UsageError(f"{name}: format {tag:#x} with {bits} bits; {SUPPORTED} can be read")
    if not channels or not rate or block != channels * bits // 8:
        raise UsageError(f"{name}: damaged format: {channels} channels at {rate} Hz in blocks of {block} bytes")
    return WavFormat(tag, channels, rate, bits, None)


def _exactly(stream: BinaryIO, count: int, name: str) -> bytes:
    try:
        data = stream.read(count)
    except OSError as error:
        raise read_error(name, error) from None
    if len(data) < count:
        raise UsageError(f"{name}: not a whole WAV file: it ends in the header")
    return data


def decode(data: bytes, form: WavFormat) -> Array:
    """Samples as float32, integers scaled to [-1, 1)."""
    if form.tag == FLOAT:
        return np.frombuffer(data, f"<f{form.sample_bytes}").astype(np.float32)
    if form.bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if form.bits == 24:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (padded.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    return (np.frombuffer(data, f"<i{form.sample_bytes}") / 2.0 ** (form.bits - 1)).astype(np.float32)
