"""The microcontroller benchmark measures what it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import mcu_step
from benchmarks.models import frames, step_program
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


def test_results_are_written_and_add_up(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    arguments = ["--model", "lstm_16_32", "--board", "nucleo-f446re", "--board", "mps3-an547", "--json", str(path)]
    run = CliRunner().invoke(mcu_step.main, arguments)
    assert run.exit_code == 0, run.output
    assert "not measured: lstm_16_32 float32 mps3-an547: mps3-an547: Unicorn has no model" in run.output
    results = json.loads(path.read_text())["results"]
    assert sorted(results) == ["lstm_16_32 float32 M4F", "lstm_16_32 int16x8 M4F"]
    for scheme, weight_bytes in (("float32", 4), ("int16x8", 1)):
        found = results[f"lstm_16_32 {scheme} M4F"]
        assert 4 * 32 * (16 + 32) < found["instructions"] < 40_000
        assert found["lowest"] <= found["instructions"] <= found["highest"]
        assert sum(found["by_function"].values()) <= found["highest"]
        assert found["weights_bytes"] >= weight_bytes * 4 * 32 * (16 + 32)
        assert found["ram_bytes"] >= 2 * 32 * (4 if scheme == "float32" else 2)
        assert 0 < found["stack_bytes"] < 512 and 500 < found["code_bytes"] < 6000
