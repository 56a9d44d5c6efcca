"""PyTorch module -> sequence graph, by ``torch.export`` at two lengths."""

from edgernn.capture.spec import CallSpec, InputSpec, call_spec, parse_input
from edgernn.capture.translate import ArgumentInfo, Captured, OutputInfo, capture

__all__ = ["ArgumentInfo", "CallSpec", "Captured", "InputSpec", "OutputInfo", "call_spec", "capture", "parse_input"]
