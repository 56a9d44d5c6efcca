"""Every elementwise function."""

from edgernn.ops import Binary, Unary
from edgernn.ops.unary import UNARY_FUNCTIONS
from tests.ops.cases.base import Case, CaseBuilder

PARAMETERS = {
    "clip": (-0.5, 0.75), "leaky_relu": (0.1,), "elu": (0.7,), "celu": (1.3,), "softplus": (2.0, 20.0),
    "soft_shrink": (0.5,), "hard_shrink": (0.5,),
}  # fmt: skip
POSITIVE = {"log", "sqrt", "rsqrt", "reciprocal"}


def unary(function: str) -> Case:
    case = CaseBuilder(f"unary_{function}")
    x = case.input(19, low=0.1 if function in POSITIVE else None)
    op = Unary(function, PARAMETERS.get(function, ()))
    return case.done(case.builder.add1(op, [x]))


def large(function: str) -> Case:
    """Arguments up to +-200: no overflow, exact saturation."""
    case = CaseBuilder(f"unary_{function}_large")
    x = case.builder.add1(Unary("sin"), [case.input(23)])
    wide = case.builder.add1(Binary("mul"), [x, case.builder.scalar(200.0)])
    return case.done(case.builder.add1(Unary(function, PARAMETERS.get(function, ())), [wide]))


SATURATING = ["sigmoid", "tanh", "elu", "celu", "selu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "log_sigmoid"]
CASES = [*(unary(f) for f in UNARY_FUNCTIONS), *(large(f) for f in SATURATING)]
