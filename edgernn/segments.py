"""Models that take whole segments: what ``edgernn.convert(..., mode="segment")`` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgernn.api import Model, Progress
from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ir.ports import in_frames
from edgernn.ir.segment import MODE, Segment
from edgernn.validation.layers import joined_rows
from edgernn.validation.results import ArtifactReport, Report
from edgernn.validation.sequences import cut_to

if TYPE_CHECKING:
    from edgernn.quant import Quantized
    from edgernn.validation.integer_results import IntegerReport
    from edgernn.validation.metrics import Metric
    from edgernn.validation.reference import Reference
    from edgernn.validation.segments import SegmentProof


class SegmentModel(Model):
    """A converted model that runs over segments of up to ``max_frames`` frames, in stages."""

    def __init__(
        self, reference: Reference, segment: Segment, floats: Segment | None = None,
        calibration: Sequence[dict[str, Array]] | None = None,
    ) -> None:  # fmt: skip
        """``segment`` is what runs; of a quantized model, ``floats`` is what it was made of, by ``calibration``."""
        graph = Graph(segment.name, segment.inputs, segment.outputs, mode=MODE, hop=segment.hop)
        graph.sample_rate_hz = segment.sample_rate_hz
        super().__init__(graph, reference, calibration=calibration)
        self.segment, self.floats, self.interface = segment, floats, segment.interface()
        self.quantized_stages: list[Quantized] = []

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in (*self.interface.inputs, *self.interface.outputs))
        passes = ", ".join(stage.direction for stage in self.segment.stages)
        return f"<SegmentModel {self.name}: {ports}; up to {self.segment.max_frames} frames; {passes}; {self.memory}>"

    @property
    def memory(self) -> str:
        """What a segment takes while it is computed."""
        return f"{self.segment.buffer_bytes:,} B of buffers, {self.segment.state_bytes:,} B of state"

    def _new_proof(self, calibration: Sequence[dict[str, Array]] | None) -> SegmentProof:
        """On random segments and ``calibration``; in integers on calibration alone."""
        from edgernn.validation.segments import SegmentProof

        return SegmentProof(self.reference, self.floats or self.segment, self.floats and self.segment, calibration)

    def quantize(
        self, calibration: Sequence[Mapping[str, Array] | Array] | None = None, scheme: str = "int16x8",
        method: str = "minmax", *, layers: Mapping[str, str] | None = None, max_loss: float | None = None,
        metric: str | Metric = "sqnr", targets: Any = None, progress: Progress | None = None,
    ) -> SegmentModel:  # fmt: skip
        """As of any model; ``calibration`` are segments. Schemes are not searched for: ``max_loss`` is refused, and
        ``metric``, ``targets`` and ``progress``, which only a search needs, have no effect."""
        from edgernn.quant import quantize_segment, quantize_segment_weights, weights8
        from edgernn.validation.sequences import check_calibration

        if self.floats is not None:
            raise UsageError(
                f"model {self.name!r} is quantized ({self.segment.scheme}) already; quantize the float one"
            )
        if max_loss is not None:
            raise UsageError("max_loss is for streams: give models of whole segments a scheme, and layers others")
        sequences = None if calibration is None else in_frames(calibration, self.interface.inputs, self.segment.hop)
        if sequences is not None:
            check_calibration(self.interface, sequences)
        if scheme == weights8.SCHEME:
            if layers:
                raise UsageError("scheme 'weights8' is for whole models: schemes of layers are for models in integers")
            return SegmentModel(self.reference, quantize_segment_weights(self.segment), self.segment, sequences)
        if not sequences:
            raise UsageError(f"scheme {scheme!r} needs calibration: segments of real input")
        cut = [cut_to(s, self.interface, self.segment.max_steps) for s in sequences]
        quantized = quantize_segment(self.segment, cut, scheme, method, layers)
        model = SegmentModel(self.reference, quantized.segment, quantized.floats, cut)
        model.quantized_stages = quantized.stages
        return model

    @property
    def _written(self) -> Segment:
        return replace(self.segment, tokenizer=self.tokenizer)

    def report(self, artifacts: list[ArtifactReport], data: str, progress: Progress | None = None) -> Report:
        """As of any model; the layers and states are those of all stages."""
        report = super().report(artifacts, data, progress)
        report.layers = [row for stage in self.segment.stages for row in joined_rows(stage.graph)]
        report.states = [
            {"name": s.name, "shape": s.shape, "dtype": s.dtype, "bytes": s.nbytes}
            for stage in self.segment.stages
            for s in stage.graph.states
        ]
        return report

    def _integers(self, progress: Progress | None) -> IntegerReport | None:
        """How well the integers of each stage stand for real values, where it is given what the float stage is."""
        if not self.quantized_stages or self.floats is None or not self.calibration:
            return None
        from edgernn.ops.stages import stage_frames, stage_values
        from edgernn.validation.integers import integer_report, joined

        runs = [
            stage_values(self.floats.stages, {p.value: s[p.name] for p in self.floats.inputs}, "float32")
            for s in self.calibration
        ]
        pairs = zip(self.floats.stages, self.quantized_stages, strict=True)
        return joined([
            integer_report(stage.graph, quantized, [stage_frames(stage, values) for values in runs], progress)
            for stage, quantized in pairs
        ])  # fmt: skip
