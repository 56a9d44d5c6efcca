"""Synthetic speech, by the library eSpeak NG 1.52 (GPL-3.0-or-later) that the package ``espeakng-loader`` ships.

One speaker is an accent and a variant: the variants differ in pitch, formants, breath and tempo.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import UsageError
from examples.common.packaged import PackagedData

PACKAGE = PackagedData("espeakng-loader", "0.2.4", "synthetic voices")
FOLDER = "espeakng_loader"

Waveform = NDArray[np.float32]

RETRIEVE = 1
RATE, PITCH, PITCH_RANGE = 1, 3, 4
CHARACTERS_UTF8 = 1
OK = 0
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class Manner:
    """How something is said: words a minute, 80 to 450; pitch and its range, 0 to 100."""

    words_per_minute: int = 175
    pitch: int = 50
    pitch_range: int = 50


class Synthesizer:
    """The library; ``rate_hz`` is its sampling rate."""

    def __init__(self) -> None:
        files = [path for path in PACKAGE.files(FOLDER, "*espeak-ng*") if path.is_file()]
        if not files:
            raise UsageError(f"{PACKAGE.package} holds no library for this machine: {PACKAGE.install}")
        self._library = ctypes.CDLL(str(files[0]))
        self.rate_hz = self._library.espeak_Initialize(RETRIEVE, 0, str(files[0].parent).encode(), 0)
        if self.rate_hz <= 0:
            raise UsageError(f"{files[0]} does not start: {PACKAGE.install} --force-reinstall")
        self._parts: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: int | None) -> int:
        if count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, voice: str, manner: Manner, rate_hz: int) -> Waveform:
        """``text`` said by ``voice``, such as "en-us+f3", between -1 and 1, at another sampling rate.

        It depends a little on what the process has said before.

        Raises:
            UsageError: there is no such voice.
        """
        library, encoded = self._library, text.encode()
        if library.espeak_SetVoiceByName(voice.encode()) != OK:
            raise UsageError(f"eSpeak NG has no voice {voice!r}")
        chosen = {RATE: manner.words_per_minute, PITCH: manner.pitch, PITCH_RANGE: manner.pitch_range}
        for parameter, value in chosen.items():
            library.espeak_SetParameter(parameter, value, 0)
        self._parts.clear()
        library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, CHARACTERS_UTF8, None, None)
        library.espeak_Synchronize()
        return resampled(np.concatenate(self._parts) / np.float32(32768), self.rate_hz, rate_hz)


@cache
def synthesizer() -> Synthesizer:
    """The one of this process.

    Raises:
        UsageError: as ``PackagedData.files``.
    """
    return Synthesizer()


def resampled(waveform: NDArray[np.floating], from_hz: int, to_hz: int) -> Waveform:
    """A waveform at another sampling rate: its spectrum, cut off or padded. It is taken to be silent at both ends."""
    count = round(len(waveform) * to_hz / from_hz)
    spectrum = np.fft.rfft(waveform)
    bins = count // 2 + 1
    cut = np.zeros(bins, complex)
    cut[: len(spectrum)] = spectrum[:bins]
    return (np.fft.irfft(cut, count) * (count / len(waveform))).astype(np.float32)
