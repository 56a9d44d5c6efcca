"""Real sequences to validate on, from .npy and .npz files."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgernn.errors import UsageError
from edgernn.ir.graph import Port
from edgernn.ir.interface import Interface
from edgernn.ir.op import Array
from edgernn.runtime.io.npy import DAMAGE, read_array
from edgernn.runtime.io.steps import of_frames

DAMAGED_ARCHIVE = (
    *DAMAGE, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, KeyError, RuntimeError,
)  # fmt: skip
Sequences = list[dict[str, Array]]
TARGETS = "targets"
LAYOUT = (
    "an array is one sequence [T, *frame] or several of equal length [N, T, *frame]; in an .npz it is named "
    "like its input, with _0, _1, ... appended where sequences differ in length (where there is one input, "
    "any names will do)"
)


def load_calibration(path: Path, interface: Interface) -> Sequences:
    """The sequences in ``path``. Raises UsageError, saying what was expected."""
    if path.suffix not in (".npy", ".npz"):
        raise UsageError(f"--calibration {path}: unknown suffix {path.suffix!r}; calibration is .npy or .npz")
    if not path.is_file():
        raise UsageError(f"--calibration {path}: no such file")
    arrays = {"": np.asarray(read_array(path))} if path.suffix == ".npy" else _read_npz(path)
    arrays = {name: array for name, array in arrays.items() if not _is_target(name, interface)}
    if not arrays:
        raise UsageError(f"--calibration {path}: holds no arrays; {LAYOUT}")
    frames = of_frames(interface)
    columns = {p.name: _sequences(arrays, p, frames, path) for p in frames.inputs}
    counts = {name: len(found) for name, found in columns.items()}
    if len(set(counts.values())) != 1:
        raise UsageError(f"--calibration {path}: inputs have different numbers of sequences: {counts}")
    rows = [dict(zip(columns, items, strict=True)) for items in zip(*columns.values(), strict=True)]
    for number, row in enumerate(rows):
        length = next(len(row[p.name]) for p in frames.inputs if p.kind == "frame")
        if length < interface.hop:
            raise UsageError(
                f"--calibration {path}: sequence {number} has {length} frames, fewer than the {interface.hop} that a "
                "step of the model takes: give longer sequences"
            )
    return [{p.name: _in_steps(row[p.name], p, interface.hop) for p in interface.inputs} for row in rows]


def _in_steps(frames: Array, port: Port, hop: int) -> Array:
    """Whole steps of ``hop`` frames; frames at the end that are none are left out."""
    return frames if hop == 1 or port.kind == "static" else frames[: len(frames) // hop * hop].reshape(-1, *port.shape)


def load_targets(path: Path, interface: Interface) -> list[Array] | None:
    """What a metric compares outputs with, one for each sequence of the calibration in ``path``: the rows of
    ``targets``, or ``targets_0``, ``targets_1``, ... where they differ in shape; None where there are none."""
    if path.suffix != ".npz":
        return None
    arrays = {name: array for name, array in _read_npz(path).items() if _is_target(name, interface)}
    if set(arrays) == {TARGETS}:
        return list(arrays[TARGETS])
    return [arrays[name] for name in sorted(arrays, key=_number)] or None


def _is_target(name: str, interface: Interface) -> bool:
    """Whether an array is for metrics, not for an input."""
    return re.fullmatch(rf"{TARGETS}(_\d+)?", name) is not None and TARGETS not in {p.name for p in interface.inputs}


def _number(name: str) -> int:
    found = re.findall(r"\d+$", name)
    return int(found[0]) if found else -1


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise UsageError(f"--calibration {path}: a single array; name the file .npy")
            with archive:
                return {name: archive[name] for name in archive.files}
    except DAMAGED_ARCHIVE as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"--calibration {path}: not a whole .npz file of numbers: {reason}") from None


def _sequences(arrays: Mapping[str, Array], port: Port, interface: Interface, path: Path) -> list[Array]:
    named = [name for name in arrays if re.fullmatch(rf"{re.escape(port.name)}(_\d+)?", name)]
    if not named and len(interface.inputs) == 1:
        named = list(arrays)
    if not named:
        raise UsageError(f"--calibration {path}: nothing for input {port.name!r}, found {list(arrays)}; {LAYOUT}")
    named.sort(key=_number)
    return [sequence for name in named for sequence in _split(arrays[name], port, f"{path}{': ' * bool(name)}{name}")]


def _split(array: Array, port: Port, where: str) -> list[Array]:
    """One array as sequences, in the dtype of the port."""
    wanted = "fiu" if port.dtype.startswith("float") else "iu"
    if array.dtype.kind not in wanted:
        raise UsageError(f"--calibration {where}: dtype {array.dtype} does not fit input {port.name!r} ({port.dtype})")
    array = _without_ones(array, port)
    lead = array.ndim - len(port.shape)
    one = 0 if port.kind == "static" else 1
    if array.shape[max(lead, 0) :] != port.shape or lead not in (one, one + 1):
        expected = ", ".join(map(str, (*("T",) * one, *port.shape)))
        raise UsageError(
            f"--calibration {where}: shape {list(array.shape)} does not fit input {port.name!r}, [{expected}]; {LAYOUT}"
        )
    array = array.astype(port.dtype)
    return list(array) if lead == one + 1 else [array]


def _without_ones(array: Array, port: Port) -> Array:
    """``array`` with as few of the leading ones of its frames as those of the port have: a model for [1, T, 1, 28, 28]
    has frames of [28, 28]; and with the axis of a frame that is one number, such as a token."""
    if port.shape == (1,) and port.kind != "static" and array.shape[-1:] not in ((), (1,)):
        return array[..., None]
    ones = array.shape[: -len(port.shape)]
    if array.shape[array.ndim - len(port.shape) :] != port.shape or port.kind == "static" or 1 not in ones[1:]:
        return array
    while len(ones) > 1 and ones[-1] == 1:
        ones = ones[:-1]
    return array.reshape(*ones, *port.shape)
