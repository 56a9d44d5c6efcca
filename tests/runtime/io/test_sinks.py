"""Every writer: what it writes, and what stays after a failure."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import OutputError, UsageError
from edgernn.ir.graph import Port
from edgernn.runtime.io import open_sink, open_source
from tests.runtime.io.support import floats, interface

RNG = np.random.default_rng(1)
TWO = (Port("y", (2, 2), "float32"), Port("n", (), "int32"))


def steps(count: int) -> list[dict[str, np.ndarray]]:
    return [{"y": RNG.standard_normal((2, 2)).astype(np.float32), "n": np.array(k, np.int32)} for k in range(count)]


@pytest.mark.parametrize("count", [0, 1, 1200])
def test_npy(tmp_path: Path, count: int) -> None:
    results = steps(count)
    sink = open_sink([f"y={tmp_path / 'y.npy'}", f"n={tmp_path / 'n.npy'}"], interface(floats(1), outputs=TWO))
    for result in results:
        sink.write(result)
    assert not (tmp_path / "y.npy").exists()
    sink.close()
    y, n = np.load(tmp_path / "y.npy"), np.load(tmp_path / "n.npy")
    assert (y.dtype, y.shape, n.dtype, n.shape) == (np.float32, (count, 2, 2), np.int32, (count,))
    np.testing.assert_array_equal(y, np.array([r["y"] for r in results]).reshape(y.shape))
    np.testing.assert_array_equal(n, np.arange(count))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["n.npy", "y.npy"]


def test_a_discarded_npy_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "y.npy").write_text("old")
    sink = open_sink([str(tmp_path / "y.npy")], interface(floats(1)))
    sink.write({"y": np.ones(2, np.float32)})
    sink.discard()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_csv_is_whole_after_every_step_and_reads_back(tmp_path: Path) -> None:
    results = steps(5)
    sink = open_sink([str(tmp_path / "y.csv")], interface(floats(1), outputs=TWO))
    for count, result in enumerate(results, 1):
        sink.write(result)
        lines = (tmp_path / "y.csv").read_text().splitlines()
        assert len(lines) == count + 1
    assert lines[0] == "y[0 0],y[0 1],y[1 0],y[1 1],n"
    sink.close()
    with open_source([str(tmp_path / "y.csv")], interface(floats(5))) as source:
        rows = np.array([f for (f,) in source], np.float32)
    np.testing.assert_array_equal(rows[:, :4].reshape(-1, 2, 2), [r["y"] for r in results])


def test_json_lines_read_back_exactly(tmp_path: Path) -> None:
    results = steps(5)
    sink = open_sink([str(tmp_path / "y.jsonl")], interface(floats(1), outputs=TWO))
    for result in results:
        sink.write(result)
    sink.close()
    rows = [json.loads(line) for line in (tmp_path / "y.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(np.array([r["y"] for r in rows], np.float32), [r["y"] for r in results])


def test_json_has_no_names_for_values_that_are_not_finite() -> None:
    stdout = io.BytesIO()
    sink = open_sink(["-"], interface(floats(1)), json=True, stdout=stdout)
    sink.write({"y": np.array([np.nan, -np.inf], np.float32)})
    assert stdout.getvalue() == b'{"y": [null, null]}\n'


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("y.npy", UsageError, "holds one output, the model has"),
        ("y.txt", UsageError, r"unknown suffix '\.txt'"),
        ("z=y.npy", UsageError, "no output 'z'; it has y, n"),
        ("nowhere/y.csv", OutputError, "nowhere/y.csv: cannot be written: No such file"),
        ("y=nowhere/y.npy", OutputError, "nowhere/y.npy: cannot be written: No such file"),
        ("folder.csv", OutputError, "is a folder"),
    ],
)
def test_specs_that_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(error, match=message):
        open_sink([spec], interface(floats(1), outputs=TWO))


def test_a_spec_that_does_not_fit_leaves_nothing_of_those_before_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_sink([f"y={tmp_path / 'y.npy'}", "z=-"], interface(floats(1), outputs=TWO))
    assert list(tmp_path.iterdir()) == []


def test_a_full_device() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        sink = open_sink(["-"], interface(floats(1)), json=True, stdout=full)
        with pytest.raises(OutputError, match="standard output: cannot be written: No space left"):
            sink.write({"y": np.ones(2, np.float32)})


def test_a_file_on_a_full_device_ends_with_a_whole_line(tmp_path: Path) -> None:
    (tmp_path / "y.csv").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="cannot be written: No space left"):
        open_sink([str(tmp_path / "y.csv")], interface(floats(1)))
