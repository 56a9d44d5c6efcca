"""Shared by the tests of capture: conversion and proof of one module, and the message of a refusal."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import edgernn
from edgernn.errors import UnsupportedModelError
from edgernn.validation.results import ArtifactReport

torch.set_num_threads(1)


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """``module`` with every parameter and buffer random, so that no scale is 1 and no bias 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if not tensor.is_floating_point():
                continue
            low, high = (0.5, 1.5) if name.endswith("running_var") or "norm" in name else (-0.5, 0.5)
            tensor.uniform_(low, high, generator=generator)
    return module


def check(model: edgernn.Model, engine: str = "reference") -> ArtifactReport:
    """Write the model for ``engine`` and run every check of the proof."""
    suffix = {"native": ".so", "onnxruntime": ".onnx", "tflite": ".tflite"}.get(engine, ".ern")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.name}{suffix}"
        if engine in ("reference", "numba"):
            from edgernn.export.ern import write

            write(model.graph, path)
            report = model.proof().check(path, engine)
        else:
            report = model.save(path)
    assert report.engine == engine
    return report


def prove(module: nn.Module, inputs: Any = None, *, example: Any = None, state: Any = None) -> edgernn.Model:
    """Convert ``module`` with random weights and check it against PyTorch on the reference engine."""
    randomized(module)
    model = edgernn.convert(module, example, inputs=inputs, state=state)
    report = check(model)
    assert report.passed, report.failures()
    assert len(report.outputs) == len(model.interface.outputs)
    return model


def kinds(model: edgernn.Model) -> dict[str, str]:
    """Kind of each output: "frame" or "final"."""
    return {p.name: p.kind for p in model.interface.outputs}


def refusal(module: nn.Module, inputs: Any = "1,T,6", **arguments: Any) -> UnsupportedModelError:
    """The error with which ``module`` is refused."""
    with pytest.raises(UnsupportedModelError) as caught:
        edgernn.convert(module, inputs=inputs, **arguments)
    assert caught.value.exit_code == 3
    return caught.value
