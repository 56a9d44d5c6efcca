"""States that ordinary ops read and write, as custom cells do."""

from edgernn.ops import Binary, Linear, Unary
from tests.ops.cases.base import Case, CaseBuilder


def leaky_integrator() -> Case:
    case = CaseBuilder("leaky_integrator")
    x, s = case.input(7), case.state(7)
    decayed = case.builder.add1(Binary("mul"), [s, case.weight(7)])
    after = case.builder.add1(Binary("add"), [decayed, x])
    case.carry(s, after)
    return case.done(case.builder.add1(Unary("tanh"), [after]))


def swap() -> Case:
    """Two states that exchange their values: the old ones must be read before the new ones are written."""
    case = CaseBuilder("swap")
    x, a, b = case.input(3), case.state(3), case.state(3)
    case.carry(a, b)
    case.carry(b, a)
    return case.done(case.builder.add1(Binary("add"), [case.builder.add1(Binary("sub"), [a, b]), x]))


def delay_line() -> Case:
    """The state becomes the input itself."""
    case = CaseBuilder("delay_line")
    x, s = case.input(4), case.state(4)
    case.carry(s, x)
    return case.done(case.builder.add1(Linear(), [s, case.weight(2, 4), case.weight(2)]))


CASES = [leaky_integrator(), swap(), delay_line()]
