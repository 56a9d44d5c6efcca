"""``edgernn run`` and ``edgernn generate`` of a model of two parts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from edgernn.cli.common.segments import collected
from edgernn.cli.common.stream import StopSignal, Summary
from edgernn.errors import UsageError
from edgernn.runtime.decode import Sampler
from edgernn.runtime.io import Sink, Source
from edgernn.runtime.seq2seq import Seq2SeqSession


def run_seq2seq(
    session: Seq2SeqSession, source: Source, sink: Sink, limit: int | None, stop: StopSignal
) -> Summary:
    """Read all frames of ``source``, then write by the best symbol after each; a row has the scores of one step.

    Raises FrameError for more frames than the model takes, or none.
    """
    summary = Summary(session.path, session.engine)
    begin = time.perf_counter()
    arrays, count = collected(source, session.encoder, limit, stop)
    before = time.perf_counter()
    session.encode(*arrays)
    symbol, steps, port = session.writing.start, 0, session.outputs[0]
    while steps < session.writing.max_output and (steps == 0 or symbol != session.writing.end):
        scores = np.asarray(session.step(symbol))
        sink.write({port.name: scores})
        symbol, steps = int(scores.argmax()), steps + 1
    summary.step_s, summary.frames = time.perf_counter() - before, count * session.encoder.hop
    summary.seconds, summary.exit_code = time.perf_counter() - begin, stop.exit_code
    memory = f"{session.state_bytes:,} B of memory and state"
    note = f"source of {summary.frames} frames, {steps} steps of the decoder; {memory}"
    summary.notes = [*([source.note] if source.note else []), note]
    return summary


def source_of(session: Seq2SeqSession, prompt: str, inputs: str | None) -> Any:
    """What ``generate`` reads: a text, symbols, or the frames of a file. Raises UsageError."""
    from edgernn.cli.generate import symbols_of
    from edgernn.runtime.io import open_source

    if inputs is not None:
        if prompt:
            raise UsageError("--prompt and --input: the source is one of them")
        with open_source((inputs,), session.encoder) as source:
            arrays, _ = collected(source, session.encoder, None, None)
        return arrays[0]
    if not prompt:
        raise UsageError("the model reads a source: give --prompt TEXT, or --input FILE")
    return prompt if session.source_tokenizer is not None else np.asarray(symbols_of(prompt), np.int32)


def written(
    session: Seq2SeqSession, source: Any, sampler: Sampler, beam: int | None, length: int | None
) -> dict[str, Any]:
    """What is written for a source, and its text where the artifact has a tokenizer."""
    session.encode(source)
    if beam is None:
        symbols, ended = _listed(session.write(sampler, length), length or session.writing.max_output)
        likelihood = {}
    else:
        best = session.search(beam, length)[0]
        symbols, ended, likelihood = list(best.symbols), best.ended, {"log2": best.log2}
    text = " ".join(map(str, symbols)) if session.tokenizer is None else session.tokenizer.decode(symbols)
    return {"text": text, "symbols": symbols, "ended": ended, **likelihood}


def _listed(symbols: Iterable[int], most: int) -> tuple[list[int], bool]:
    found = list(symbols)
    return found, len(found) < most


