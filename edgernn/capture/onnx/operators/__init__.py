"""What each ONNX operator computes, in tensors: ``operator(node, *operands)``, None for an operand that is left out."""

from edgernn.capture.onnx.operators.control import CONTROL
from edgernn.capture.onnx.operators.dense import OPERATORS as DENSE
from edgernn.capture.onnx.operators.elementwise import OPERATORS as ELEMENTWISE
from edgernn.capture.onnx.operators.recurrent import OPERATORS as RECURRENT
from edgernn.capture.onnx.operators.reductions import OPERATORS as REDUCTIONS
from edgernn.capture.onnx.operators.refused import OPERATORS as REFUSED
from edgernn.capture.onnx.operators.shape import OPERATORS as SHAPE
from edgernn.capture.onnx.operators.table import Operator

OPERATORS: dict[str, Operator] = {**ELEMENTWISE, **SHAPE, **DENSE, **REDUCTIONS, **RECURRENT, **REFUSED}

__all__ = ["CONTROL", "OPERATORS"]
