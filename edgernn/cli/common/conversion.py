"""From the options of a verb to a converted model and its test sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.cli.common.calibration import Sequences, load_calibration
from edgernn.cli.common.modules import load_module
from edgernn.cli.common.progress import Bar
from edgernn.cli.common.weights import load_weights
from edgernn.errors import UsageError

if TYPE_CHECKING:
    from edgernn.api import Model


@dataclass(frozen=True)
class ModelOptions:
    """What ``model_options`` collects."""

    reference: str
    inputs: Sequence[str]
    states: Sequence[str]
    arguments: Sequence[str]
    weights: str | None
    name: str | None
    sample_rate: float | None
    calibration: str | None
    quant: str
    calibration_method: str
    drift_steps: int


@dataclass(frozen=True)
class Conversion:
    """A converted model.

    data   where the test sequences come from, for the report
    notes  what the user should know
    """

    model: Model
    calibration: Sequences | None
    data: str
    notes: list[str]


def convert(options: ModelOptions, bar: Bar) -> Conversion:
    """Import, load weights, convert, read the calibration. Raises EdgeRNNError."""
    if not options.inputs:
        raise UsageError("--input is missing: the shape of each argument of forward, e.g. --input 1,T,40")
    for path in (options.weights, options.calibration):
        if path and not Path(path).is_file():
            raise UsageError(f"{path}: no such file")
    if options.quant != "float32" and not options.calibration:
        raise UsageError(
            f"--quant {options.quant} needs --calibration FILE: real sequences, from which the ranges are taken"
        )
    bar("importing the model")
    module = load_module(options.reference, options.arguments)
    _use_one_thread()
    notes = []
    if options.weights:
        notes.append(load_weights(module, Path(options.weights)))
    import edgernn

    bar("converting")
    state: Any = options.states[0] if len(options.states) == 1 else tuple(options.states) or None
    model = edgernn.convert(
        module,
        inputs=list(options.inputs),
        state=state,
        name=options.name,
        sample_rate_hz=options.sample_rate,
    )
    if not options.weights and any(p.requires_grad for p in module.parameters()):
        notes.append("no --weights given: the weights are those that the class or factory made")
    calibration, data = None, "random sequences"
    if options.calibration:
        calibration = load_calibration(Path(options.calibration), model.interface)
        data = f"random sequences and {len(calibration)} from {Path(options.calibration).name}"
        if options.quant != "float32":
            bar("quantizing")
            model = model.quantize(calibration, options.quant, options.calibration_method)
            data = f"{len(calibration)} sequences from {Path(options.calibration).name}"
    return Conversion(model, calibration, data, [note for note in notes if note])


def _use_one_thread() -> None:
    """PyTorch runs single sequences here: more threads cost more than they give, and vary the rounding."""
    import torch

    torch.set_num_threads(1)
