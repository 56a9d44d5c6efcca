"""Deploys recurrent PyTorch models to the edge.

>>> model = edgernn.convert(module, inputs="1,T,40")
>>> model.save("kws.ern")
>>> session = edgernn.load("kws.ern")
>>> y = session.step(frame)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgernn.api import Model, validate
    from edgernn.capture.lookahead import LookaheadRNN, with_lookahead
    from edgernn.conversion import convert
    from edgernn.runtime import Session, load
    from edgernn.seq2seq import Seq2Seq

__version__ = "0.1.0"
__all__ = [
    "LookaheadRNN", "Model", "Seq2Seq", "Session", "__version__", "convert", "load", "validate", "with_lookahead",
]  # fmt: skip

_HOMES = {
    "Model": "edgernn.api",
    "convert": "edgernn.conversion",
    "LookaheadRNN": "edgernn.capture.lookahead",
    "with_lookahead": "edgernn.capture.lookahead",
    "validate": "edgernn.api",
    "Seq2Seq": "edgernn.seq2seq",
    "Session": "edgernn.runtime",
    "load": "edgernn.runtime",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgernn' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
