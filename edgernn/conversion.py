"""The facade: from modules and files to models."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from edgernn.api import Model
from edgernn.errors import UsageError
from edgernn.ir.builder import identifier
from edgernn.ir.graph import Graph

if TYPE_CHECKING:
    import onnx
    import torch

    from edgernn.quant.qat.module import QatModule

CHUNK = "chunk"


def convert(
    module: torch.nn.Module | str | os.PathLike[str] | onnx.ModelProto,
    example: Any = None,
    *,
    inputs: str | Sequence[Any] | Mapping[str, Any] | None = None,
    state: Any = None,
    name: str | None = None,
    sample_rate_hz: float | None = None,
    mode: str = "stream",
    max_frames: int | None = None,
    lookahead: int | None = None,
    chunk: int | None = None,
) -> Model:
    """Convert a whole-sequence module, a step module, or an ONNX model to a step program.

    example  the module's arguments as tensors with batch size 1 (time is the first axis longer than 1)
    inputs   or as specs: "1,T,40", "int:1,T", "length:1" (a tensor that holds T); a list for several
    state    for a step module ``forward(x_t, state) -> (y_t, state)``: the state argument, as tensors
             or specs ("1,64"), in whatever nesting the module takes; a sequence of the arguments for
             ``forward(x_t, h, c) -> (y_t, h, c)``
    name     of the model, the module's class by default
    mode     "stream", frame by frame for ever; or "segment", whole segments of up to ``max_frames`` frames, which
             bidirectional layers and statistics over time need. Its sessions have ``run(frames)`` in place of ``step``.
             "chunk" is a stream of the module with its bidirectional layers replaced by ``LookaheadRNN``: they look
             ``lookahead`` frames ahead of each ``chunk`` of frames, which is as many by default. The report says what
             that costs

    An ``edgernn.Seq2Seq`` takes ``max_frames``, the most frames of a source, and ``inputs`` of the source alone.

    An ONNX model is the path of its file or a ModelProto. Its ``inputs`` are "NAME:1,T,40" with T for time, or
    "NAME=VALUE" for one that stays the same; its ``state`` is "INPUT=OUTPUT", for outputs that are the next values of
    inputs; a list or dict for several. What the file says itself need not be given. It is proved against ONNX Runtime.

    What ``edgernn.quant.prepare_qat`` gave becomes the integer model that it computes, with its name. A module whose
    parameters are not float32 is converted, and proved, as its float32 copy. Raises
    UnsupportedModelError, with the line of the user's code, for what cannot stream exactly, and
    UsageError for a module that cannot be called with these inputs.
    """
    from edgernn.capture import call_spec, capture, in_float32
    from edgernn.passes import to_step_program
    from edgernn.quant.qat.module import QatModule
    from edgernn.validation.reference import Reference

    sample_rate_hz = None if sample_rate_hz is None else float(sample_rate_hz)
    if _is_seq2seq(module):
        from edgernn.seq2seq import Seq2Seq
        from edgernn.seq2seq_model import convert_seq2seq

        if mode not in ("stream", "seq2seq") or (state, sample_rate_hz, lookahead, chunk) != (None, None, None, None):
            raise UsageError("a Seq2Seq takes inputs (of the source), name and max_frames, and no other option")
        return convert_seq2seq(cast(Seq2Seq, module), example, inputs, name or "seq2seq", max_frames)
    if mode == CHUNK or lookahead is not None or chunk is not None:
        _check_chunks(module, mode, max_frames, lookahead, chunk)
        size = chunk or lookahead or 0
        return _of_chunks(module, example, inputs, state, name, sample_rate_hz, size, lookahead or 0)
    if mode != "stream" or max_frames is not None:
        return _of_segments(module, example, inputs, state, name, sample_rate_hz, mode, max_frames)
    if isinstance(module, str | os.PathLike) or type(module).__name__ == "ModelProto":
        return _from_onnx(module, example, inputs, state, name, sample_rate_hz)
    if isinstance(module, QatModule):
        return _trained_in_integers(module, sample_rate_hz)
    if isinstance(inputs, Mapping):
        raise UsageError("inputs of a PyTorch module are a list in the order of its arguments")
    spec = call_spec(example, inputs, state, module.forward)
    module = in_float32(module)
    captured = capture(module, spec, identifier(name or _snake(type(module).__name__)))
    program = to_step_program(captured.graph)
    program.sample_rate_hz = sample_rate_hz
    return Model(program, Reference(module, captured, program))


def _is_seq2seq(module: Any) -> bool:
    """Whether ``module`` is an ``edgernn.Seq2Seq``; its module is imported if it is one."""
    home = sys.modules.get("edgernn.seq2seq")
    return home is not None and isinstance(module, home.Seq2Seq)


def _check_chunks(
    module: Any, mode: str, max_frames: int | None, lookahead: int | None, chunk: int | None
) -> None:
    if mode != CHUNK:
        raise UsageError(f"lookahead and chunk are for mode 'chunk', which bidirectional layers need; found {mode!r}")
    if max_frames is not None:
        raise UsageError("max_frames is for mode 'segment'; mode 'chunk' takes lookahead, and chunk")
    if lookahead is None or lookahead < 0 or (chunk or lookahead) < 1:
        raise UsageError(
            "mode 'chunk' needs lookahead, how many frames after a chunk a layer sees, 0 or more; and chunk, how many "
            f"it answers at once, 1 or more, as many as lookahead by default; found {lookahead} and {chunk}"
        )
    if not callable(getattr(module, "forward", None)) or type(module).__name__ == "QatModule":
        raise UsageError("mode 'chunk' takes a PyTorch module of whole sequences")


def _of_chunks(
    module: Any, example: Any, inputs: Any, state: Any, name: str | None, sample_rate_hz: float | None,
    chunk: int, lookahead: int,
) -> Model:  # fmt: skip
    """The stream of ``module`` with look-ahead, which knows what it was."""
    from edgernn.capture import in_float32
    from edgernn.capture.lookahead import with_lookahead
    from edgernn.validation.chunks import ChunkReference

    whole = in_float32(module)
    model = convert(
        with_lookahead(whole, chunk, lookahead), example, inputs=inputs, state=state,
        name=name or _snake(type(module).__name__), sample_rate_hz=sample_rate_hz,
    )  # fmt: skip
    found = model.reference
    model.reference = ChunkReference(found.module, found.captured, model.graph, whole, chunk, lookahead)
    return model


def _of_segments(
    module: Any, example: Any, inputs: Any, state: Any, name: str | None, sample_rate_hz: float | None, mode: str,
    max_frames: int | None,
) -> Model:  # fmt: skip
    """The stages of a module that needs the whole sequence."""
    from edgernn.capture import call_spec, capture, in_float32
    from edgernn.passes.segment import to_segment
    from edgernn.segments import SegmentModel
    from edgernn.validation.reference import Reference

    if mode != "segment" or max_frames is None:
        raise UsageError(
            "mode is 'stream', 'segment' with max_frames, or 'chunk' with lookahead; found "
            f"{mode!r} with max_frames {max_frames}"
        )
    if not callable(getattr(module, "forward", None)) or isinstance(inputs, Mapping) or state is not None:
        raise UsageError("mode 'segment' takes a PyTorch module of whole sequences, whose states start from constants")
    spec = call_spec(example, inputs, None, module.forward)
    module = in_float32(module)
    captured = capture(module, spec, identifier(name or _snake(type(module).__name__)), segment=True)
    segment = to_segment(captured.graph, max_frames, sample_rate_hz)
    ports = Graph(segment.name, segment.inputs, segment.outputs, mode=mode, hop=segment.hop)
    return SegmentModel(Reference(module, captured, ports), segment)


def _from_onnx(
    source: Any, example: Any, inputs: Any, state: Any, name: str | None, sample_rate_hz: float | None
) -> Model:
    """The program of an ONNX file; the file in ONNX Runtime is the reference."""
    from edgernn.capture import capture
    from edgernn.capture.onnx import read_onnx
    from edgernn.passes import to_step_program
    from edgernn.validation.onnx_reference import OnnxReference

    if example is not None:
        raise UsageError("an ONNX model needs no example: it names its inputs; give inputs='NAME:1,T,40' where it must")
    model = read_onnx(source, inputs, state)
    captured = capture(model.module, model.call.spec, identifier(name or model.name))
    program = to_step_program(captured.graph)
    program.sample_rate_hz = sample_rate_hz
    return Model(program, OnnxReference(model, captured, program))


def _trained_in_integers(module: QatModule, sample_rate_hz: float | None) -> Model:
    """The integers that ``module`` computes; its floats are the reference."""
    from edgernn.validation.trained import TrainedReference

    program = module.float_program()
    program.sample_rate_hz = sample_rate_hz
    quantized = module.quantized()
    quantized.graph.sample_rate_hz = sample_rate_hz
    model = Model(quantized.graph, TrainedReference(module, program), program, [dict(s) for s in module.calibration])
    model.quantized = quantized
    return model


def _snake(name: str) -> str:
    """A class name in snake case: GRUForecaster is gru_forecaster."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
