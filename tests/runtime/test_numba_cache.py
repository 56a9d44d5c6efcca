"""Machine code of the numba engine on disk: used by the next process, safe to share, not needed to run."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgernn
from edgernn import ops
from edgernn.export.ern import write
from edgernn.runtime.engines.numba import open as open_numba
from tests.ops.cases.base import CaseBuilder

PACKAGE = Path(edgernn.__file__).parent
COMPILED = "compiled kernel"
SCRIPT = """
import logging, sys
import numpy as np
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
from edgernn import runtime
session = runtime.load(sys.argv[1], "numba")
print([session.step(np.full(session.inputs[0].shape, 0.5, np.float32)).tolist() for _ in range(3)])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sum over time, whose kernels compile fast."""
    case = CaseBuilder("running_sum")
    x, s = case.input(19), case.state(19)
    after = case.builder.add1(ops.Binary("add"), [x, s])
    case.carry(s, after)
    path = tmp_path_factory.mktemp("model") / "model.ern"
    write(case.done(after).graph, path)
    return path


@pytest.fixture(scope="module")
def exponentials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A softmax, and exp(88.5), which is just below the largest float."""
    case = CaseBuilder("exponentials")
    x = case.input(19)
    small = case.builder.add1(ops.Softmax(-1), [x])
    wide = case.builder.add1(ops.Binary("mul"), [x, case.builder.scalar(177.0)])
    large = case.builder.add1(ops.Unary("exp"), [wide])
    path = tmp_path_factory.mktemp("model") / "model.ern"
    write(case.done(case.builder.add1(ops.Concat(-1), [small, large])).graph, path)
    return path


def start(model: Path, package: Path = PACKAGE, **environment: str) -> subprocess.Popen[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(model)],
        env={**inherited, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=model.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], model: Path) -> str:
    """Its log, after its results were found right."""
    output, log = process.communicate(timeout=240)
    assert process.returncode == 0, log
    engine = open_numba(model)
    frame = np.full(engine.interface.inputs[0].shape, 0.5, np.float32)
    wanted = [engine.run(frame)[0] for _ in range(3)]
    assert np.isfinite(wanted).all()
    np.testing.assert_allclose(ast.literal_eval(output), wanted, rtol=1e-5)
    return log


def run(model: Path, package: Path = PACKAGE, **environment: str) -> str:
    return finish(start(model, package, **environment), model)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, with nothing compiled in it."""
    target = tmp_path / "site" / "edgernn"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_the_second_process_compiles_nothing(model: Path, package: Path) -> None:
    assert COMPILED in run(model, package)
    assert list((package / "runtime/kernels/__pycache__").glob("*.nbi"))
    assert COMPILED not in run(model, package)
    with (package / "runtime/kernels/lanes.py").open("a") as source:
        source.write("# another state of the sources\n")
    assert COMPILED in run(model, package)
    assert COMPILED not in run(model, package)


def test_code_goes_to_the_user_where_the_package_cannot_be_written(model: Path, package: Path, tmp_path: Path) -> None:
    (package / "runtime/kernels/__pycache__").touch()
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert COMPILED in run(model, package, **home)
    assert list((tmp_path / "cache").rglob("*.nbi"))
    assert COMPILED not in run(model, package, **home)


def test_it_runs_where_nothing_can_be_written(model: Path, package: Path) -> None:
    (package / "runtime/kernels/__pycache__").touch()
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    log = run(model, package, **nowhere)
    assert COMPILED in log
    assert "set NUMBA_CACHE_DIR" in log


def test_two_processes_may_compile_at_once(model: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    both = [start(model, NUMBA_CACHE_DIR=cache) for _ in range(2)]
    for process in both:
        finish(process, model)
    assert COMPILED not in run(model, NUMBA_CACHE_DIR=cache)


def test_a_damaged_cache_is_replaced(model: Path, tmp_path: Path) -> None:
    run(model, NUMBA_CACHE_DIR=str(tmp_path))
    indexes, codes = sorted(tmp_path.rglob("*.nbi")), sorted(tmp_path.rglob("*.nbc"))
    for number, (index, code) in enumerate(zip(indexes, codes, strict=True)):
        path = code if number % 3 == 0 else index
        os.truncate(path, 0 if number % 3 == 1 else path.stat().st_size // 2)
    log = run(model, NUMBA_CACHE_DIR=str(tmp_path))
    assert log.count(COMPILED) == log.count("its cache is damaged") == len(indexes)
    assert COMPILED not in run(model, NUMBA_CACHE_DIR=str(tmp_path))


def test_a_processor_without_wide_registers(exponentials: Path, tmp_path: Path) -> None:
    """Half as many lanes and no fused multiply-add; softmax, which may reorder sums, is compiled before exp."""
    environment = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    assert COMPILED in run(exponentials, **environment)


def test_a_switched_off_compiler_is_named(model: Path) -> None:
    process = start(model, NUMBA_DISABLE_JIT="1")
    _, log = process.communicate(timeout=240)
    assert process.returncode != 0
    assert "EngineError: NUMBA_DISABLE_JIT is set" in log
