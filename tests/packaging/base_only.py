"""The runtime on a device: the wheel and its base dependencies, nothing else.

    python base_only.py make FOLDER     with the full environment: write an artifact and PyTorch's answers
    python base_only.py check FOLDER    with the base environment: run the artifact and compare

`check` fails when torch, onnx or numba can be imported, when importing the runtime loads anything
that it should not, when an output differs from PyTorch's, or when an engine whose package is
missing gives anything but a clear error.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np

ABSENT = ("torch", "onnx", "onnxruntime", "numba", "ai_edge_litert", "tflite_runtime", "safetensors")
STEPS = 50
TOLERANCE = 1e-5


def make(folder: Path) -> None:
    """Write ``model.ern`` and ``expected.npz``: frames [T, 5] and PyTorch's outputs [T, 3]."""
    import torch
    from torch import nn

    import edgernn

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(5, 7, num_layers=2, batch_first=True)
            self.head = nn.Linear(7, 3)

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            output, _ = self.lstm(frames)
            scores: torch.Tensor = self.head(output)
            return scores.softmax(-1)

    torch.manual_seed(0)
    module, frames = Tagger().eval(), torch.randn(1, STEPS, 5)
    folder.mkdir(parents=True, exist_ok=True)
    edgernn.convert(module, frames).save(folder / "model.ern")
    with torch.no_grad():
        np.savez(folder / "expected.npz", frames=frames[0].numpy(), outputs=module(frames)[0].numpy())


def check(folder: Path) -> None:
    """Run the artifact without the packages of a development machine."""
    present = [name for name in ABSENT if importlib.util.find_spec(name)]
    require(not present, f"this environment is not a bare one: {', '.join(present)} can be imported")
    import edgernn.runtime
    import edgernn.runtime.decode
    from edgernn.errors import MissingExtraError

    loaded = [name for name in (*ABSENT, "click", "rich", "matplotlib") if name in sys.modules]
    require(not loaded, f"importing the runtime loaded {', '.join(loaded)}")
    installed = Path(edgernn.__file__).resolve()
    require("site-packages" in installed.parts, f"the installed wheel should be imported, found {installed}")

    expected = np.load(folder / "expected.npz")
    session = edgernn.runtime.load(folder / "model.ern", engine="reference")
    outputs = np.stack([session.step(frame) for frame in expected["frames"]])
    error = float(np.abs(outputs - expected["outputs"]).max())
    require(error <= TOLERANCE, f"outputs differ from PyTorch's by {error:.2e}, allowed {TOLERANCE:.0e}")
    chosen = edgernn.runtime.load(folder / "model.ern").engine
    require(chosen == "reference", f"auto should take the reference engine, not {chosen}")
    try:
        edgernn.runtime.load(folder / "model.ern", engine="numba")
    except MissingExtraError as problem:
        require("edgernn[numba]" in str(problem), f"the error should say what to install: {problem}")
    else:
        require(False, "the numba engine loaded without numba")
    print(f"base-only: {STEPS} steps on NumPy {np.__version__} alone, largest error {error:.1e}")
    print("base-only: engines skipped, their packages must be absent here: onnxruntime, tflite, numba")


def require(condition: bool, otherwise: str) -> None:
    """End the program with a message unless the condition holds."""
    if not condition:
        sys.exit(f"base-only: {otherwise}")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
