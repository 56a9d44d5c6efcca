"""Sound that one can listen to: WAV files of 16 bits."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LOUDEST = 0.9


def write_wav(path: Path, samples: NDArray[np.floating], rate_hz: int) -> Path:
    """Write one channel, brought to a peak of LOUDEST; the path."""
    peak = max(float(np.abs(samples).max()), 1e-9)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * (LOUDEST * 32767 / peak)).astype("<i2").tobytes())
    return path
