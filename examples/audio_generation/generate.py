"""What the network says, sample by sample: a code is drawn from its scores, and what was decoded it reads next.

On an engine of this machine the loop is here, on a board it is ``vocoder.c``: the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgernn
from edgernn.boards.build import MODEL_FUNCTIONS, build_model
from edgernn.boards.catalog import load_board
from edgernn.boards.emulators import EmulatedModel, open_emulator
from edgernn.boards.sources import write_sources
from edgernn.export.c import write_decoders
from edgernn.ir.ernfile import read_ern
from edgernn.ir.graph import Port
from edgernn.ir.ports import quantize
from edgernn.ops import OPS
from edgernn.runtime.decode import Sampler
from examples.audio_generation.analysis import HOP, LONGEST, Conditions
from examples.audio_generation.codec import CODES, LEVELS, LOG_ONE, PAST, decode, look, predict

Samples = NDArray[np.int16]
Scores = Callable[[NDArray[Any]], Any]
"""A frame [COLUMNS], in units of the port, to the scores of its code."""

TEMPERATURE, TOP_P = 0.8, 1.0
SOURCE = Path(__file__).with_name("vocoder.c")
FUNCTION = "speak"


def sampler(seed: int) -> Sampler:
    """Likely codes more often than the model says."""
    return Sampler(TEMPERATURE, top_p=TOP_P, seed=seed)


def units(port: Port) -> NDArray[Any]:
    """-1 to 1 in steps of 1 / LOG_ONE, in units of the port: what the columns of the past can be."""
    return in_units(np.arange(-LOG_ONE, LOG_ONE + 1, dtype=np.float32) / np.float32(LOG_ONE), port)


def in_units(values: NDArray[np.float32], port: Port) -> NDArray[Any]:
    """Real values as the port takes them."""
    return values if port.scale is None else quantize(values, port)


def generate(scores: Scores, conditions: Conditions, chosen: Sampler, ports: tuple[Port, Port]) -> Samples:
    """The samples under ``conditions``, [F * HOP], by a model with these ports of input and output."""
    start, count = LONGEST + 2, len(conditions.period) * HOP
    past, codes = (np.zeros(start + count, np.int64) for _ in range(2))
    columns, table = in_units(conditions.columns(), ports[0]), units(ports[0])
    lpc = conditions.lpc.astype(np.int64)
    row, frame = np.zeros(PAST), np.zeros(PAST + columns.shape[1], columns.dtype)
    for k in range(count):
        at, t = k // HOP, start + k
        gain, inverse, period = (int(each[at]) for each in (conditions.gain, conditions.inverse, conditions.period))
        expected = predict(past, t, lpc[at])
        look(past, codes, t, expected, period, inverse, row)
        frame[:PAST] = table[(row * LOG_ONE).astype(np.int64) + LOG_ONE]
        frame[PAST:] = columns[at]
        code = chosen.choose(scores(frame), k, ports[1].scale)
        past[t] = decode(expected, int(LEVELS[code]), gain)
        codes[t] = 2 * code + 1 - CODES
    return past[start:].astype(np.int16)


def on_engine(artifact: Path, engine: str, conditions: Conditions, seed: int) -> Samples:
    """The samples, on an engine of this machine."""
    with edgernn.load(artifact, engine, raw=True) as session:
        return generate(session.step, conditions, sampler(seed), (session.inputs[0], session.outputs[0]))


@contextmanager
def on_board(artifact: Path, name: str) -> Iterator[Callable[[Conditions, int], tuple[Samples, float]]]:
    """From an .ern file a function of conditions and a seed to the samples that ``vocoder.c`` makes on a board, and how
    many instructions each takes."""
    board = load_board(name)
    _, graph = read_ern(artifact, OPS)
    with TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        write_sources(graph, board, work / "audio_generation.c")
        write_decoders(work, ["sample"])
        source = f"#define INPUT {graph.inputs[0].dtype}_t\n{SOURCE.read_text()}"
        (work / SOURCE.name).write_text(source)
        image = build_model(board, work, work / "model.elf", functions=(*MODEL_FUNCTIONS, FUNCTION))
    model = EmulatedModel(open_emulator(board, image))
    yield lambda conditions, seed: _speak(model, conditions, seed)


def _speak(model: EmulatedModel, conditions: Conditions, seed: int) -> tuple[Samples, float]:
    """Call ``audio_generation_speak`` once: all frames."""
    emulator, port, chosen = model.emulator, model.inputs[0], sampler(seed)
    model.reset()
    settings = np.array((chosen.temperature_q16, chosen.top_k, chosen.top_p_q16, 0), np.uint32).tobytes()
    columns = conditions.columns()
    given = {
        "columns": in_units(columns, port), "lpc": conditions.lpc, "gain": conditions.gain,
        "inverse": conditions.inverse, "period": conditions.period,
        "units": units(port), "levels": LEVELS,
    }  # fmt: skip
    data = {name: np.ascontiguousarray(array).tobytes() for name, array in given.items()}
    data["sampler"] = settings + np.uint64(chosen.seed).tobytes()
    count = len(columns) * HOP
    places = {name: emulator.allocate(name, len(content)) for name, content in data.items()}
    for name, content in data.items():
        emulator.write(places[name], content)
    samples = emulator.allocate("samples", 2 * count)
    cost = emulator.call(f"{model.layout.name}_{FUNCTION}", model.state, len(columns), *places.values(), samples)
    return np.frombuffer(emulator.read(samples, 2 * count), np.int16).copy(), cost.instructions / count
