"""The engines. Each module has ``suffixes``, ``missing() -> MissingExtraError | None`` and ``open(path) -> Engine``."""

from __future__ import annotations

ENGINES: dict[str, str] = {
    "native": "edgernn.runtime.engines.native",
    "tflite": "edgernn.runtime.engines.tflite",
    "onnxruntime": "edgernn.runtime.engines.onnxruntime",
    "numba": "edgernn.runtime.engines.numba",
    "reference": "edgernn.runtime.engines.reference",
}
"""Engine name -> module, fastest first."""

ENGINES_OF_SUFFIX: dict[str, tuple[str, ...]] = {
    ".so": ("native",),
    ".onnx": ("onnxruntime",),
    ".tflite": ("tflite",),
    ".ern": ("numba", "reference"),
}
"""File suffix -> engines that run it, fastest first."""
