"""Links: ways to a model on a board. ``Link`` is what each of them offers."""

from edgernn.boards.links.base import Counters, Link, Streamed, count_frames, to_ports
from edgernn.boards.links.emulator import EmulatorLink

__all__ = ["Counters", "EmulatorLink", "Link", "Streamed", "count_frames", "to_ports"]
