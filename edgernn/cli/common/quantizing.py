"""From the options of a verb to a quantized model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.cli.common.calibration import Sequences, load_targets
from edgernn.cli.common.modules import load_function
from edgernn.errors import UsageError

if TYPE_CHECKING:
    from edgernn.api import Model
    from edgernn.cli.common.conversion import ModelOptions
    from edgernn.cli.common.progress import Bar

SEARCHED = "int16x8"
WITHOUT_CALIBRATION = ("float32", "weights8")
"""Number formats that need no real sequences."""


def scheme_of(quant: str, max_loss: float | None) -> str:
    """The number format: ``--max-loss`` alone means integers."""
    return SEARCHED if max_loss is not None and quant == "float32" else quant


def check_options(options: ModelOptions) -> None:
    """Raise UsageError for options that do not go together."""
    if options.scheme not in WITHOUT_CALIBRATION and not options.calibration:
        raise UsageError(
            f"--quant {options.scheme} needs --calibration FILE: real sequences, from which the ranges are taken"
        )
    if options.quant_layers and options.scheme in WITHOUT_CALIBRATION:
        raise UsageError(
            f"--quant-layer is for models in integers: give --quant int16x8, or another; --quant is {options.quant}"
        )
    if options.max_loss is not None and options.scheme != SEARCHED:
        raise UsageError(f"--max-loss chooses the schemes, beginning with {SEARCHED}; --quant is {options.quant}")
    if options.metric != "sqnr" and options.max_loss is None and not _judges_chunks(options):
        raise UsageError("--metric says what --max-loss bounds: give --max-loss, too")
    if _judges_chunks(options) and not (options.validation or options.calibration):
        raise UsageError(f"--metric {options.metric} needs real sequences: --validation FILE, or --calibration FILE")


def _judges_chunks(options: ModelOptions) -> bool:
    return options.mode == "chunk" and ":" in options.metric


def judge_chunks(model: Model, options: ModelOptions) -> None:
    """Let the report on a model with look-ahead tell a metric of the user's, where one is given."""
    if not _judges_chunks(options):
        return
    from edgernn.validation.chunks import ChunkReference, Judge

    path = Path(options.validation or options.calibration or "")
    function = load_function(options.metric.removeprefix("-"), "--metric")
    if isinstance(model.reference, ChunkReference):
        model.reference.judge = Judge(function, load_targets(path, model.interface))


def quantized(model: Model, calibration: Sequences | None, options: ModelOptions, bar: Bar) -> Model:
    """``model``, a float model, as the options ask. Raises EdgeRNNError."""
    bar("quantizing")
    layers = parse_layers(options.quant_layers)
    if options.max_loss is None:
        return model.quantize(calibration, options.scheme, options.calibration_method, layers=layers)
    metric = load_metric(options.metric)
    targets = None if isinstance(metric, str) else load_targets(Path(options.calibration or ""), model.interface)
    return model.quantize(
        calibration, options.scheme, options.calibration_method, layers=layers, max_loss=options.max_loss,
        metric=metric, targets=targets, progress=bar,
    )  # fmt: skip


def parse_layers(texts: Sequence[str]) -> dict[str, str]:
    """"PATTERN=SCHEME:METHOD" texts by pattern. Raises UsageError."""
    layers: dict[str, str] = {}
    for text in texts:
        pattern, equals, choice = (part.strip() for part in text.partition("="))
        if not equals or not pattern or not choice:
            raise UsageError(
                f"--quant-layer {text!r}: expected PATTERN=SCHEME, PATTERN=SCHEME:METHOD or PATTERN=:METHOD, "
                "e.g. lstm_*=int8:mse"
            )
        layers[pattern] = choice
    return layers


def load_metric(text: str) -> str | Callable[[list[Any], Any], float]:
    """The name of a metric, or a function of the user's: "file.py:name", or "-file.py:name" where more is better."""
    if ":" not in text:
        return text
    function = load_function(text.removeprefix("-"), "--metric")
    if not text.startswith("-"):
        return function

    def negated(outputs: list[Any], targets: Any) -> float:
        return -float(function(outputs, targets))

    negated.__name__ = f"-{getattr(function, '__name__', text)}"
    return negated
