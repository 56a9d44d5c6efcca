"""Streams of frames from and to files and pipes, with NumPy and the standard library alone.

>>> with open_source(["speech.wav"], session.interface) as source:
...     for frames in source:
...         y = session.step(*frames)
"""

from edgernn.runtime.io.base import Sink, Source
from edgernn.runtime.io.sinks import open_sink
from edgernn.runtime.io.sources import open_source

__all__ = ["Sink", "Source", "open_sink", "open_source"]
