"""The microcontroller benchmark measures what it says."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import mcu_step
from benchmarks.models import Model, frames, step_program
from edgernn.boards import load_board
from edgernn.ir.check import check_graph
from edgernn.ops.evaluate import run_block

for module in ("unicorn", "elftools", "ziglang"):
    pytest.importorskip(module, reason="the extra 'boards' is not installed")


def test_the_layer_is_the_model_without_its_head() -> None:
    model = mcu_step.MODELS[0]
    graph = mcu_step.layer_program(model, "float32")
    check_graph(graph)
    given = {"x": np.stack(frames(model, 5))}
    head = step_program(model).nodes[-1]
    weight, bias = (step_program(model).constants[name] for name in head.inputs[1:])
    whole = run_block(step_program(model), given)["y"]
    np.testing.assert_allclose(run_block(graph, given)["y"] @ weight.T + bias, whole, atol=1e-6)


def test_limits_name_models_schemes_and_cores_that_are_measured() -> None:
    names, cores = {m.name for m in mcu_step.MODELS}, set(mcu_step.CORES.values())
    assert all(n in names and s in mcu_step.SCHEMES and c in cores for n, s, c in mcu_step.LIMITS)
    assert all(limit < peer for peer, limit in mcu_step.LIMITS.values())


QEMU = shutil.which("qemu-system-arm") is not None
MEASURED = sorted({(name, scheme, core) for name, scheme, core in mcu_step.LIMITS if core != "M55"})
"""What every machine with the extra 'boards' can measure; QEMU runs the M55."""


def test_results_are_written_and_add_up(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    arguments = ["--model", "lstm_16_32", "--board", "nucleo-f446re", "--json", str(path)]
    run = CliRunner().invoke(mcu_step.main, arguments)
    assert run.exit_code == 0, run.output
    results = json.loads(path.read_text())["results"]
    assert sorted(results) == [f"lstm_16_32 {scheme} M4F" for scheme in sorted(mcu_step.SCHEMES)]
    for scheme in mcu_step.SCHEMES:
        found, weight_bytes = results[f"lstm_16_32 {scheme} M4F"], {"float32": 4, "int16x4": 0.5}.get(scheme, 1)
        assert 4 * 32 * (16 + 32) < found["instructions"] < 40_000
        assert found["lowest"] <= found["instructions"] <= found["highest"]
        assert sum(found["by_function"].values()) <= found["highest"]
        assert 0 <= found["weights_bytes"] - weight_bytes * 4 * 32 * (16 + 32) < 2200
        assert found["ram_bytes"] >= 2 * 32 * (4 if scheme == "float32" else 2)
        assert 0 < found["stack_bytes"] < 512 and 500 < found["code_bytes"] < 6000


def test_cores_that_cannot_be_emulated_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    run = CliRunner().invoke(mcu_step.main, ["--model", "lstm_16_32", "--scheme", "float32", "--board", "mps3-an547"])
    assert run.exit_code == 0, run.output
    assert "not measured: lstm_16_32 float32 M55: " in run.output


def figures(name: str, scheme: str, core: str, folder: Path) -> tuple[Model, mcu_step.Figures]:
    """Measured, as the command does."""
    board = load_board(next(board for board, known in mcu_step.CORES.items() if known == core))
    model = next(m for m in mcu_step.MODELS if m.name == name)
    return model, mcu_step.measure(model, board, mcu_step.build(model, scheme, board, folder, "-Os"))


@pytest.mark.parametrize(("name", "scheme", "core"), MEASURED)
def test_limits_are_kept(name: str, scheme: str, core: str, tmp_path: Path) -> None:
    model, found = figures(name, scheme, core, tmp_path)
    assert mcu_step.excesses(model, scheme, core, found) == []


@pytest.mark.skipif(not QEMU, reason="QEMU: qemu-system-arm is not installed")
@pytest.mark.parametrize("scheme", ["int16x8", "int8"])
def test_limits_are_kept_with_helium(scheme: str, tmp_path: Path) -> None:
    model, found = figures("lstm_64_128", scheme, "M55", tmp_path)
    assert mcu_step.excesses(model, scheme, "M55", found) == []


def test_what_is_over_its_limit_is_named_and_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = figures("lstm_16_32", "int16x8", "M4F", tmp_path)
    monkeypatch.setitem(mcu_step.LIMITS, ("lstm_16_32", "int16x8", "M4F"), (30_900, 8_000))
    big = replace(found, code_bytes=6001, ram_bytes=1000, stack_bytes=257)
    named = [line.partition(": ")[2].rpartition(" > ")[0].rpartition(" ")[0]
             for line in mcu_step.excesses(model, "int16x8", "M4F", big)]  # fmt: skip
    assert named == ["instructions", "flash beside the weights", "RAM", "stack"]
    arguments = ["--model", "lstm_16_32", "--scheme", "int16x8", "--board", "nucleo-f446re", "--check"]
    run = CliRunner().invoke(mcu_step.main, arguments)
    assert run.exit_code == 1 and "over its limit: lstm_16_32 int16x8 M4F: instructions" in run.output
