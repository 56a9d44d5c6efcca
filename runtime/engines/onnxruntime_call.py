"""What step programs and models of whole segments share in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgernn.errors import ArtifactError, EngineError
from edgernn.ir.ernfile import read_bytes
from edgernn.ir.graph import Port, State
from edgernn.ir.interface import Interface
from edgernn.ir.onnxfile import LEAD, parse_onnx

LOG_FATAL = 4
"""Errors reach the caller as exceptions, and not on standard error as well."""

TYPE_NAMES = {
    "float32": "tensor(float)", "int32": "tensor(int32)", "int16": "tensor(int16)", "int8": "tensor(int8)",
    "bool": "tensor(bool)",
}  # fmt: skip
"""ONNX Runtime's names of the dtypes."""


def read_onnx(path: Path) -> tuple[Interface, Any]:
    """The interface of an .onnx file, and a session. Raises ArtifactError unless edgernn wrote the file and it is
    whole, EngineError where the installed onnxruntime cannot load it."""
    where, data = str(path), read_bytes(path)
    interface = parse_onnx(data, where)
    session = _session(data, where)
    steps: int | None = 1 if interface.max_frames is None else None
    _check_signature("input", session.get_inputs(), [*interface.inputs, *interface.states], steps, where)
    _check_signature("output", session.get_outputs(), [*interface.outputs, *interface.states], steps, where)
    return interface, session


def _session(data: bytes, where: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"onnxruntime is installed, but cannot be imported: {error}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = LOG_FATAL
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        version = onnxruntime.__version__
        raise EngineError(f"{where}: onnxruntime {version} cannot load it: {brief(error)}") from None


def _check_signature(
    kind: str, found: Sequence[Any], expected: Sequence[Port | State], steps: int | None, where: str
) -> None:
    """Refuse a model whose metadata would make the bindings too small. ``steps`` of frames, None for any number."""
    signatures = [(v.type, tuple(n if isinstance(n, int) else None for n in v.shape)) for v in found]
    wanted = [(TYPE_NAMES[p.dtype], (steps if _of_frames(p) else 1, *(1,) * (LEAD - 1), *p.shape)) for p in expected]
    if signatures != wanted:
        raise ArtifactError(f"{where}: the metadata announces {kind}s {wanted}, the model has {signatures}")


def _of_frames(end: Port | State) -> bool:
    return isinstance(end, Port) and end.kind == "frame"


def brief(error: Exception) -> str:
    """The beginning of what an exception says, on one line."""
    return " ".join(str(error).split())[:400]
