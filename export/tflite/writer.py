"""A .tflite file under construction: tensors, buffers, operators, and its bytes in the end.

Layout: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgernn.export.tflite.schema import flatbuffers, schema
from edgernn.ir.op import Array

SCHEMA_VERSION = 3
FILE_IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT = 16
DIGEST_KEY = "edgernn.sha256"
TENSOR_TYPES = {
    "float32": schema.TensorType.FLOAT32, "int64": schema.TensorType.INT64, "int32": schema.TensorType.INT32,
    "int16": schema.TensorType.INT16, "int8": schema.TensorType.INT8, "bool": schema.TensorType.BOOL,
}  # fmt: skip
_DTYPES = {code: name for name, code in TENSOR_TYPES.items()}


class _Buffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes begin at a multiple of 16, as the schema asks and microcontrollers need."""

    def Pack(self, builder: Any) -> int:  # noqa: N802
        vector = None
        if self.data is not None:
            raw = bytes(self.data)
            builder.StartVector(1, len(raw), BUFFER_ALIGNMENT)
            builder.head -= len(raw)
            builder.Bytes[builder.head : builder.head + len(raw)] = raw
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        packed: int = schema.BufferEnd(builder)
        return packed


@dataclass(frozen=True)
class Quantization:
    """real = scale * (integer - zero_point), per entry of ``axis`` where there are several scales."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    def packed(self) -> Any:
        """The schema's object."""
        return schema.QuantizationParametersT(
            scale=list(self.scales), zeroPoint=list(self.zero_points), quantizedDimension=self.axis
        )


@dataclass
class _File:
    """What the subgraphs of a file share."""

    buffers: list[Any] = field(default_factory=lambda: [_Buffer()])
    codes: dict[tuple[int, int], int] = field(default_factory=dict)
    constants: dict[Any, int] = field(default_factory=dict)
    subgraphs: list[Writer] = field(default_factory=list)

    def add_buffer(self, raw: bytes) -> int:
        """The index of a new buffer."""
        self.buffers.append(_Buffer(data=raw))
        return len(self.buffers) - 1


@dataclass
class Writer:
    """Collects one subgraph, the first that of the model. Tensors are known by their index.

    inputs, outputs  tensors of a subgraph that operators call
    """

    description: str
    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    _file: _File = field(default_factory=_File)
    _constants: dict[Any, int] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.index = len(self._file.subgraphs)
        self._file.subgraphs.append(self)

    def subgraph(self, name: str) -> Writer:
        """Another subgraph of the same file."""
        return Writer(name, _file=self._file)

    def tensor(
        self, name: str, shape: Sequence[int], dtype: str, quantization: Quantization | None = None
    ) -> int:
        """Add a tensor that is an input of the graph or a result of an operator."""
        return self._add_tensor(name, shape, dtype, quantization, buffer=0)

    def constant(self, array: Array, name: str = "constant", quantization: Quantization | None = None) -> int:
        """Add a constant; equal ones are stored once."""
        raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        key = (raw, str(array.dtype), array.shape, quantization)
        if key not in self._constants:
            if key not in self._file.constants:
                self._file.constants[key] = self._file.add_buffer(raw)
            buffer = self._file.constants[key]
            self._constants[key] = self._add_tensor(name, array.shape, str(array.dtype), quantization, buffer)
        return self._constants[key]

    def operator(
        self, code: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None, version: int = 1
    ) -> None:
        """Append the builtin operator ``code``; ``options`` is one of the schema's, such as AddOptionsT."""
        builtin = getattr(schema.BuiltinOperator, code)
        index = self._file.codes.setdefault((builtin, version), len(self._file.codes))
        entry = schema.OperatorT(opcodeIndex=index, inputs=list(inputs), outputs=list(outputs))
        if options is not None:
            union = type(options).__name__.removesuffix("T")
            entry.builtinOptionsType = getattr(schema.BuiltinOptions, union)
            entry.builtinOptions = options
        self.operators.append(entry)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(self.tensors[tensor].shape)

    def dtype(self, tensor: int) -> str:
        """The dtype of a tensor."""
        return _DTYPES[self.tensors[tensor].type]

    def quantization(self, tensor: int) -> Quantization | None:
        """The quantization of a tensor, if it has one."""
        packed = self.tensors[tensor].quantization
        if packed is None:
            return None
        return Quantization(tuple(packed.scale), tuple(packed.zeroPoint), packed.quantizedDimension)

    def is_constant(self, tensor: int) -> bool:
        """Whether the file holds the tensor's data."""
        return bool(self.tensors[tensor].buffer)

    def rename(self, tensor: int, name: str) -> None:
        """Give a tensor another name, made unique."""
        self.tensors[tensor].name = self._unique(name)

    def finish(
        self, inputs: dict[str, int], outputs: dict[str, int], metadata: dict[str, bytes], signature: str
    ) -> bytes:
        """The file, of which this is the first subgraph. ``inputs`` and ``outputs`` map the names in the signature to
        tensors, in order.

        The entry DIGEST_KEY is added to the metadata: the SHA-256 of the file with these 32 bytes zero.
        """
        self.inputs, self.outputs = list(inputs.values()), list(outputs.values())
        entries = {**metadata, DIGEST_KEY: bytes(hashlib.sha256().digest_size)}
        model = schema.ModelT(
            version=SCHEMA_VERSION,
            description=self.description,
            operatorCodes=[_operator_code(code, version) for code, version in self._file.codes],
            subgraphs=[writer._packed() for writer in self._file.subgraphs],
            metadata=[schema.MetadataT(name=k, buffer=self._file.add_buffer(v)) for k, v in entries.items()],
            buffers=self._file.buffers,
            signatureDefs=[schema.SignatureDefT(
                signatureKey=signature, subgraphIndex=0, inputs=_name_map(inputs), outputs=_name_map(outputs),
            )],
        )  # fmt: skip
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
        return _with_digest(builder.Output(), len(self._file.buffers) - 1)

    def _add_tensor(
        self, name: str, shape: Sequence[int], dtype: str, quantization: Quantization | None, buffer: int
    ) -> int:
        self.tensors.append(schema.TensorT(
            shape=[int(n) for n in shape], type=TENSOR_TYPES[dtype], buffer=buffer, name=self._unique(name),
            quantization=None if quantization is None else quantization.packed(), hasRank=True,
        ))  # fmt: skip
        return len(self.tensors) - 1

    def _packed(self) -> Any:
        return schema.SubGraphT(
            tensors=self.tensors, inputs=self.inputs, outputs=self.outputs, operators=self.operators,
            name=self.description if self.index else "main",
        )  # fmt: skip

    def _unique(self, hint: str) -> str:
        name, number = hint, 1
        while name in self._names:
            number += 1
            name = f"{hint}_{number}"
        self._names.add(name)
        return name


def _operator_code(code: int, version: int) -> Any:
    return schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=version)


def _name_map(names: dict[str, int]) -> list[Any]:
    return [schema.TensorMapT(name=name, tensorIndex=tensor) for name, tensor in names.items()]


def _with_digest(data: bytearray, buffer: int) -> bytes:
    """``data`` with its SHA-256 in place of the zeros that the numbered buffer holds."""
    entry = schema.Model.GetRootAs(data).Buffers(buffer)
    start = entry._tab.Vector(entry._tab.Offset(4))
    digest = hashlib.sha256(data).digest()
    data[start : start + len(digest)] = digest
    return bytes(data)
