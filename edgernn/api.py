"""The facade: converted models, which save artifacts that are proved, and the validation of artifacts."""

from __future__ import annotations

import datetime
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.errors import OutputError, UsageError, ValidationError
from edgernn.ir.codec import fingerprint
from edgernn.ir.graph import Graph, Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.ir.ports import in_frames
from edgernn.ir.segment import Segment
from edgernn.ir.tokenizer import Tokenizer
from edgernn.validation.layers import joined_rows
from edgernn.validation.machine import describe_machine, package_versions
from edgernn.validation.results import ArtifactReport, ChunkReport, Report

if TYPE_CHECKING:
    from edgernn.quant import Quantized
    from edgernn.quant.assignment import Search
    from edgernn.validation import Proof
    from edgernn.validation.integer_results import IntegerReport
    from edgernn.validation.metrics import Metric
    from edgernn.validation.reference import Reference
    from edgernn.validation.segments import SegmentProof

Progress = Callable[[str, int, int], None]
FORMATS = {".ern": "ern", ".onnx": "onnx", ".tflite": "tflite", ".c": "c", ".so": "c"}


class Model:
    """A converted model. ``save`` writes artifacts; each is proved against the module before it appears."""

    def __init__(
        self,
        graph: Graph,
        reference: Reference,
        float_graph: Graph | None = None,
        calibration: Sequence[dict[str, Array]] | None = None,
    ) -> None:
        """``graph`` is what runs; of an integer model, ``float_graph`` is what it was made from, by ``calibration``."""
        self.graph = graph
        self.reference = reference
        self.float_graph = float_graph
        self.calibration = calibration
        self.interface = Interface.of(graph, fingerprint(graph))
        self.quantized: Quantized | None = None
        self.search: Search | None = None
        self._proof: Proof | SegmentProof | None = None

    @property
    def name(self) -> str:
        """Name of the model: prefix of files and of C identifiers."""
        return self.graph.name

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What the symbols that the model reads or writes stand for; artifacts hold it. None unless it was set.

        Setting one raises UsageError where its symbols are not those of an input or an output.
        """
        return self.graph.tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer | None) -> None:
        if tokenizer is not None:
            tokenizer.check_ports(self.interface.inputs, self.interface.outputs)
        self.graph.tokenizer = tokenizer
        self.interface = replace(self.interface, tokenizer=tokenizer)

    def __repr__(self) -> str:
        ports = ", ".join(f"{p.name}{list(p.shape)}" for p in (*self.interface.inputs, *self.interface.outputs))
        return f"<Model {self.name}: {ports}; {len(self.graph.nodes)} nodes; {self.interface.state_bytes} B of state>"

    def proof(self, calibration: Sequence[dict[str, Array]] | None = None) -> Proof | SegmentProof:
        """The checks of this model on random input and ``calibration``."""
        ports, hop = self.interface.inputs, self.interface.hop
        calibration = self.calibration if calibration is None else in_frames(calibration, ports, hop)
        if self._proof is None or (calibration is not None and not _same(self._proof.calibration, calibration)):
            self._proof = self._new_proof(calibration)
        return self._proof

    def _new_proof(self, calibration: Sequence[dict[str, Array]] | None) -> Proof | SegmentProof:
        from edgernn.validation import Proof

        integer = None if self.float_graph is None else self.graph
        return Proof(self.reference, self.float_graph or self.graph, integer, self.interface, calibration)

    def quantize(
        self,
        calibration: Sequence[Mapping[str, Array] | Array] | None = None,
        scheme: str = "int16x8",
        method: str = "minmax",
        *,
        layers: Mapping[str, str] | None = None,
        max_loss: float | None = None,
        metric: str | Metric = "sqnr",
        targets: Any = None,
        progress: Progress | None = None,
    ) -> Model:
        """This float model with quantized weights, and in integers unless ``scheme`` is "weights8".

        calibration  sequences of real input, each a dict of input name -> [T, *frame shape], or of a model with one
                     input the array alone; integers need some
        scheme       "weights8": int8 weights with a scale for each row, all else float32;
                     "int16x8": int16 values and states, int8 weights with a scale for each row;
                     "int8": int8 also where values enter products with weights
        method       how ranges become scales: "minmax", "percentile" or "mse"
        layers       pattern of layer names -> "SCHEME", "SCHEME:METHOD" or ":METHOD", for these layers alone
        max_loss     each layer gets the cheapest scheme with which the loss of the whole by ``metric`` is at most this
        metric       "sqnr", "nsr", "agreement", "mse" (``edgernn.validation.metrics.METRICS`` says what they are), or a
                     function of (list of outputs [T, ...], one a sequence; ``targets``) that returns an error

        Raises UnsupportedOpError for an operation that has no integer form, LossError where ``max_loss`` cannot be met.
        """
        from edgernn.quant import in_ops_with_integer_forms, quantize, quantize_weights, weights8
        from edgernn.validation.search import find_schemes
        from edgernn.validation.sequences import check_calibration

        if self.float_graph is not None:
            raise UsageError(
                f"model {self.name!r} is in integers ({self.graph.scheme}) already; quantize the float model"
            )
        sequences = None if calibration is None else in_frames(calibration, self.interface.inputs, self.graph.hop)
        if sequences is not None:
            check_calibration(self.interface, sequences)
        if scheme == weights8.SCHEME:
            if layers or max_loss is not None:
                raise UsageError("scheme 'weights8' is for whole models: schemes of layers are for models in integers")
            return Model(quantize_weights(self.graph), self.reference, self.graph, sequences)
        if sequences is None:
            raise UsageError(f"scheme {scheme!r} needs calibration: sequences of real input")
        graph = in_ops_with_integer_forms(self.graph)
        if max_loss is None:
            quantized, search = quantize(graph, sequences, scheme, method, layers), None
        else:
            quantized, search = find_schemes(
                graph, sequences, max_loss, metric, targets,
                scheme=scheme, method=method, layers=layers, progress=progress,
            )  # fmt: skip
        model = Model(quantized.graph, self.reference, graph, sequences)
        model.quantized, model.search = quantized, search
        return model

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        calibration: Sequence[dict[str, Array]] | None = None,
        drift_steps: int = 0,
        progress: Progress | None = None,
        target: str | None = None,
    ) -> ArtifactReport:
        """Write one artifact; the suffix says which: .ern .onnx .tflite .c .so.

        calibration  sequences of real input, each a dict of input name -> [T, *frame shape]
        drift_steps  length of the long stream on which errors are recorded
        target       for .so: another machine ("rpi4", ...); it is then proved as built for this one

        The files appear only after the artifact has passed. Raises ValidationError otherwise, and
        OutputError where they cannot be written.
        """
        path = Path(path)
        if path.suffix not in FORMATS:
            raise UsageError(f"{path}: unknown suffix {path.suffix!r}; artifacts end in {', '.join(FORMATS)}")
        proof = self.proof(calibration)
        with _staging(path) as staging:
            _tell(progress, f"write {path.name}", 0, 1)
            tested = self._write(staging, path, target)
            report = proof.check(tested, drift_steps=drift_steps, progress=progress, label=str(path))
            if not report.passed:
                raise ValidationError(f"{path} was not written: " + "; ".join(report.failures()))
            report.size_bytes = os.path.getsize(staging / path.name)
            _publish(staging, path)
        return report

    @property
    def _written(self) -> Graph | Segment:
        """What writers of artifacts take."""
        return self.graph

    def _write(self, staging: Path, path: Path, target: str | None) -> Path:
        """Write the artifact to ``staging``; the file to test, which is another one for C and foreign targets."""
        module = importlib.import_module(f"edgernn.export.{FORMATS[path.suffix]}")
        file = staging / path.name
        if path.suffix not in (".c", ".so"):
            module.write(self._written, file)
            return file
        if path.suffix == ".so" and target is None:
            module.write_shared_library(self._written, file)
            return file
        (staging / "tested").mkdir()
        tested = staging / "tested" / f"{path.stem}.so"
        if path.suffix == ".c":
            module.write(self._written, file)
            module.compile_source(file, self._written, tested)
        else:
            module.write_shared_library(self._written, file, target=target)
            module.write_shared_library(self._written, tested)
        return tested

    def report(self, artifacts: list[ArtifactReport], data: str, progress: Progress | None = None) -> Report:
        """A report on artifacts of this model; ``data`` says where the test sequences came from.

        Of an integer model, every value is compared with its float over those sequences.
        """
        face, chunks = self.interface, self._chunks()
        return Report(
            model=self.name, fingerprint=face.fingerprint, scheme=face.scheme, mode="chunk" if chunks else face.mode,
            inputs=[_row(port) for port in face.inputs], outputs=[_row(port) for port in face.outputs],
            states=[{"name": s.name, "shape": s.shape, "dtype": s.dtype, "bytes": s.nbytes} for s in face.states],
            layers=joined_rows(self.graph), data=data,
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            versions=package_versions(), artifacts=artifacts, machine=describe_machine(),
            integers=self._integers(progress), search=self.search, original=self.reference.original,
            chunks=chunks,
        )  # fmt: skip

    def _chunks(self) -> ChunkReport | None:
        """Of a model with look-ahead, what that costs."""
        from edgernn.validation.chunks import ChunkReference

        if not isinstance(self.reference, ChunkReference):
            return None
        return self.reference.chunk_report(self._tested, self.interface)

    def _integers(self, progress: Progress | None) -> IntegerReport | None:
        """How well the integers stand for real values, over what the last proof was given."""
        if self.quantized is None or self.float_graph is None:
            return None
        from edgernn.validation.integers import integer_report

        return integer_report(self.float_graph, self.quantized, self._tested, progress)

    @property
    def _tested(self) -> Sequence[dict[str, Array]]:
        """The real sequences that the last proof was given."""
        return (self._proof.calibration if self._proof else None) or self.calibration or []


def validate(
    path: str | os.PathLike[str],
    model: Model,
    *,
    engine: str = "auto",
    calibration: Sequence[dict[str, Array]] | None = None,
    drift_steps: int = 100_000,
    progress: Progress | None = None,
) -> ArtifactReport:
    """Check an artifact, on one engine, against the model it should come from."""
    return model.proof(calibration).check(Path(path), engine, drift_steps=drift_steps, progress=progress)


@contextmanager
def _staging(path: Path) -> Iterator[Path]:
    """A folder beside the target, removed at the end whatever happens."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".edgernn-", dir=path.parent))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    try:
        yield folder
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(staging: Path, path: Path) -> None:
    """Move the files beside the target, the artifact itself last."""
    files = sorted((f for f in staging.iterdir() if f.is_file()), key=lambda f: f.name == path.name)
    for file in files:
        os.replace(file, path.parent / file.name)


def _tell(progress: Progress | None, stage: str, done: int, total: int) -> None:
    if progress is not None:
        progress(stage, done, total)


def _same(a: Sequence[dict[str, Array]], b: Sequence[dict[str, Array]]) -> bool:
    """Whether two calibration sets hold the very same arrays."""
    pairs = zip(a, b, strict=False)
    return len(a) == len(b) and all(x.keys() == y.keys() and all(x[n] is y[n] for n in x) for x, y in pairs)


def _row(port: Port) -> dict[str, Any]:
    """A port for a report: all but its value in the graph."""
    return {key: value for key, value in asdict(port).items() if key != "value"}
