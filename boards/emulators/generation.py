"""A model that writes, on an emulated board: its function ``generate``, called as a program there would."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.boards.build import MODEL_FUNCTIONS
from edgernn.boards.emulators.model import STATUS, EmulatedModel
from edgernn.errors import FrameError
from edgernn.runtime.decode import Sampler

FUNCTIONS = (*MODEL_FUNCTIONS, "generate")
"""What ``build_artifact`` has to keep."""

NO_SYMBOL = (1 << 32) - 1


def generate(
    model: EmulatedModel, prompt: Sequence[int], length: int, sampler: Sampler, end: int | None = None
) -> list[int]:
    """What ``edgernn.runtime.decode.generate`` gives, from the states that the model is in.

    Raises FrameError for what the model refuses, EmulationError as ``Emulator.call``, and where the RAM is too small.
    """
    emulator = model.emulator
    scores = model.outputs[0]
    parameters = (sampler.temperature_q16, sampler.top_k, sampler.top_p_q16, 0)
    settings = np.array(parameters, np.uint32).tobytes() + np.uint64(sampler.seed).tobytes()
    given = {"prompt": np.asarray(prompt, np.int32).tobytes(), "sampler": settings}
    places = {name: emulator.allocate(name, len(data)) for name, data in given.items()}
    for name, data in given.items():
        emulator.write(places[name], data)
    size = scores.size * np.dtype(scores.dtype).itemsize
    sizes = {"scores": size, "symbols": 4 * length, "count": 8}
    row, symbols, count = (emulator.allocate(name, size_bytes) for name, size_bytes in sizes.items())
    status = emulator.call(
        f"{model.layout.name}_generate", model.state, places["prompt"], len(prompt), places["sampler"],
        NO_SYMBOL if end is None else end, row, symbols, length, count,
    ).value  # fmt: skip
    if status:
        raise FrameError(f"{model.layout.name}_generate refuses the prompt: {STATUS[status]}, or it is empty")
    written = int.from_bytes(emulator.read(count, 4), "little")
    return [int(symbol) for symbol in np.frombuffer(emulator.read(symbols, 4 * written), np.int32)]
