"""One rule for each aten operator: how a tensor operation of the module becomes nodes on frames."""

from edgernn.capture.rules.dense import RULES as DENSE
from edgernn.capture.rules.elementwise import RULES as ELEMENTWISE
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.recurrent import RULES as RECURRENT
from edgernn.capture.rules.shape import RULES as SHAPE

RULES: dict[str, Rule] = {**ELEMENTWISE, **SHAPE, **DENSE, **RECURRENT}
