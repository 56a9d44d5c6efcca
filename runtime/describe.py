"""What an artifact says of itself, without the packages of its engine."""

from __future__ import annotations

from pathlib import Path

from edgernn.errors import ArtifactError
from edgernn.ir.ernfile import read_bytes
from edgernn.ir.interface import Interface
from edgernn.ir.onnxfile import parse_onnx
from edgernn.ir.segmentfile import mode_of, read_model
from edgernn.ir.seq2seq import MODE as SEQ2SEQ
from edgernn.ir.seq2seqfile import read_seq2seq
from edgernn.ir.sofile import parse_library
from edgernn.ops import OPS
from edgernn.runtime.engines import ENGINES_OF_SUFFIX
from edgernn.runtime.engines import tflite_file as tflite


def read_interface(path: Path) -> Interface:
    """Name, ports and states in a .so, .onnx, .tflite or .ern file. Raises ArtifactError for any other."""
    if path.suffix not in ENGINES_OF_SUFFIX:
        raise ArtifactError(f"{path}: unknown suffix {path.suffix!r}; artifacts end in {', '.join(ENGINES_OF_SUFFIX)}")
    if path.suffix == ".ern":
        return read_seq2seq(path, OPS)[0] if mode_of(path) == SEQ2SEQ else read_model(path, OPS)[0]
    data, where = read_bytes(path), str(path)
    if path.suffix == ".so":
        return parse_library(data, where).interface
    return parse_onnx(data, where) if path.suffix == ".onnx" else tflite.read_interface(data, where)
