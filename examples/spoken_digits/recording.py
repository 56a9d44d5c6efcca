"""Write one held-out recording to a file: python -m examples.spoken_digits.recording DIGIT FILE.npy"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgernn.errors import EdgeRNNError
from examples.spoken_digits import data


def main(arguments: Sequence[str] | None = None) -> int:
    """Save the frames [T, 13] of the first held-out recording of a digit."""
    parser = argparse.ArgumentParser("recording", description=__doc__)
    parser.add_argument("digit", type=int, choices=range(data.DIGITS))
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    try:
        _, held_out = data.train_and_held_out()
    except EdgeRNNError as error:
        print(f"recording: {error}", file=sys.stderr)
        return error.exit_code
    frames = next(frames for frames, digit in held_out if digit == options.digit)
    np.save(options.file, frames)
    print(f"{options.file}: a spoken {options.digit}, {len(frames)} frames of {frames.shape[1]} coefficients")
    return 0


if __name__ == "__main__":
    sys.exit(main())
