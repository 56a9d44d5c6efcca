"""The frames that all streams get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgernn.boards.links import to_ports
from edgernn.boards.profile import Frames
from edgernn.boards.verify.streams import Array
from edgernn.ir.interface import Interface
from edgernn.runtime.frames import check_values
from edgernn.runtime.quantized import real_interface

RANDOM_STEPS = 256


@dataclass(frozen=True)
class Input:
    """Frames in the types of the ports, how many, and where they are from."""

    frames: dict[str, Array]
    steps: int
    description: str


def read_input(interface: Interface, specs: Sequence[str] = (), steps: int | None = None) -> Input:
    """From files as ``edgernn run`` reads them, or random ones.

    steps  how many; frames of files are repeated where there are fewer. By default all of the files, or RANDOM_STEPS

    Raises UsageError, and FrameError for what a model refuses.
    """
    source = Frames(specs, steps if specs else steps or max(1, RANDOM_STEPS // (interface.max_frames or 1)))
    real = source.read(interface)
    timed = [p.name for p in interface.inputs if p.kind != "static"]
    found = len(real[timed[0]])
    wanted = steps or found
    for port in real_interface(interface).inputs:
        check_values(real[port.name], port)
    repeated = {n: a[np.arange(wanted) % found] if n in timed else a for n, a in real.items()}
    description = source.description + (f", {found:,} frames repeated" if wanted > found else "")
    return Input(to_ports(interface, repeated), wanted, description)
