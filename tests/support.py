"""Shared by the tests: writing a graph for an engine and opening it, if the engine is installed."""

import importlib
from pathlib import Path

import pytest

from edgernn.ir.graph import Graph
from edgernn.ir.segment import Segment
from edgernn.runtime.engines import ENGINES
from edgernn.runtime.engines.base import Engine

SUFFIX_OF_ENGINE = {"native": ".so", "onnxruntime": ".onnx", "tflite": ".tflite", "numba": ".ern", "reference": ".ern"}


def require(engine: str) -> None:
    """Skip the test where the package of ``engine`` is not installed."""
    missing = importlib.import_module(ENGINES[engine]).missing()
    if missing is not None:
        pytest.skip(f"{engine}: {missing}")


def write(model: Graph | Segment, path: Path) -> None:
    """Write ``model`` in the format that the suffix of ``path`` names."""
    package = {".so": "c", ".onnx": "onnx", ".tflite": "tflite", ".ern": "ern"}[path.suffix]
    module = importlib.import_module(f"edgernn.export.{package}")
    (module.write_shared_library if path.suffix == ".so" else module.write)(model, path)


def open_engine(graph: Graph, engine: str, folder: Path) -> Engine:
    """Write ``graph`` for ``engine`` into ``folder`` and open it."""
    path = folder / f"{graph.name}{SUFFIX_OF_ENGINE[engine]}"
    write(graph, path)
    opened: Engine = importlib.import_module(ENGINES[engine]).open(path)
    return opened
