"""From the options of a verb to a converted model and its test sequences."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.cli.common.calibration import TARGETS, Sequences, load_calibration, load_targets
from edgernn.cli.common.modules import load_module
from edgernn.cli.common.progress import Bar
from edgernn.cli.common.quantizing import (
    WITHOUT_CALIBRATION,
    check_options,
    judge_chunks,
    quantized,
    scheme_of,
)
from edgernn.cli.common.tokenizers import set_tokenizers
from edgernn.cli.common.weights import load_weights
from edgernn.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from edgernn.api import Model


ONNX_SUFFIX = ".onnx"
"""MODEL that ends so is a file, and no Python object."""

DRIFT_FRAMES = 100_000
"""Of a long stream without reset."""


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
    drift_steps: int | None = None
    validation: str | None = None
    quant_layers: Sequence[str] = ()
    max_loss: float | None = None
    metric: str = "sqnr"
    mode: str = "stream"
    max_frames: int | None = None
    lookahead: int | None = None
    chunk: int | None = None
    tokenizer: str | None = None
    target_tokenizer: str | None = None

    @property
    def scheme(self) -> str:
        """The number format."""
        return scheme_of(self.quant, self.max_loss)


@dataclass(frozen=True)
class Conversion:
    """A converted model.

    data   where the test sequences come from, for the report
    notes  what the user should know
    drift_steps  of a long stream without reset
    """

    model: Model
    calibration: Sequences | None
    data: str
    notes: list[str]
    drift_steps: int


def convert(options: ModelOptions, bar: Bar) -> Conversion:
    """Import, load weights, convert, read the calibration. Raises EdgeRNNError."""
    for path in (options.weights, options.calibration, options.validation):
        if path and not Path(path).is_file():
            raise UsageError(f"{path}: no such file")
    check_options(options)
    model, notes = (_of_file if options.reference.endswith(ONNX_SUFFIX) else _of_module)(options, bar)
    set_tokenizers(model, options.tokenizer, options.target_tokenizer)
    given = {path: _sequences(Path(path), model) for path in _files(options)}
    tested, data = _tested(options, given)
    judge_chunks(model, options)
    if options.scheme != "float32":
        model = quantized(model, given.get(options.calibration or ""), options, bar)
    drift = DRIFT_FRAMES // model.interface.hop if options.drift_steps is None else options.drift_steps
    return Conversion(model, tested, data, [note for note in notes if note], drift)


def _sequences(path: Path, model: Model) -> Sequences:
    """What a file holds: of an encoder with a decoder, sources, with their targets where it has some."""
    encoder = model.interface.encoder
    if encoder is None:
        return load_calibration(path, model.interface)
    sources, targets = load_calibration(path, encoder), load_targets(path, encoder)
    if targets is None:
        return sources
    if len(targets) != len(sources):
        raise UsageError(f"{path}: {len(sources)} sources with {len(targets)} targets: one for each is needed")
    return [{**source, TARGETS: target} for source, target in zip(sources, targets, strict=True)]


def _of_module(options: ModelOptions, bar: Bar) -> tuple[Model, list[str]]:
    """The model of a PyTorch module, and notes."""
    if not options.inputs:
        raise UsageError("--input is missing: the shape of each argument of forward, e.g. --input 1,T,40")
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
        mode=options.mode,
        max_frames=options.max_frames,
        lookahead=options.lookahead,
        chunk=options.chunk,
    )
    notes.append(_memory(model))
    if not options.weights and any(p.requires_grad for p in module.parameters()):
        notes.append("no --weights given: the weights are those that the class or factory made")
    return model, notes


def _memory(model: Model) -> str:
    """What a segment or a source takes, said before anything is written."""
    from edgernn.segments import SegmentModel
    from edgernn.seq2seq_model import Seq2SeqModel

    if isinstance(model, Seq2SeqModel):
        return f"a source of {model.max_frames} frames takes {model.memory}, besides the frames themselves"
    if not isinstance(model, SegmentModel):
        return ""
    return f"a segment of {model.segment.max_frames} frames takes {model.memory}, besides the frames themselves"


def _of_file(options: ModelOptions, bar: Bar) -> tuple[Model, list[str]]:
    """The model of an ONNX file, and notes."""
    for given, option in ((options.weights, "--weights"), (options.arguments, "--arg")):
        if given:
            raise UsageError(f"{option} is for PyTorch models: {options.reference} has its weights in it")
    for package in ("torch", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "export", "an ONNX model")
    if options.mode != "stream" or (options.max_frames, options.lookahead, options.chunk) != (None, None, None):
        raise UsageError("--mode segment, --mode chunk: an ONNX model is converted to a plain stream only")
    _use_one_thread()
    import edgernn

    bar("converting")
    model = edgernn.convert(
        options.reference,
        inputs=list(options.inputs) or None,
        state=list(options.states) or None,
        name=options.name,
        sample_rate_hz=options.sample_rate,
    )
    return model, []


def _files(options: ModelOptions) -> list[str]:
    return [path for path in (options.calibration, options.validation) if path]


def _tested(options: ModelOptions, given: Mapping[str, Sequences]) -> tuple[Sequences | None, str]:
    """The real sequences to compare on, and all of them in words."""
    path = options.validation or options.calibration
    if path is None:
        return None, "random sequences"
    words = f"{len(given[path])} sequences from {Path(path).name}"
    if options.scheme in WITHOUT_CALIBRATION:
        return given[path], f"random sequences and {len(given[path])} from {Path(path).name}"
    if options.validation and options.calibration:
        words += f"; ranges from {len(given[options.calibration])} of {Path(options.calibration).name}"
    return given[path], words


def _use_one_thread() -> None:
    """PyTorch runs single sequences here: more threads cost more than they give, and vary the rounding."""
    import torch

    torch.set_num_threads(1)
