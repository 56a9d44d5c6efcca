"""Write training recordings for calibration: python -m examples.spoken_digits.calibration FILE.npz [--count N]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgernn.errors import EdgeRNNError
from examples.spoken_digits import data
from examples.spoken_digits.data import Recordings

COUNT = 64


def spread(known: Recordings, count: int = COUNT) -> Recordings:
    """``count`` recordings, evenly spread over all."""
    return known.take(np.linspace(0, len(known) - 1, min(count, len(known))).astype(int))


def main(arguments: Sequence[str] | None = None) -> int:
    """Save the frames [T, 13] of training recordings, one array each."""
    parser = argparse.ArgumentParser("calibration", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args(arguments)
    try:
        known, _ = data.train_and_held_out()
    except EdgeRNNError as error:
        print(f"calibration: {error}", file=sys.stderr)
        return error.exit_code
    chosen = spread(known, options.count)
    np.savez(options.file, *chosen.frames)
    print(f"{options.file}: {len(chosen)} recordings, {sum(map(len, chosen.frames)):,} frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
