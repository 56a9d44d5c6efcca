"""Matrices of four-bit numbers: packed, unpacked, stored in .ern files without a trace in program and fingerprint."""

from pathlib import Path

import numpy as np
import pytest

from edgernn.errors import ArtifactError
from edgernn.export.ern import write
from edgernn.ir import nibbles
from edgernn.ir.codec import fingerprint
from edgernn.ir.ernfile import read_ern
from edgernn.ir.graph import Graph
from edgernn.ops import OPS
from tests.ops.integer_cases.recurrent import gru


def small(seed: int = 0, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-8, 8, shape).astype(np.int8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 5), (4, 4), (5, 63), (65, 65)])
def test_packing_is_undone(shape: tuple[int, int]) -> None:
    matrix = small(1, *shape)
    packed = nibbles.pack(matrix)
    assert packed.dtype == np.uint8 and packed.size == nibbles.stored_bytes(matrix) == -(-matrix.size // 2)
    np.testing.assert_array_equal(nibbles.unpack(packed, shape), matrix)
    assert nibbles.unpack(packed, shape).dtype == np.int8


def test_all_pairs_of_numbers() -> None:
    pairs = np.stack(np.meshgrid(np.arange(-8, 8), np.arange(-8, 8)), axis=-1).reshape(-1, 2).astype(np.int8)
    assert len(np.unique(nibbles.pack(pairs))) == 256
    np.testing.assert_array_equal(nibbles.unpack(nibbles.pack(pairs), pairs.shape), pairs)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((2, 2), 7, np.int8), True),
        (np.full((2, 2), -8, np.int8), True),
        (np.array([[8, 0]], np.int8), False),
        (np.array([[-9, 0]], np.int8), False),
        (np.zeros(4, np.int8), False),
        (np.zeros((2, 2), np.int16), False),
    ],
)
def test_what_fits(array: np.ndarray, expected: bool) -> None:
    assert nibbles.fits(array) is expected


@pytest.mark.parametrize(
    ("packed", "shape"),
    [
        (np.zeros(2, np.uint8), (1, 5)),
        (np.array([0, 0x10], np.uint8), (1, 3)),
        (np.zeros(2, np.int8), (1, 4)),
        (np.zeros(2, np.uint8), (4,)),
    ],
)
def test_bytes_that_packing_does_not_make(packed: np.ndarray, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"cannot hold a matrix|is not zero"):
        nibbles.unpack(packed, shape)


def model(low: int, high: int) -> Graph:
    """A GRU with weights from ``low`` to ``high``."""
    graph = gru(9, 17, "random").graph
    rng = np.random.default_rng(3)
    for name, array in graph.constants.items():
        if array.dtype == np.int8:
            graph.constants[name] = rng.integers(low, high + 1, array.shape).astype(np.int8)
    return graph


def test_a_file_holds_half_bytes_and_gives_the_same_program(tmp_path: Path) -> None:
    graph, wide = model(-7, 7), model(-7, 8)
    for path, program in (("four.ern", graph), ("eight.ern", wide)):
        write(program, tmp_path / path)
        _, read = read_ern(tmp_path / path, OPS)
        assert fingerprint(read) == fingerprint(program)
        for name, array in program.constants.items():
            np.testing.assert_array_equal(read.constants[name], array)
    weights = sum(a.size for a in graph.constants.values() if a.dtype == np.int8)
    saved = (tmp_path / "eight.ern").stat().st_size - (tmp_path / "four.ern").stat().st_size
    assert weights // 2 - 150 < saved <= weights // 2


def test_damaged_shapes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "four.ern"
    write(model(-7, 7), path)
    data = path.read_bytes()
    for old, new in ((b"[51, 9]", b"[51, 8]"), (b"[51, 9]", b"[-1, 9]"), (b'\\"w\\": [51, 9]', b'\\"v\\": [51, 9]')):
        assert old in data
        path.write_bytes(data.replace(old, new))
        with pytest.raises(ArtifactError):
            read_ern(path, OPS)
