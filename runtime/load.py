"""Finds the engine for an artifact."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from edgernn.errors import ArtifactError, EngineError, MissingExtraError, UnsupportedOpError
from edgernn.ir.segment import MODE as SEGMENT
from edgernn.ir.segment import Segment
from edgernn.ir.segmentfile import mode_of, read_segment
from edgernn.ir.seq2seq import MODE as SEQ2SEQ
from edgernn.ir.seq2seqfile import read_seq2seq
from edgernn.ops import OPS
from edgernn.runtime.engines import ENGINES, ENGINES_OF_SUFFIX
from edgernn.runtime.engines.base import Engine
from edgernn.runtime.engines.native_segment import open_library
from edgernn.runtime.engines.onnxruntime_segment import open_file as open_onnx
from edgernn.runtime.engines.tflite_segment import open_file as open_tflite
from edgernn.runtime.segment import Runner, SegmentSession
from edgernn.runtime.seq2seq import ProgramEngine, Seq2SeqSession
from edgernn.runtime.session import Session
from edgernn.runtime.stages import StageRunner

T = TypeVar("T")
SUFFIXES_OF_ENGINE: dict[str, tuple[str, ...]] = {
    engine: tuple(s for s, engines in ENGINES_OF_SUFFIX.items() if engine in engines) for engine in ENGINES
}

OPENERS: dict[str, Callable[[Path], Engine | Runner]] = {
    "native": open_library, "onnxruntime": open_onnx, "tflite": open_tflite,
}  # fmt: skip
"""Engines whose files hold step programs or models of whole segments; the others' modules have ``open``."""


def load(path: str | os.PathLike[str], engine: str = "auto", *, raw: bool = False) -> Session:
    """Load an artifact (.so, .onnx, .tflite, .ern).

    ``engine`` is a key of ``ENGINES``, or "auto": the fastest installed one that runs this kind of
    file and all ops in it (``session.engine`` says which). ``raw``: steps of an integer model return its
    integers, not real values. Raises ArtifactError for a file that is damaged or foreign, EngineError for
    an engine that does not run it, UnsupportedOpError for an op that the engine lacks, MissingExtraError
    where a package is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    candidates = ENGINES_OF_SUFFIX.get(path.suffix)
    if candidates is None:
        raise ArtifactError(f"{path}: unknown suffix {path.suffix!r}; artifacts end in {', '.join(ENGINES_OF_SUFFIX)}")
    named = None if engine == "auto" else _named(path, engine, candidates)
    mode = mode_of(path) if path.suffix == ".ern" else ""
    if mode == SEGMENT:
        return _segment(path, named, candidates, raw)
    if mode == SEQ2SEQ:
        return _seq2seq(path, named, candidates, raw)
    opened = _first(path, candidates) if named is None else _open(path, engine, named)
    if not isinstance(opened, Engine):
        return SegmentSession(opened, str(path), raw)
    return (Seq2SeqSession if opened.interface.encoder is not None else Session)(opened, str(path), raw)


def _segment(path: Path, named: ModuleType | None, candidates: tuple[str, ...], raw: bool) -> SegmentSession:
    """A session of a model of whole segments: one engine for all of its stages."""
    _, segment = read_segment(path, OPS)
    runner = _first_of(path, named, candidates, lambda module: _runner(segment, module))
    return SegmentSession(runner, str(path), raw)


def _seq2seq(path: Path, named: ModuleType | None, candidates: tuple[str, ...], raw: bool) -> Seq2SeqSession:
    """A session of a model of two parts: one engine for all stages of both."""
    _, program = read_seq2seq(path, OPS)

    def opened(module: ModuleType) -> ProgramEngine:
        return ProgramEngine(program, _runner(program.encode, module), _runner(program.step, module))

    return Seq2SeqSession(_first_of(path, named, candidates, opened), str(path), raw)


def _runner(segment: Segment, module: ModuleType) -> StageRunner:
    pairs = zip(segment.stage_interfaces(), segment.stages, strict=True)
    return StageRunner(segment, [module.of_program(interface, stage.graph) for interface, stage in pairs])


def _first_of(
    path: Path, named: ModuleType | None, candidates: tuple[str, ...], opened: Callable[[ModuleType], T]
) -> T:
    """What the named engine opens; else the first of the candidates that is installed and has all ops."""
    if named is not None:
        return opened(named)
    refusal: MissingExtraError | UnsupportedOpError | None = None
    for name in candidates:
        module = importlib.import_module(ENGINES[name])
        refusal = refusal or module.missing()
        if module.missing() is not None:
            continue
        try:
            return opened(module)
        except UnsupportedOpError as error:
            refusal = refusal or error
    raise refusal or EngineError(f"{path}: no engine runs this file")


def _named(path: Path, engine: str, candidates: tuple[str, ...]) -> ModuleType:
    if engine not in ENGINES:
        raise EngineError(f"unknown engine {engine!r}; engines are auto, {', '.join(ENGINES)}")
    if engine not in candidates:
        raise EngineError(
            f"{path}: engine {engine!r} runs {', '.join(SUFFIXES_OF_ENGINE[engine])} files; "
            f"this {path.suffix} file runs on {', '.join(candidates)}"
        )
    module = importlib.import_module(ENGINES[engine])
    missing: MissingExtraError | None = module.missing()
    if missing is not None:
        raise missing
    return module


def _open(path: Path, name: str, module: ModuleType) -> Engine | Runner:
    opened: Engine | Runner = OPENERS.get(name, module.open)(path)
    return opened


def _first(path: Path, candidates: tuple[str, ...]) -> Engine | Runner:
    """The first of the engines that is installed and has all ops of the file; else what the first of them lacks."""
    refusals: list[MissingExtraError | UnsupportedOpError] = []
    for name in candidates:
        module = importlib.import_module(ENGINES[name])
        missing: MissingExtraError | None = module.missing()
        if missing is not None:
            refusals.append(missing)
            continue
        try:
            return _open(path, name, module)
        except UnsupportedOpError as error:
            refusals.append(error)
    if not refusals:
        raise EngineError(f"{path}: no engine runs this file")
    raise refusals[0]
