"""Float step program -> integer step program."""

from edgernn.quant.quantize import SCHEMES, Quantized, quantize

__all__ = ["SCHEMES", "Quantized", "quantize"]
