"""Models that take whole segments: what ``edgernn.convert(..., mode="segment")`` gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.api import Model, Progress
from edgernn.errors import UsageError
from edgernn.ir.graph import Graph
from edgernn.ir.op import Array
from edgernn.ir.ports import in_frames
from edgernn.ir.segment import MODE, Segment
from edgernn.validation.layers import layer_rows
from edgernn.validation.results import ArtifactReport, Report

if TYPE_CHECKING:
    import torch

    from edgernn.capture import Captured
    from edgernn.validation.segments import SegmentProof

FORMATS = ("ern",)
"""What segments are written as."""


class SegmentModel(Model):
    """A converted model that runs over segments of up to ``max_frames`` frames, in stages."""

    def __init__(self, module: torch.nn.Module, captured: Captured, segment: Segment) -> None:
        from edgernn.validation.reference import Reference

        graph = Graph(segment.name, segment.inputs, segment.outputs, mode=MODE, sample_rate_hz=segment.sample_rate_hz)
        super().__init__(graph, Reference(module, captured, graph))
        self.segment, self.interface = segment, segment.interface()

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in (*self.interface.inputs, *self.interface.outputs))
        passes = ", ".join(stage.direction for stage in self.segment.stages)
        return f"<SegmentModel {self.name}: {ports}; up to {self.segment.max_frames} frames; {passes}; {self.memory}>"

    @property
    def memory(self) -> str:
        """What a segment takes while it is computed."""
        return f"{self.segment.buffer_bytes:,} B of buffers, {self.segment.state_bytes:,} B of state"

    def proof(self, calibration: Sequence[dict[str, Array]] | None = None) -> SegmentProof:  # type: ignore[override]
        """The checks of this model on random segments and ``calibration``."""
        from edgernn.validation.segments import SegmentProof

        given = None if calibration is None else in_frames(calibration, self.interface.inputs)
        return SegmentProof(self.reference, self.interface, self.segment.max_frames, given)

    def quantize(
        self, calibration: Sequence[Mapping[str, Array] | Array] | None = None, scheme: str = "int16x8",
        *_: Any, **__: Any,
    ) -> Model:  # fmt: skip
        """Segments run in float32 only. Raises UsageError."""
        raise UsageError(f"scheme {scheme!r}: models of whole segments run in float32; leave out --quant")

    def _write(self, staging: Path, path: Path, target: str | None) -> Path:
        from edgernn.export.ern import write_segment

        if path.suffix.lstrip(".") not in FORMATS:
            raise UsageError(f"{path}: models of whole segments are written as {', '.join('.' + f for f in FORMATS)}")
        file = staging / path.name
        write_segment(replace(self.segment, tokenizer=self.tokenizer), file)
        return file

    def report(self, artifacts: list[ArtifactReport], data: str, progress: Progress | None = None) -> Report:
        """As of any model; the layers and states are those of all stages."""
        report = super().report(artifacts, data, progress)
        report.layers = [row for stage in self.segment.stages for row in layer_rows(stage.graph)]
        report.states = [
            {"name": s.name, "shape": s.shape, "dtype": s.dtype, "bytes": s.nbytes}
            for stage in self.segment.stages
            for s in stage.graph.states
        ]
        return report
