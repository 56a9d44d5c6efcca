"""The same frames through one engine of this machine, or through one emulated board."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgernn.boards.artifacts import Artifact, build_artifact, sources_of
from edgernn.boards.build import MODEL_FUNCTIONS
from edgernn.boards.emulators import EmulatedModel, QemuEmulator, open_emulator
from edgernn.boards.emulators.cores import load_unicorn
from edgernn.boards.emulators.qemu import find_qemu
from edgernn.boards.image import Image
from edgernn.boards.manifest import Board
from edgernn.errors import BoardError, EdgeRNNError, MissingExtraError, OutputError, UsageError
from edgernn.export.c.library import write_shared_library
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import Interface
from edgernn.ir.segment import Segment
from edgernn.ops.dequantize import dequantized
from edgernn.ops.evaluate import blocks
from edgernn.ops.stages import run_stages
from edgernn.runtime import load
from edgernn.runtime.segment import SegmentSession

Array = npt.NDArray[Any]
Frames = Mapping[str, Array]
Outputs = dict[str, Array]

FUNCTIONS = (*MODEL_FUNCTIONS, "sequence")
CHUNK = 256
"""Frames that an emulated board is given at once, where its RAM has room for them."""

TOO_SMALL = ("will not fit in region", "overflowed by", "do not fit in RAM")
"""What linkers say of a program that is too large for a board."""


class StoppedError(Exception):
    """The user has ended the work."""


class Stop:
    """Asked between frames whether to go on, from any thread; also counts what is done."""

    def __init__(self, tick: Callable[[int], None] = lambda steps: None) -> None:
        self._ended, self._lock, self._tick = threading.Event(), threading.Lock(), tick

    def end(self) -> None:
        """Let all streams end."""
        self._ended.set()

    def passed(self, steps: int) -> None:
        """Note that so many steps are done. Raises StoppedError when it is over."""
        if self._ended.is_set():
            raise StoppedError
        with self._lock:
            self._tick(steps)


@dataclass(frozen=True)
class Stream:
    """One way to compute the outputs.

    name  of the engine or board
    core  processor, "" for this machine
    how   what runs it, for people
    run   all frames from the initial states -> outputs [T, *shape] in the types of the ports
    """

    name: str
    core: str
    how: str
    run: Callable[[Frames, Stop], Outputs]


Model = Graph | Segment


def face(model: Model) -> Interface:
    """Ports of a step; of a model of whole segments, a step is a segment of the most frames."""
    if isinstance(model, Segment):
        return model.interface().whole_segment()
    return Interface.of(model, fingerprint(model))


def host_stream(name: str, model: Model, artifact: Path, work: Path) -> Stream:
    """An engine of this machine, one of HOST_STREAMS. Raises MissingExtraError where it is not installed."""
    return HOST_STREAMS[name](model, artifact, work)


def _reference(model: Model, artifact: Path, work: Path) -> Stream:
    return Stream("reference", "", "NumPy", lambda frames, stop: evaluate(model, frames, stop))


def evaluate(model: Model, frames: Frames, stop: Stop, dtype: str = "float64") -> Outputs:
    """By the definition of the ops; floats in ``dtype``."""
    if isinstance(model, Segment):
        return _evaluate_segments(model, frames, stop, dtype)
    return _evaluate_steps(model, frames, stop, dtype)


def _evaluate_segments(segment: Segment, frames: Frames, stop: Stop, dtype: str) -> Outputs:
    found: list[Outputs] = []
    for row in _rows(face(segment), frames):
        found.append(run_stages(segment, {p.name: a for p, a in zip(segment.inputs, row, strict=True)}, dtype))
        stop.passed(1)
    return {p.name: np.stack([outputs[p.name] for outputs in found]) for p in segment.outputs}


def _evaluate_steps(graph: Graph, frames: Frames, stop: Stop, dtype: str) -> Outputs:
    parts: list[Outputs] = []
    for values, size in blocks(dequantized(graph), frames, dtype, ending=False):
        parts.append({p.name: np.broadcast_to(values[p.value], (size, *p.shape)) for p in graph.outputs})
        stop.passed(size)
    return {p.name: np.concatenate([part[p.name] for part in parts]) for p in graph.outputs}


def _numba(model: Model, artifact: Path, work: Path) -> Stream:
    return _of_session("numba", "numba", face(model), artifact)


def _native(model: Model, artifact: Path, work: Path) -> Stream:
    library = work / "native.so"
    write_shared_library(model, library)
    return _of_session("native", "C, compiled", face(model), library)


def _of_session(engine: str, how: str, interface: Interface, path: Path) -> Stream:
    session = load(path, engine, raw=True)
    step = session.run if isinstance(session, SegmentSession) else session.every_step

    def run(frames: Frames, stop: Stop) -> Outputs:
        session.reset()
        count = _count(interface, frames)
        outputs = {p.name: np.empty((count, *p.shape), p.dtype) for p in interface.outputs}
        single = interface.outputs[0].name if len(interface.outputs) == 1 else None
        for k, frame in enumerate(_rows(interface, frames)):
            result = step(*frame)
            for name, array in (result if isinstance(result, dict) else {single or "": result}).items():
                outputs[name][k] = array
            if (k + 1) % CHUNK == 0:
                stop.passed(CHUNK)
        stop.passed(count % CHUNK)
        return outputs

    return Stream(engine, "", how, run)


def _count(interface: Interface, frames: Frames) -> int:
    return len(frames[next(p.name for p in interface.inputs if p.kind != "static")])


def _rows(interface: Interface, frames: Frames) -> Any:
    """The inputs of each step, in the order of the ports."""
    count = _count(interface, frames)
    columns = [[frames[p.name]] * count if p.kind == "static" else frames[p.name] for p in interface.inputs]
    return zip(*columns, strict=True)


HOST_STREAMS: Mapping[str, Callable[[Model, Path, Path], Stream]] = {
    "reference": _reference, "numba": _numba, "native": _native,
}  # fmt: skip
"""Engine -> its stream, of a model, its .ern file and a folder for what is built."""


def board_stream(board: Board, artifact: Artifact, work: Path, compiler: str = "auto") -> Stream:
    """``board``, emulated by what has its core: the machine code that would be flashed.

    Raises BoardError for a board that nothing emulates or that is too small for the model, UsageError and
    MissingExtraError where the emulator or the compiler is not installed.
    """
    if not board.emulation.unicorn:
        find_qemu(board)
    else:
        load_unicorn(board)
    image = _build(board, artifact, work, compiler)
    need = _chunk_bytes(image, 1)
    if _room_bytes(image) < need:
        raise BoardError(
            f"{board.id}: the model and one frame take {need:,} bytes of RAM, {_room_bytes(image):,} are left"
        )
    return Stream(board.id, board.core.name, _emulated_by(board), lambda frames, stop: _run(board, image, frames, stop))


def board_streams(
    boards: Sequence[Board], artifact: Artifact, work: Path, compiler: str = "auto",
    progress: Callable[[int], None] = lambda built: None,
) -> list[Stream | EdgeRNNError]:  # fmt: skip
    """As ``board_stream``, several at a time; for boards that cannot be had, what it raises.

    ``progress`` is called with the number of boards that are ready.
    """

    def build(board: Board) -> Stream | EdgeRNNError:
        try:
            return board_stream(board, artifact, work, compiler)
        except (BoardError, MissingExtraError, UsageError) as error:
            return error

    found: list[Stream | EdgeRNNError] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            for stream in pool.map(build, boards):
                found.append(stream)
                progress(len(found))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def _emulated_by(board: Board) -> str:
    emulation = board.emulation
    return f"Unicorn {emulation.unicorn}" if emulation.unicorn else f"QEMU {emulation.qemu_machine}"


def _build(board: Board, artifact: Artifact, work: Path, compiler: str) -> Image:
    with _SOURCES:
        sources_of(artifact, board, work)
    try:
        return build_artifact(
            artifact, board, work / f"{board.id}.elf", work, functions=FUNCTIONS, compiler=compiler
        )  # fmt: skip
    except OutputError as error:
        reason = next((line for line in str(error).splitlines() if any(words in line for words in TOO_SMALL)), None)
        if reason is None:
            raise
        raise BoardError(f"{board.id}: the model does not fit: {reason.strip()}") from None


_SOURCES = threading.Lock()
"""Held while C files are written, which boards share."""

BUFFER_SLACK_BYTES = 48
"""Of a buffer in the emulator's RAM: its guards and what alignment may take."""

STACK_GUARD_BYTES = 256


def _room_bytes(image: Image) -> int:
    """RAM between the variables and the stack."""
    limit, end = (image.symbol(name).address for name in ("edgernn_stack_limit", "edgernn_bss_end"))
    return limit - STACK_GUARD_BYTES - end


def _chunk_bytes(image: Image, frames: int) -> int:
    layout = image.model()
    ports = (*layout.interface.inputs, *layout.interface.outputs)
    total = layout.state_bytes + layout.state_alignment + BUFFER_SLACK_BYTES
    return total + sum(_nbytes(p) * (1 if p.kind == "static" else frames) + BUFFER_SLACK_BYTES for p in ports)


def _nbytes(port: Port) -> int:
    return port.size * np.dtype(port.dtype).itemsize


def _run(board: Board, image: Image, frames: Frames, stop: Stop) -> Outputs:
    emulator = open_emulator(board, image)
    chunk = CHUNK
    while chunk > 1 and _chunk_bytes(image, chunk) > _room_bytes(image):
        chunk //= 2
    try:
        model = EmulatedModel(emulator, chunk)
        return model.run(stop.passed, **frames)
    finally:
        if isinstance(emulator, QemuEmulator):
            emulator.close()
