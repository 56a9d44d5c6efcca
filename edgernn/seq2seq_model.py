"""Models of two parts: what ``edgernn.convert`` gives of an ``edgernn.Seq2Seq``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgernn.api import Model, Progress
from edgernn.errors import UsageError
from edgernn.ir.builder import identifier
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import Writing
from edgernn.ir.op import Array
from edgernn.ir.ports import in_frames
from edgernn.ir.seq2seq import MODE, Seq2SeqProgram
from edgernn.ir.tokenizer import Tokenizer
from edgernn.validation.layers import joined_rows
from edgernn.validation.results import ArtifactReport, Report
from edgernn.validation.sequences import check_calibration, cut_to

if TYPE_CHECKING:
    from edgernn.quant.seq2seq import QuantizedSeq2Seq
    from edgernn.seq2seq import Seq2Seq
    from edgernn.validation.integer_results import IntegerReport
    from edgernn.validation.metrics import Metric
    from edgernn.validation.seq2seq import Seq2SeqProof, Seq2SeqReference

FORMATS = ("c", "ern", "so")
"""What models of two parts are written as."""

TARGET = "targets"
REPORTED_STEPS = 200
"""Of the decoder, over which the report compares its integers with real values."""
Pairs = Sequence[Mapping[str, Array] | Array]


def convert_seq2seq(
    module: Seq2Seq, example: Any, inputs: Any, name: str, max_frames: int | None
) -> Seq2SeqModel:
    """The model of encoder and decoder, for sources of up to ``max_frames`` frames; see ``edgernn.convert``."""
    from edgernn.capture import call_spec, in_float32
    from edgernn.capture.pair import MEMORY, SYMBOL, capture_pair
    from edgernn.passes.seq2seq import Parts, to_seq2seq
    from edgernn.validation.seq2seq import Seq2SeqReference

    if max_frames is None:
        raise UsageError("a Seq2Seq reads whole sources: give max_frames, the most frames that one has")
    spec = call_spec(example, inputs, None)
    if len(spec.leaves()) != 1:
        raise UsageError(f"a Seq2Seq has one input, the source; found {len(spec.leaves())}")
    module, source = in_float32(module), spec.leaves()[0]  # type: ignore[assignment]
    found = capture_pair(module, source, identifier(name))
    parts = Parts(
        found.encoder.graph, found.decoder.graph, found.memory, MEMORY, found.starts, found.befores, found.afters,
        SYMBOL, found.scores,
    )  # fmt: skip
    writing = Writing(module.start, module.end, module.max_output)
    program = to_seq2seq(parts, identifier(name), max_frames, writing)
    _check_symbols(program)
    return Seq2SeqModel(Seq2SeqReference(module, source, program, found.encoder.least_steps), program)


def _check_symbols(program: Seq2SeqProgram) -> None:
    face = program.interface()
    size, limit = face.outputs[0].size, face.inputs[0].limit
    for name, symbol in (("start", program.writing.start), ("end", program.writing.end)):
        if symbol >= size or (limit is not None and symbol >= limit):
            raise UsageError(f"{name} is symbol {symbol}, of {size} that the decoder scores and {limit} that it reads")


class Seq2SeqModel(Model):
    """A converted model that reads sources of up to ``max_frames`` frames and writes."""

    def __init__(
        self, reference: Seq2SeqReference, program: Seq2SeqProgram, floats: Seq2SeqProgram | None = None,
        calibration: Sequence[dict[str, Array]] | None = None,
    ) -> None:  # fmt: skip
        """``program`` is what runs; of a quantized model, ``floats`` is what it was made of, by ``calibration``."""
        face = program.interface()
        graph = Graph(program.name, list(face.inputs), list(face.outputs), mode=MODE)
        super().__init__(graph, reference, calibration=calibration)  # type: ignore[arg-type]
        self.program, self.floats, self.interface = program, floats, face
        self._reference = reference
        self._proved_on: Pairs | None = None
        self.found: QuantizedSeq2Seq | None = None

    def __repr__(self) -> str:
        encoder = ", ".join(f"{p.name}{list(p.shape)}" for p in self.program.encode.inputs)
        return (
            f"<Seq2SeqModel {self.name}: {encoder}, up to {self.max_frames} frames; {self.interface.outputs[0].size} "
            f"symbols, up to {self.program.writing.max_output}; {self.memory}>"
        )

    @property
    def max_frames(self) -> int:
        """The most frames of a source."""
        return self.program.encode.max_frames

    @property
    def memory(self) -> str:
        """What a source takes while it is read, and its target written."""
        return f"{self.interface.state_bytes:,} B of memory and state, {self.program.buffer_bytes:,} B of buffers"

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What the symbols of targets stand for; artifacts hold it. Raises UsageError for other symbols."""
        return self.program.tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            tokenizer.check_ports(self.interface.inputs, self.interface.outputs)
        self.program.tokenizer = tokenizer
        self.interface = self.program.interface()

    @property
    def source_tokenizer(self) -> Tokenizer | None:
        """What the symbols of sources stand for; artifacts hold it. Raises UsageError for other symbols."""
        return self.program.encode.tokenizer

    @source_tokenizer.setter
    def source_tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            tokenizer.check_ports(self.program.encode.inputs, ())
        self.program.encode = replace(self.program.encode, tokenizer=tokenizer)
        self.interface = self.program.interface()

    def pairs(self, sources: Pairs | None, targets: Sequence[Any] | None = None) -> list[dict[str, Array]] | None:
        """``sources`` as the encoder takes them, each with its target: that of ``targets``, that which it holds by the
        name "targets", or else what the module writes for it. Raises UsageError for what does not fit."""
        if sources is None:
            return None
        encode, found = self.program.encode, []
        given = [s.get(TARGET) if isinstance(s, Mapping) else None for s in sources]
        plain = [{k: v for k, v in s.items() if k != TARGET} if isinstance(s, Mapping) else s for s in sources]
        face = (self.floats or self.program).encode.interface()
        named = in_frames(plain, face.inputs, encode.hop)
        check_calibration(face, named)
        if targets is not None and len(targets) != len(named):
            raise UsageError(f"{len(named)} sources with {len(targets)} targets: one for each is needed")
        for k, source in enumerate(named):
            cut = cut_to(source, face, encode.max_steps)
            target = given[k] if targets is None else targets[k]
            found.append({**cut, TARGET: self._target(k, target) if target is not None else self._written_for(cut)})
        return found

    def quantize(
        self, calibration: Pairs | None = None, scheme: str = "int16x8", method: str = "minmax", *,
        layers: Mapping[str, str] | None = None, max_loss: float | None = None, metric: str | Metric = "sqnr",
        targets: Sequence[Any] | None = None, progress: Progress | None = None,
    ) -> Seq2SeqModel:  # fmt: skip
        """As of any model; ``calibration`` are sources, as for ``pairs``, with ``targets``. Schemes are not searched
        for: ``max_loss`` is refused, and ``metric`` and ``progress``, which only a search needs, have no effect."""
        from edgernn.quant import weights8
        from edgernn.quant.seq2seq import quantize_seq2seq, quantize_seq2seq_weights

        if self.floats is not None:
            scheme = self.program.scheme
            raise UsageError(f"model {self.name!r} is quantized ({scheme}) already; quantize the float one")
        if max_loss is not None:
            raise UsageError("max_loss is for streams: give an encoder with a decoder a scheme, and layers others")
        pairs = self.pairs(calibration, targets)
        if scheme == weights8.SCHEME:
            if layers:
                raise UsageError("scheme 'weights8' is for whole models: schemes of layers are for models in integers")
            return Seq2SeqModel(self._reference, quantize_seq2seq_weights(self.program), self.program, pairs)
        if not pairs:
            raise UsageError(f"scheme {scheme!r} needs calibration: real sources, with their targets if there are any")
        start = self.program.writing.start
        read = [({k: v for k, v in p.items() if k != TARGET}, [start, *p[TARGET][:-1].tolist()]) for p in pairs]
        found = quantize_seq2seq(self.program, read, scheme, method, layers)
        model = Seq2SeqModel(self._reference, found.program, self.program, pairs)
        model.found = found
        return model

    def _integers(self, progress: Progress | None) -> IntegerReport | None:
        """How well the integers of each stage stand for real values, where it is given what the float stage is."""
        if self.found is None or not self.calibration:
            return None
        from edgernn.ops.stages import stage_frames, stage_values
        from edgernn.validation.integers import integer_report, joined

        reports = []
        for part, given in ((self.found.encode, self.calibration), (self.found.step, self.found.runs[:REPORTED_STEPS])):
            inputs = part.floats.inputs
            runs = [stage_values(part.floats.stages, {p.value: s[p.name] for p in inputs}, "float32") for s in given]
            for stage, quantized in zip(part.floats.stages, part.stages, strict=True):
                frames = [stage_frames(stage, values) for values in runs]
                reports.append(integer_report(stage.graph, quantized, frames, progress))
        return joined(reports)

    def _written_for(self, source: dict[str, Array]) -> Array:
        return self._reference.written(source)

    def _target(self, number: int, target: Any) -> Array:
        array, size = np.asarray(target).reshape(-1), self.interface.outputs[0].size
        limit = min(size, self.interface.inputs[0].limit or size)
        if array.dtype.kind not in "iu" or not len(array) or array.min() < 0 or array.max() >= limit:
            raise UsageError(f"target {number}: a row of symbols 0 to {limit - 1} expected, found {target!r:.80}")
        return array[: self.program.writing.max_output].astype(np.int32)

    def proof(self, calibration: Pairs | None = None) -> Seq2SeqProof:  # type: ignore[override]
        """The checks of this model on random pairs, unless in integers, and on ``calibration``: sources, which may
        hold their ``targets``."""
        if self._proof is None or (calibration is not None and calibration is not self._proved_on):
            from edgernn.validation.seq2seq import Seq2SeqProof

            pairs = self.calibration if calibration is None else self.pairs(calibration)
            self._proved_on = calibration
            quantized = None if self.floats is None else self.program
            self._proof = Seq2SeqProof(self._reference, self.floats or self.program, quantized, pairs)  # type: ignore[assignment]
        return self._proof  # type: ignore[return-value]

    @property
    def _written(self) -> Seq2SeqProgram:  # type: ignore[override]
        return self.program

    def _write(self, staging: Path, path: Path, target: str | None) -> Path:
        if path.suffix.lstrip(".") not in FORMATS:
            formats = ", ".join("." + f for f in FORMATS)
            raise UsageError(f"{path}: an encoder with a decoder is written as {formats}, not as {path.suffix}")
        return super()._write(staging, path, target)

    def report(self, artifacts: list[ArtifactReport], data: str, progress: Progress | None = None) -> Report:
        """As of any model; the layers are those of all stages of both parts."""
        report = super().report(artifacts, data, progress)
        parts = (self.program.encode, self.program.step)
        report.layers = [row for part in parts for stage in part.stages for row in joined_rows(stage.graph)]
        report.inputs = [_row(p) for p in self.program.encode.inputs] + report.inputs
        return report


def _row(port: Port) -> dict[str, Any]:
    return {key: getattr(port, key) for key in ("name", "shape", "dtype", "kind", "limit", "scale")}
