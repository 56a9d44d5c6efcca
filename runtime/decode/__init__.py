"""From what a model gives to what a user wants: symbols, texts, events, forecasts. Needs NumPy alone.

It is integer arithmetic, which docs/decoding.md defines; ``runtime/csrc/ern_decode.h`` is the same in C, bit for bit.
"""

from edgernn.runtime.decode.beam import Hypothesis, beam_search
from edgernn.runtime.decode.ctc import CtcBeam, CtcGreedy
from edgernn.runtime.decode.events import EventDetector
from edgernn.runtime.decode.forecasting import forecast
from edgernn.runtime.decode.generation import generate, stream, written
from edgernn.runtime.decode.sampling import Sampler, likeliest

__all__ = [
    "CtcBeam",
    "CtcGreedy",
    "EventDetector",
    "Hypothesis",
    "Sampler",
    "beam_search",
    "forecast",
    "generate",
    "likeliest",
    "stream",
    "written",
]
