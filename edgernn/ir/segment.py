"""A model that takes whole segments: step programs that run over their frames one after the other."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

from edgernn.ir.codec import fingerprint, graph_to_plain
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import LIVE_STATE, Interface
from edgernn.ir.tokenizer import Tokenizer
from edgernn.ir.types import DTYPE_BYTES

DIRECTIONS = ("forward", "backward", "once")
TAKES = ("last", "first")
MODE = "segment"


@dataclass
class Stage:
    """A pass over the frames of a segment, from the initial states.

    graph      a step program. The names of its ports are names of values of the segment: inputs of the model, buffers
               of earlier stages (ports of kind "frame"), values that an earlier stage completed (kind "static")
    direction  "forward", "backward", or "once": a single step that takes no frames
    takes      output -> "last" or "first": it is complete at the end, and is that of the last or the first step. Every
               other output is a buffer [max_steps, *shape], whose entry t is that of step t of the segment
    shifts     output that is a buffer -> how many steps later than its own a forward pass gives it. The program then
               has that ``tail``: after the last frame the pass makes these steps more
    """

    graph: Graph
    direction: str
    takes: dict[str, str] = field(default_factory=dict)
    shifts: dict[str, int] = field(default_factory=dict)


@dataclass
class Segment:
    """Stages in the order in which they run; ``value`` of a port of the model is the name of the value in stages.

    A step takes ``hop`` frames of the input, as of a program of a stream; ports are those of a step.
    """

    name: str
    inputs: list[Port]
    outputs: list[Port]
    stages: list[Stage]
    max_steps: int
    scheme: str = "float32"
    sample_rate_hz: float | None = None
    hop: int = 1
    tokenizer: Tokenizer | None = None

    @property
    def max_frames(self) -> int:
        """The most frames of a segment."""
        return self.max_steps * self.hop

    @property
    def buffer_bytes(self) -> int:
        """Bytes of all buffers, outputs of the model among them, and of the values that stages complete."""
        return sum(
            _bytes(port) * (1 if port.name in stage.takes or stage.direction == "once" else self.max_steps)
            for stage in self.stages
            for port in stage.graph.outputs
        )

    @property
    def state_bytes(self) -> int:
        """Bytes of the states: stages run one after the other, so the most that one of them has."""
        return max(sum(state.nbytes for state in stage.graph.states) for stage in self.stages)

    def interface(self) -> Interface:
        """What every artifact of the model says of itself."""
        return Interface(
            self.name, segment_fingerprint(self), tuple(self.inputs), tuple(self.outputs), (), MODE, self.scheme,
            self.hop, sample_rate_hz=self.sample_rate_hz, tokenizer=self.tokenizer, max_frames=self.max_frames,
            memory=(self.buffer_bytes, self.state_bytes),
        )  # fmt: skip

    def stage_interfaces(self) -> list[Interface]:
        """Those of the step programs."""
        return [Interface.of(stage.graph, fingerprint(stage.graph)) for stage in self.stages]


def with_live_port(stage: Stage) -> Stage:
    """``stage``, whose steps after the last frame are told from the others by an input LIVE_STATE in place of the state
    of that name: for formats that run the stages themselves."""
    graph = stage.graph
    live = [s for s in graph.states if s.name == LIVE_STATE]
    ports = [Port(s.name, s.shape, s.dtype, value=s.before) for s in live]
    states = [s for s in graph.states if s.name != LIVE_STATE]
    return replace(stage, graph=replace(graph, inputs=[*graph.inputs, *ports], states=states))


def segment_to_plain(segment: Segment) -> dict[str, Any]:
    """All but the constants and what the interface says."""
    return {
        "inputs": [p.value for p in segment.inputs],
        "outputs": [p.value for p in segment.outputs],
        "stages": [
            {
                "direction": stage.direction, "takes": stage.takes, "shifts": stage.shifts,
                "program": graph_to_plain(stage.graph),
                "interface": Interface.of(stage.graph, fingerprint(stage.graph)).to_json(),
            }
            for stage in segment.stages
        ],
    }  # fmt: skip


def segment_fingerprint(segment: Segment) -> str:
    """SHA-256 (hex) over ports, stages and, by the fingerprints of these, constants."""
    ports = [[p.name, list(p.shape), p.dtype, p.kind, p.limit, p.scale] for p in (*segment.inputs, *segment.outputs)]
    plain = segment_to_plain(segment)
    for stage in plain["stages"]:
        interface = json.loads(stage["interface"])
        stage["interface"] = interface["fingerprint"]
    return hashlib.sha256(
        json.dumps([ports, segment.scheme, segment.max_frames, segment.hop, plain], sort_keys=True).encode()
    ).hexdigest()


def _bytes(port: Port) -> int:
    return math.prod(port.shape) * DTYPE_BYTES[port.dtype]
