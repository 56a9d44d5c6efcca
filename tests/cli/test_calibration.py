"""Calibration files become sequences, or a message that says what was expected."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgernn.cli.common.calibration import load_calibration
from edgernn.errors import UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from tests.runtime.io.support import floats, integers, interface

RNG = np.random.default_rng(2)
ONE = interface(floats(3))
TWO = interface(floats(3, name="x"), integers(name="n"), Port("s", (2,), "float32", kind="static"))


def sequence(length: int) -> np.ndarray:
    return RNG.standard_normal((length, 3))


def test_one_sequence(tmp_path: Path) -> None:
    x = sequence(7)
    np.save(tmp_path / "c.npy", x)
    (found,) = load_calibration(tmp_path / "c.npy", ONE)
    assert found["x"].dtype == np.float32
    np.testing.assert_array_equal(found["x"], x.astype(np.float32))


def test_several_of_equal_length(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.stack([sequence(7)] * 4))
    assert [s["x"].shape for s in load_calibration(tmp_path / "c.npy", ONE)] == [(7, 3)] * 4


def test_an_archive_of_sequences_of_any_length_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    arrays = {f"x_{k}": sequence(k + 1) for k in range(12)}
    np.savez(tmp_path / "c.npz", **dict(reversed(arrays.items())))
    assert [len(s["x"]) for s in load_calibration(tmp_path / "c.npz", ONE)] == list(range(1, 13))


def test_an_archive_with_other_names_feeds_the_only_input(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", first=sequence(2), second=np.stack([sequence(5)] * 2))
    assert [len(s["x"]) for s in load_calibration(tmp_path / "c.npz", ONE)] == [2, 5, 5]


def test_several_inputs_and_a_static_one(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "c.npz",
        x_0=sequence(2),
        x_1=sequence(4),
        n_0=np.arange(2),
        n_1=np.arange(4),
        s=np.ones((2, 2)),
    )
    found = load_calibration(tmp_path / "c.npz", TWO)
    assert [{k: v.shape for k, v in s.items()} for s in found] == [
        {"x": (2, 3), "n": (2,), "s": (2,)}, {"x": (4, 3), "n": (4,), "s": (2,)},
    ]  # fmt: skip
    assert found[1]["n"].dtype == np.int32


@pytest.mark.parametrize(
    ("arrays", "model", "message"),
    [
        (
            {"x": np.zeros((4, 5))},
            ONE,
            r"shape \[4, 5\] does not fit input 'x', \[T, 3\]; an array is one sequence",
        ),
        ({"x": np.zeros((2, 2, 4, 3))}, ONE, r"shape \[2, 2, 4, 3\] does not fit"),
        ({"x": np.zeros(3)}, ONE, r"shape \[3\] does not fit"),
        ({"x": np.zeros((4, 3), "U2")}, ONE, "dtype <U2 does not fit"),
        (
            {"x": np.zeros((4, 3)), "n": np.zeros(4), "s": np.zeros(2)},
            TWO,
            "dtype float64 does not fit input 'n'",
        ),
        ({"x": np.zeros((4, 3)), "s": np.zeros(2)}, TWO, r"nothing for input 'n', found \['x', 's'\]"),
        (
            {"x": np.zeros((2, 4, 3)), "n": np.zeros(4, int), "s": np.zeros(2)},
            TWO,
            "different numbers of sequences",
        ),
        ({}, ONE, "holds no arrays"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], model: Interface, message: str) -> None:
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(UsageError, match=message):
        load_calibration(tmp_path / "c.npz", model)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", allow_pickle=True, x=np.array([{}], dtype=object))
    with pytest.raises(UsageError, match=r"not a whole \.npz file of numbers"):
        load_calibration(tmp_path / "c.npz", ONE)


def test_paths(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_calibration(tmp_path / "c.npz", ONE)
    with pytest.raises(UsageError, match=r"unknown suffix '\.csv'"):
        load_calibration(tmp_path / "c.csv", ONE)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 600), place=st.integers(0, 600), new=st.binary(max_size=6), packed=st.booleans())
def test_damaged_archives(tmp_path: Path, cut: int, place: int, new: bytes, packed: bool) -> None:
    path = tmp_path / "c.npz"
    (np.savez_compressed if packed else np.savez)(path, x=np.ones((4, 3)), y=np.zeros((2, 3)))
    whole = path.read_bytes()
    damaged = whole[:place] + new + whole[place + len(new) :]
    path.write_bytes(damaged[: len(damaged) - cut % 97])
    with contextlib.suppress(UsageError):
        assert all(s["x"].shape[1:] == (3,) for s in load_calibration(path, ONE))


def test_an_array_under_the_name_of_an_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.zeros((4, 3)))
    (tmp_path / "c.npy").rename(tmp_path / "c.npz")
    with pytest.raises(UsageError, match=r"a single array; name the file \.npy"):
        load_calibration(tmp_path / "c.npz", ONE)


@pytest.mark.parametrize(("shape", "count"), [((7,), 1), ((4, 7), 4), ((7, 1), 1), ((4, 7, 1), 4)])
def test_frames_of_one_number_need_no_axis(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    np.save(tmp_path / "c.npy", np.zeros(shape, np.int64))
    found = load_calibration(tmp_path / "c.npy", interface(Port("n", (1,), "int32", limit=5)))
    assert [s["n"].shape for s in found] == [(7, 1)] * count


@pytest.mark.parametrize(("shape", "count"), [((7, 1, 3), 1), ((4, 7, 1, 3), 4), ((1, 7, 1, 1, 3), 1)])
def test_axes_of_length_one_before_a_frame_do_not_count(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    np.save(tmp_path / "c.npy", np.zeros(shape))
    assert [s["x"].shape for s in load_calibration(tmp_path / "c.npy", ONE)] == [(7, 3)] * count
