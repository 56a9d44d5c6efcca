"""PyTorch module -> sequence graph, by ``torch.export`` at two lengths."""

from edgernn.capture.results import ArgumentInfo, Captured, OutputInfo
from edgernn.capture.running import evaluating, first_line, in_float32
from edgernn.capture.spec import CallSpec, InputSpec, call_spec, parse_input
from edgernn.capture.traced import LENGTHS
from edgernn.capture.translate import capture

__all__ = [
    "LENGTHS",
    "ArgumentInfo",
    "CallSpec",
    "Captured",
    "InputSpec",
    "OutputInfo",
    "call_spec",
    "capture",
    "evaluating",
    "first_line",
    "in_float32",
    "parse_input",
]
