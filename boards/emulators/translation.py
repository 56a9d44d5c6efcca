"""An encoder with a decoder on an emulated board: its functions, called as a program there would."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgernn.boards.build import MODEL_FUNCTIONS
from edgernn.boards.emulators.calls import CallResult
from edgernn.boards.emulators.model import STATUS, EmulatedModel
from edgernn.errors import FrameError
from edgernn.runtime.decode import Sampler

FUNCTIONS = (*MODEL_FUNCTIONS, "encode", "generate")
"""What ``build_artifact`` has to keep."""


def encode(model: EmulatedModel, frames: int, *inputs: npt.NDArray[np.generic]) -> CallResult:
    """Read a source of so many frames, in the types of the C interface; tells what that cost.

    Raises FrameError for what the model refuses, EmulationError as ``Emulator.call``, and where the RAM is too small.
    """
    places = []
    for k, array in enumerate(inputs):
        data = np.ascontiguousarray(array).tobytes()
        places.append(model.emulator.allocate(f"source_{k}", len(data), 16))
        model.emulator.write(places[-1], data)
    cost = model.emulator.call(f"{model.layout.name}_encode", model.state, frames, *places)
    if cost.value:
        raise FrameError(f"{model.layout.name}_encode refuses the source: {STATUS[cost.value]}, or its length is")
    return cost


def generate(model: EmulatedModel, length: int, sampler: Sampler) -> tuple[list[int], CallResult]:
    """What ``Seq2SeqSession.write`` gives after the same source, and what that cost. Raises as ``encode``."""
    emulator, scores = model.emulator, model.outputs[0]
    parameters = (sampler.temperature_q16, sampler.top_k, sampler.top_p_q16, 0)
    settings = np.array(parameters, np.uint32).tobytes() + np.uint64(sampler.seed).tobytes()
    sizes = {"sampler": len(settings), "scores": scores.size * np.dtype(scores.dtype).itemsize,
             "symbols": 4 * length, "count": 8}  # fmt: skip
    given, row, symbols, count = (emulator.allocate(name, size, 16) for name, size in sizes.items())
    emulator.write(given, settings)
    cost = emulator.call(
        f"{model.layout.name}_generate", model.state, given, row, symbols, length, count
    )  # fmt: skip
    if cost.value:
        raise FrameError(f"{model.layout.name}_generate: {STATUS[cost.value]}, or no source was read")
    written = int.from_bytes(emulator.read(count, 4), "little")
    return [int(symbol) for symbol in np.frombuffer(emulator.read(symbols, 4 * written), np.int32)], cost


def translate(model: EmulatedModel, source: Sequence[int], length: int, sampler: Sampler) -> list[int]:
    """What is written for a source of symbols."""
    encode(model, len(source), np.asarray(source, np.int32))
    return generate(model, length, sampler)[0]
