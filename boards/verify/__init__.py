"""Proof across boards: one stream of frames through every engine and every emulated board, output by output."""

from edgernn.boards.verify.compare import Difference, digest
from edgernn.boards.verify.streams import HOST_STREAMS, Stop, Stream, board_streams, host_stream
from edgernn.boards.verify.verdicts import Report, Verdict, verify

__all__ = [
    "HOST_STREAMS",
    "Difference",
    "Report",
    "Stop",
    "Stream",
    "Verdict",
    "board_streams",
    "digest",
    "host_stream",
    "verify",
]
