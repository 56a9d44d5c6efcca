"""One rule for each aten operator: how a tensor operation of the module becomes nodes on frames."""

import torch

from edgernn.capture.rules import refused
from edgernn.capture.rules.attention import RULES as ATTENTION
from edgernn.capture.rules.convolution import RULES as CONVOLUTION
from edgernn.capture.rules.dense import RULES as DENSE
from edgernn.capture.rules.elementwise import RULES as ELEMENTWISE
from edgernn.capture.rules.elementwise import Rule
from edgernn.capture.rules.indexing import RULES as INDEXING
from edgernn.capture.rules.lookahead import RULES as LOOKAHEAD
from edgernn.capture.rules.norms import RULES as NORMS
from edgernn.capture.rules.patches import RULES as PATCHES
from edgernn.capture.rules.pooling import ADAPTIVE
from edgernn.capture.rules.pooling import RULES as POOLING
from edgernn.capture.rules.recurrence import RULES as RECURRENCE
from edgernn.capture.rules.recurrent import RULES as RECURRENT
from edgernn.capture.rules.reductions import RULES as REDUCTIONS
from edgernn.capture.rules.shape import RULES as SHAPE
from edgernn.capture.rules.spectrum import RULES as SPECTRUM
from edgernn.capture.rules.transposed import RULES as TRANSPOSED
from edgernn.capture.rules.variance import RULES as VARIANCE

RULES: dict[str, Rule] = {
    **ELEMENTWISE, **SHAPE, **INDEXING, **DENSE, **NORMS, **REDUCTIONS, **RECURRENT, **RECURRENCE, **LOOKAHEAD,
    **CONVOLUTION, **POOLING, **ADAPTIVE, **SPECTRUM, **TRANSPOSED, **PATCHES, **VARIANCE, **ATTENTION,
}  # fmt: skip

OF_TIME = {
    "aten.pad.default", "aten.constant_pad_nd.default", "aten.slice.Tensor", "aten.select.int",
    "aten.cat.default", "aten.concat.default", *CONVOLUTION, *POOLING, *TRANSPOSED,
    *PATCHES, *LOOKAHEAD,
}  # fmt: skip
"""Operators whose rules take tensors padded or cut along time as they are; the others get them with frames in place."""

WHOLE = {*RECURRENT, *RECURRENCE, *REDUCTIONS, *VARIANCE, *ATTENTION}
"""Operators that may carry a state along time, which must see the end of the sequence."""

DECOMPOSED = (
    "aten.addbmm.default", "aten.addmv.default", "aten.baddbmm.default", "aten.dot.default", "aten.logaddexp.default",
    "aten.logit.default", "aten.mv.default", "aten.roll.default",
)  # fmt: skip
"""Operators that PyTorch itself can express in others, and that do convert then. So can every operator that is a
mere composition (``CompositeImplicitAutograd``): einsum, hstack, tile, cosine_similarity, ..."""


def decomposes(operator: torch._ops.OpOverload) -> bool:
    """Whether an operator converts after PyTorch has decomposed it."""
    name = str(operator)
    if name in RULES or refused.rule_for(name) is not None:
        return False
    if operator.namespace != "aten":
        return False
    overload = name.removeprefix("aten.").replace(".default", "")
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(f"aten::{overload}", "CompositeImplicitAutograd")
    return composite or name in DECOMPOSED
