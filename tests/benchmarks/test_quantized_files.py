"""The benchmark of quantized files: every scheme and runtime, one model."""

import json
import os
from pathlib import Path

from click.testing import CliRunner

from benchmarks import quantized_files
from benchmarks.quantized_files import ELSEWHERE, INSTALLED, SCHEMES


def test_every_scheme_in_every_runtime(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    run = CliRunner().invoke(quantized_files.main, ["--model", "lstm_40_64", "--rounds", "3", "--json", str(path)])
    assert run.exit_code == 0, run.output
    results = json.loads(path.read_text())["results"]["lstm_40_64"]
    runtimes = {*INSTALLED, *(name for name, variable in ELSEWHERE.items() if os.environ.get(variable))}
    assert set(results) == set(SCHEMES)
    for scheme, found in results.items():
        assert set(found) == runtimes
        for runtime, row in found.items():
            assert row["us"] > 0
            assert row["sqnr_db"] > (20 if scheme == "int16x4" else 33)
            assert (row["arena_bytes"] is not None) == (runtime == "tflite-micro")
    for engine in INSTALLED:
        assert results["weights8"][engine]["file_bytes"] < 0.35 * results["float32"][engine]["file_bytes"]
    output = " ".join(run.output.split())
    assert all((f"not measured: {name}: " in output) == (name not in runtimes) for name in ELSEWHERE)
