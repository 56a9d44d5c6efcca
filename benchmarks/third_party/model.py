"""What a third-party model has to say of itself to be measured and tested."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import edgernn
from edgernn.api import Model
from edgernn.runtime import Session
from edgernn.runtime.segment import SegmentSession
from examples.common.packaged import PackagedData

Array = npt.NDArray[Any]


class ThirdParty(ABC):
    """One model.

    name      of files
    title     in tables
    packages  that ship its weights and the data it is run on
    metric    what ``score`` gives, larger is better; ``least`` is what its int16x8 form has to reach
    segments  whether it is converted for whole segments
    """

    name: ClassVar[str]
    title: ClassVar[str]
    packages: ClassVar[tuple[PackagedData, ...]]
    metric: ClassVar[str]
    least: ClassVar[float]
    segments: ClassVar[bool] = False

    @abstractmethod
    def convert(self) -> Model:
        """The float model, as this project reads it."""

    @abstractmethod
    def calibration(self) -> list[Array]:
        """Sequences of frames [T, *frame] to choose scales by; none of them is in ``test``."""

    @abstractmethod
    def test(self) -> list[Array]:
        """Sequences of frames to measure on."""

    @abstractmethod
    def original(self, frames: Array) -> Array:
        """What the model of the package itself gives for a sequence: [T, ...], or [...] at its end."""

    @abstractmethod
    def score(self, wanted: Sequence[Array], found: Sequence[Array]) -> float:
        """``metric`` of what was found, where the original gives ``wanted``."""

    @property
    def missing(self) -> list[str]:
        """The commands that install what is absent."""
        return [package.install for package in self.packages if not package.installed]


def engines(given: type[ThirdParty] | ThirdParty) -> dict[str, str]:
    """Engine -> suffix of the artifact that it runs."""
    portable = {"numba": ".ern", "reference": ".ern", "native": ".so"}
    return portable if given.segments else portable | {"onnxruntime": ".onnx", "tflite": ".tflite"}


def stream(session: Session, frames: Array) -> Array:
    """What a session gives for a sequence, frame by frame after a reset: like ``ThirdParty.original``.

    A session of segments is given it as one.
    """
    if isinstance(session, SegmentSession):
        return np.asarray(session.run(frames))
    session.reset()
    rows = [session.step(frame) for frame in frames]
    last = rows[-1] if session.outputs[0].kind == "final" else np.stack([np.asarray(row) for row in rows])
    return np.asarray(last)


def quantized(model: Model, given: ThirdParty, scheme: str = "int16x8") -> Model:
    """The float ``model`` in integers, by its calibration."""
    port = model.interface.inputs[0].name
    return model.quantize([{port: frames} for frames in given.calibration()], scheme)


def originals(given: ThirdParty) -> list[Array]:
    """What the original gives for the test sequences."""
    return [given.original(frames) for frames in given.test()]


def largest_error(session: Session, given: ThirdParty, wanted: Sequence[Array]) -> float:
    """Largest absolute difference between the stream and ``wanted``, over the test sequences."""
    pairs = zip(given.test(), wanted, strict=True)
    return max(float(np.abs(stream(session, frames).astype(np.float64) - y).max()) for frames, y in pairs)


def peak(wanted: Sequence[Array]) -> float:
    """Largest output, at least 1: what errors are relative to."""
    return max(1.0, *(float(np.abs(y).max()) for y in wanted))


def score(session: Session, given: ThirdParty, wanted: Sequence[Array]) -> float:
    """The metric of what a session streams."""
    return given.score(wanted, [stream(session, frames) for frames in given.test()])


def load(path: Any, engine: str = "auto") -> Session:
    """The runtime's session of an artifact."""
    return edgernn.load(path, engine=engine)
