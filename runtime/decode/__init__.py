"""From what a model gives to what a user wants: symbols that are drawn, texts that go on. Needs NumPy alone.

It is integer arithmetic, which docs/decoding.md defines; ``runtime/csrc/ern_decode.h`` is the same in C, bit for bit.
"""

from edgernn.runtime.decode.generation import generate, stream, written
from edgernn.runtime.decode.sampling import Sampler, likeliest

__all__ = ["Sampler", "generate", "likeliest", "stream", "written"]
