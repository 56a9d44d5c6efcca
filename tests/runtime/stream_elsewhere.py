"""Streams the frames of a folder through its files, with another TensorFlow Lite than the one installed with the tests.

    PYTHON stream_elsewhere.py tflite-runtime|tflite-micro FOLDER

``FOLDER`` holds ``<name>.tflite`` and ``<name>.npz``: "frames" [T, ...] as the one input takes them, and what
``tflite_elsewhere`` needs to open the file. Writes ``<name>.npy``: the first output of each step [T, ...].
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from tflite_elsewhere import open_micro, open_runtime


def main(runtime: str, folder: str) -> None:
    """Run every file of the folder."""
    opener = {"tflite-runtime": open_runtime, "tflite-micro": open_micro}[runtime]
    for path in sorted(Path(folder).glob("*.tflite")):
        data = np.load(path.with_suffix(".npz"))
        step, _ = opener(path, data)
        np.save(path.with_suffix(".npy"), np.stack([step([frame])[0] for frame in data["frames"]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
