"""Models that look ahead stream with a delay: every frame of the module, the first and the last included."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, max_pool1d, pad

import edgernn
from edgernn.errors import UsageError
from tests.capture.delayed import MODELS, Mixed, Same, SameLast, ValidLast
from tests.capture.support import check, prove, randomized
from tests.export.c_support import WARNINGS, compiler

ENGINES = ("numba", "native", "onnxruntime", "tflite")


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    module, path = randomized(Same()), tmp_path_factory.mktemp("delays") / "same.ern"
    edgernn.convert(module, inputs="1,T,5").save(path)
    return module.eval(), path


@pytest.mark.parametrize("make", MODELS)
def test_streams_with_the_least_delay(make: type[nn.Module]) -> None:
    model = prove(make(), "1,T,5")
    assert (model.interface.delay, model.interface.tail) == MODELS[make]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [Mixed, SameLast])
def test_engines(make: type[nn.Module], engine: str) -> None:
    report = check(edgernn.convert(randomized(make()), inputs="1,T,5"), engine)
    assert report.passed, report.failures()


@pytest.mark.parametrize("scheme", ["int16x8", "int8", "int16x4", "weights8"])
@pytest.mark.parametrize("make", MODELS)
def test_schemes_are_the_same_on_every_engine(make: type[nn.Module], scheme: str, tmp_path: Path) -> None:
    frames = np.random.default_rng(1).standard_normal((4, 20, 5)).astype(np.float32)
    model = edgernn.convert(randomized(make()), inputs="1,T,5").quantize(list(frames), scheme)
    suffixes = (".ern", ".so", ".onnx", ".tflite") if make is Mixed else (".ern", ".so")
    reports = [model.save(tmp_path / f"model{suffix}") for suffix in suffixes]
    assert all(report.passed for report in reports), [report.failures() for report in reports]


def frames_of(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((length, 5)).astype(np.float32)


def test_a_step_gives_none_until_the_first_frame_is_known(same: tuple[nn.Module, Path]) -> None:
    module, path = same
    x = frames_of(9)
    with edgernn.load(path) as session:
        rows = [session.step(frame) for frame in x]
        assert [row is None for row in rows] == [True] * 3 + [False] * 6
        rest = session.flush()
        assert len(rest) == 3 == session.tail == session.delay
        with pytest.raises(UsageError, match="has ended"):
            session.step(x[0])
        with pytest.raises(UsageError, match="has ended already"):
            session.flush()
        session.reset()
        again = list(session.stream(x, flush=True))
    wanted = module(torch.from_numpy(x)[None])[0].detach().numpy()
    np.testing.assert_allclose(np.stack([r for r in rows if r is not None] + rest), wanted, atol=1e-5)
    np.testing.assert_allclose(np.stack(again), wanted, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_sequences_shorter_than_the_delay(same: tuple[nn.Module, Path], length: int) -> None:
    module, path = same
    x = frames_of(length)
    with edgernn.load(path) as session:
        found = np.stack(list(session.stream(x, flush=True)))
    np.testing.assert_allclose(found, module(torch.from_numpy(x)[None])[0].detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 7])
def test_snapshots_know_how_many_frames_came_before(same: tuple[nn.Module, Path], at: int) -> None:
    x = frames_of(9)
    with edgernn.load(same[1]) as session, edgernn.load(same[1], engine="reference") as other:
        for frame in x[:at]:
            session.step(frame)
        other.restore(session.snapshot())
        rest, there = (list(s.stream(x[at:], flush=True)) for s in (session, other))
    assert len(rest) == len(there) == 9 - max(0, at - 3)
    np.testing.assert_allclose(np.stack(rest), np.stack(there), atol=1e-6)


def test_the_answer_at_the_end_waits_for_no_padding_where_there_is_none(tmp_path: Path) -> None:
    module = randomized(ValidLast()).eval()
    path = tmp_path / "model.ern"
    edgernn.convert(module, inputs="1,T,5").save(path)
    x = frames_of(8)
    with edgernn.load(path) as session:
        rows = [session.step(frame) for frame in x]
        assert session.flush() == []
        session.step(x[0])
    for t in range(2, 8):
        wanted = module(torch.from_numpy(x[: t + 1])[None])[0].detach().numpy()
        np.testing.assert_allclose(rows[t], wanted, atol=1e-5)


def test_a_model_without_a_delay_has_nothing_to_flush(tmp_path: Path) -> None:
    edgernn.convert(nn.Linear(5, 2), inputs="1,T,5").save(tmp_path / "model.ern")
    with edgernn.load(tmp_path / "model.ern") as session:
        assert (session.delay, session.tail, session.states) == (0, 0, ())
        assert session.flush() == [] and session.step(frames_of(1)[0]) is not None


class Random(nn.Module):
    """A chain of operations over time, some of which look ahead."""

    def __init__(self, kinds: list[tuple[str, int, int]], last: bool) -> None:
        super().__init__()
        self.kinds, self.last = kinds, last
        self.layers = nn.ModuleList(self._layer(*kind) for kind in kinds)

    @staticmethod
    def _layer(kind: str, size: int, shift: int) -> nn.Module:
        if kind in ("conv", "skip"):
            return nn.Conv1d(3, 3, size)
        return nn.GRU(3, 3, batch_first=True) if kind == "gru" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        for (kind, size, shift), layer in zip(self.kinds, self.layers, strict=True):
            before = min(shift, size - 1)
            around = pad(y, (before, size - 1 - before))
            if kind == "gru":
                y = layer(y.transpose(1, 2))[0].transpose(1, 2)
            elif kind == "average":
                y = avg_pool1d(around, size, 1)
            elif kind == "largest":
                y = max_pool1d(torch.sigmoid(around), size, 1)
            else:
                y = torch.cos(layer(around)) + (y if kind == "skip" else 0.0)
        return y.transpose(1, 2)[:, -1] if self.last else y.transpose(1, 2)


KINDS = st.tuples(st.sampled_from(["conv", "skip", "gru", "average", "largest"]), st.integers(2, 4), st.integers(0, 4))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(KINDS, min_size=1, max_size=4), st.booleans(), st.integers(1, 14))
def test_random_chains_equal_the_module(kinds: list[tuple[str, int, int]], last: bool, length: int) -> None:
    from edgernn.ops.evaluate import run_sequence

    module = randomized(Random(kinds, last)).eval()
    program = edgernn.convert(module, inputs="1,T,3").graph
    x = np.random.default_rng(length).standard_normal((length, 3)).astype(np.float32)
    found = run_sequence(program, {program.inputs[0].name: x})["output"]
    wanted = module(torch.from_numpy(x)[None])[0].detach().numpy()
    np.testing.assert_allclose(found[-1] if last else found, wanted, atol=1e-5)


MAIN = """
#include <stdio.h>
#include "same.h"
int main(void)
{
    static same_state model;
    float x[5], y[3];
    size_t step = 0;
    same_init(&model);
    for (; fread(x, sizeof x, 1, stdin) == 1; step++)
        if (same_step(&model, x, y) == ERN_OK && step >= SAME_DELAY)
            fwrite(y, sizeof y, 1, stdout);
    for (size_t k = 0; k < SAME_TAIL; k++)
        if (same_flush(&model, y) == ERN_OK && step + k >= SAME_DELAY)
            fwrite(y, sizeof y, 1, stdout);
    return 0;
}
"""


def test_c_flushes(same: tuple[nn.Module, Path], tmp_path: Path) -> None:
    edgernn.convert(same[0], inputs="1,T,5").save(tmp_path / "same.c")
    (tmp_path / "main.c").write_text(MAIN)
    sources = [str(f) for f in tmp_path.glob("*.c")]
    subprocess.run([*compiler(), *WARNINGS, "-O2", *sources, "-o", str(tmp_path / "run")], check=True)
    x = frames_of(7)
    out = subprocess.run([str(tmp_path / "run")], input=x.tobytes(), capture_output=True, check=True).stdout
    wanted = same[0](torch.from_numpy(x)[None])[0].detach().numpy()
    np.testing.assert_allclose(np.frombuffer(out, np.float32).reshape(-1, 3), wanted, atol=1e-5)
