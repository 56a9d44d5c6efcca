"""If, Loop and Scan."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.capture.onnx.operators.table import Control, Scope
from edgernn.capture.onnx.values import Fixed, OnnxNode, Value, number


def if_(node: OnnxNode, scope: Scope, condition: Value) -> Sequence[Value]:
    """The branch that a constant condition takes."""
    if not isinstance(condition, Fixed):
        node.refuse(
            "the control flow depends on the values of the data",
            "compute both branches and choose outside the model, or fix the input that decides (--input NAME=VALUE)",
        )
    branch = node.graphs["then_branch" if number(node, condition, "condition") else "else_branch"]
    return scope.run(branch, scope.values)


CONTROL: dict[str, Control] = {"If": if_}
