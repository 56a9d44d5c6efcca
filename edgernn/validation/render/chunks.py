"""What a report says of look-ahead in chunks."""

from __future__ import annotations

from edgernn.validation.render import view
from edgernn.validation.results import ChunkReport, OutputLoss

LOSS_HEAD = ("output", "kind", "frames", "max difference", "RMS difference", "relative", "same argmax")
"""Of the table of outputs."""


def loss_rows(found: ChunkReport) -> list[tuple[str, ...]]:
    """One row an output: the model with look-ahead against the one that sees the whole sequence."""
    return [
        (o.output, o.kind, f"{o.frames:,}", view.error(o.max_error), view.error(o.rms_error),
         relative(o.relative_error), view.share(o.argmax_agreement))
        for o in found.outputs
    ]  # fmt: skip


def about(found: ChunkReport) -> str:
    """What was done to the model."""
    layers = ", ".join(found.layers)
    chunks = f"chunks of {_frames(found.chunk)} with {_frames(found.lookahead)} of look-ahead"
    return f"Bidirectional layers run in {chunks}: {layers}. {latency(found)}"


def latency(found: ChunkReport) -> str:
    """How long an answer takes at most."""
    steps = f"{found.delay} step{'s' * (found.delay != 1)} of {_frames(found.hop)}"
    most = found.delay * found.hop + found.hop - 1
    return f"Outputs come {steps} later: for the first frame of a step after {_frames(most)}."


def summary(found: ChunkReport) -> list[str]:
    """Lines for the terminal."""
    lines = [_difference(o, found.sequences) for o in found.outputs]
    return [f"look-ahead: {text}" for text in (*lines, *metric(found))]


def _difference(loss: OutputLoss, sequences: int) -> str:
    where = f"{sequences} sequences" if sequences else "random sequences, which say little"
    same = f", the largest entry is the same in {view.share(loss.argmax_agreement)} of frames"
    return (
        f"output {loss.output!r} differs from that of whole sequences by {relative(loss.relative_error)} (RMS)"
        f"{'' if loss.argmax_agreement is None else same}, on {where}"
    )


def metric(found: ChunkReport) -> list[str]:
    """The user's metric of both models, where there is one."""
    if found.metric_of_whole is None or found.metric_of_chunks is None:
        return []
    of_chunks, of_whole = f"{found.metric_of_chunks:.6g}", f"{found.metric_of_whole:.6g}"
    return [f"{found.metric} is {of_chunks}, and {of_whole} where the whole sequence is seen"]


def relative(value: float) -> str:
    """A share of the root mean square of an output."""
    return f"{100 * value:.3g}%"


def _frames(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"
