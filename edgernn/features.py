"""Front ends of models that run on waveforms: torch modules to train with, which convert together with the model.

Each takes frames of ``hop_length`` new samples, ``[1, T, hop_length]``, and gives one frame of features for each. What
a window reaches back is kept by the converted model in a state: frame t is computed from the samples up to the end of
frame t, and before the first sample there are zeros. ``frames_of`` cuts a waveform.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

WINDOWS: dict[str, Callable[[int], torch.Tensor]] = {
    "hann": torch.hann_window,
    "hamming": torch.hamming_window,
    "blackman": torch.blackman_window,
    "rectangular": torch.ones,
}
"""Name -> periodic window of so many samples."""

MEL_SCALES = ("htk", "slaney")
SLANEY_BREAK_HZ, SLANEY_HZ_PER_MEL, SLANEY_LOG_STEP = 1000.0, 200.0 / 3.0, math.log(6.4) / 27.0


def frames_of(waveform: torch.Tensor, hop_length: int) -> torch.Tensor:
    """``[..., N]`` samples as ``[..., N // hop_length, hop_length]``; samples of an unfinished frame are dropped."""
    count = waveform.shape[-1] // hop_length
    return waveform[..., : count * hop_length].reshape(*waveform.shape[:-1], count, hop_length)


def _earlier(frames: torch.Tensor, count: int) -> torch.Tensor:
    """Frame t - count at t; zeros before the first."""
    return functional.pad(frames, (0, 0, count, 0))[:, :-count] if count else frames


class PreEmphasis(nn.Module):
    """y[n] = x[n] - coefficient * x[n - 1] over samples, across frames. ``[1, T, hop]`` to ``[1, T, hop]``."""

    def __init__(self, coefficient: float = 0.97) -> None:
        super().__init__()
        self.coefficient = coefficient

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        before = torch.cat([_earlier(frames[..., -1:], 1), frames[..., :-1]], -1)
        return frames - self.coefficient * before


class Windows(nn.Module):
    """The last ``win_length`` samples of each frame. ``[1, T, hop_length]`` to ``[1, T, win_length]``."""

    def __init__(self, win_length: int, hop_length: int) -> None:
        super().__init__()
        if not 0 < hop_length <= win_length:
            raise ValueError(f"hop_length {hop_length} must be from 1 to win_length, {win_length}")
        self.win_length, self.hop_length = win_length, hop_length

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        parts, missing, count = [frames], self.win_length - self.hop_length, 1
        while missing > 0:
            parts.insert(0, _earlier(frames[..., -min(missing, self.hop_length) :], count))
            missing, count = missing - self.hop_length, count + 1
        return torch.cat(parts, -1) if len(parts) > 1 else frames


class Spectrogram(nn.Module):
    """Power (``power`` 2) or magnitude (1) of the frequencies of a window.

    ``[1, T, hop_length]`` to ``[1, T, n_fft // 2 + 1]``. Equals the magnitudes of ``torch.stft(center=False)`` of the
    waveform with ``win_length - hop_length`` zeros in front. Lengths are in samples. Kernels are fast where ``n_fft``
    is even and has no prime factors but 2, 3 and 5.

    window  a name in WINDOWS, or a tensor of ``win_length`` values
    """

    window: torch.Tensor

    def __init__(
        self,
        n_fft: int = 512,
        win_length: int | None = None,
        hop_length: int | None = None,
        window: str | torch.Tensor = "hann",
        power: float = 2.0,
    ) -> None:
        super().__init__()
        win_length = n_fft if win_length is None else win_length
        if win_length > n_fft:
            raise ValueError(f"win_length {win_length} must not be above n_fft, {n_fft}")
        if power not in (1.0, 2.0):
            raise ValueError(f"power {power} must be 1 or 2")
        if isinstance(window, str) and window not in WINDOWS:
            raise ValueError(f"window {window!r}; windows are {', '.join(WINDOWS)}")
        self.n_fft, self.power = n_fft, power
        self.windows = Windows(win_length, win_length // 2 if hop_length is None else hop_length)
        self.register_buffer("window", WINDOWS[window](win_length) if isinstance(window, str) else window)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        spectrum: torch.Tensor = torch.fft.rfft(self.windows(frames) * self.window, n=self.n_fft).abs()
        return spectrum**2 if self.power == 2.0 else spectrum


def hz_to_mel(hz: torch.Tensor, scale: str = "htk") -> torch.Tensor:
    """Pitch of frequencies. "htk": 2595 log10(1 + f / 700) (O'Shaughnessy, 1987); "slaney": linear up to 1 kHz, then
    logarithmic, as in the Auditory Toolbox (Slaney, 1998)."""
    if scale == "htk":
        return 2595.0 * torch.log10(1.0 + hz / 700.0)
    above = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL + torch.log(hz.clamp(min=1e-9) / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP
    return torch.where(hz < SLANEY_BREAK_HZ, hz / SLANEY_HZ_PER_MEL, above)


def mel_to_hz(mel: torch.Tensor, scale: str = "htk") -> torch.Tensor:
    """The inverse of ``hz_to_mel``."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    at_break = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL
    above = SLANEY_BREAK_HZ * torch.exp(SLANEY_LOG_STEP * (mel - at_break))
    return torch.where(mel < at_break, mel * SLANEY_HZ_PER_MEL, above)


def mel_filters(
    n_mels: int,
    n_fft: int,
    sample_rate_hz: float,
    f_min_hz: float = 0.0,
    f_max_hz: float | None = None,
    scale: str = "htk",
    norm: str | None = None,
) -> torch.Tensor:
    """``[n_mels, n_fft // 2 + 1]`` triangles, evenly spaced on the mel scale from ``f_min_hz`` to ``f_max_hz`` (by
    default half the sampling rate).

    Filter m rises from the m-th to the next of n_mels + 2 points and falls to the one after, linearly in hertz, as
    ``torchaudio.functional.melscale_fbanks`` documents it. norm "slaney" divides each by half its width in hertz.
    """
    if scale not in MEL_SCALES or norm not in (None, "slaney"):
        raise ValueError(f"mel scale {scale!r}, norm {norm!r}; scales are htk and slaney, norms None and slaney")
    top = sample_rate_hz / 2 if f_max_hz is None else f_max_hz
    ends = hz_to_mel(torch.tensor([f_min_hz, top], dtype=torch.float64), scale)
    points = mel_to_hz(torch.linspace(float(ends[0]), float(ends[1]), n_mels + 2, dtype=torch.float64), scale)
    bins = torch.linspace(0.0, sample_rate_hz / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, centre, high = points[:-2, None], points[1:-1, None], points[2:, None]
    filters = torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clamp(min=0.0)
    return (filters * 2.0 / (high - low) if norm == "slaney" else filters).float()


class MelSpectrogram(nn.Module):
    """Power in bands of the mel scale. ``[1, T, hop_length]`` to ``[1, T, n_mels]``.

    Lengths are in samples; arguments are those of ``Spectrogram`` and ``mel_filters``.
    """

    filters: torch.Tensor

    def __init__(
        self,
        sample_rate_hz: float = 16000.0,
        n_fft: int = 512,
        win_length: int | None = 400,
        hop_length: int | None = 160,
        n_mels: int = 40,
        f_min_hz: float = 0.0,
        f_max_hz: float | None = None,
        window: str | torch.Tensor = "hann",
        power: float = 2.0,
        mel_scale: str = "htk",
        norm: str | None = None,
    ) -> None:
        super().__init__()
        self.spectrogram = Spectrogram(n_fft, win_length, hop_length, window, power)
        filters = mel_filters(n_mels, n_fft, sample_rate_hz, f_min_hz, f_max_hz, mel_scale, norm)
        self.register_buffer("filters", filters)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return functional.linear(self.spectrogram(frames), self.filters)


class LogMel(nn.Module):
    """Natural logarithm of ``MelSpectrogram``, whose arguments it takes, of at least ``floor``."""

    def __init__(self, *args: object, floor: float = 1e-6, **options: object) -> None:
        super().__init__()
        self.mel = MelSpectrogram(*args, **options)  # type: ignore[arg-type]
        self.floor = floor

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return torch.log(self.mel(frames).clamp(min=self.floor))


class Mfcc(nn.Module):
    """The first ``n_mfcc`` coefficients of the orthonormal DCT-II of ``LogMel``, whose other arguments it takes.

    ``[1, T, hop_length]`` to ``[1, T, n_mfcc]``.
    """

    dct: torch.Tensor

    def __init__(self, n_mfcc: int = 13, *args: object, **options: object) -> None:
        super().__init__()
        self.log_mel = LogMel(*args, **options)  # type: ignore[arg-type]
        n_mels = len(self.log_mel.mel.filters)
        if n_mfcc > n_mels:
            raise ValueError(f"n_mfcc {n_mfcc} must not be above n_mels, {n_mels}")
        row, column = torch.arange(n_mfcc)[:, None], torch.arange(n_mels)[None]
        dct = torch.cos(math.pi / n_mels * (column + 0.5) * row) * math.sqrt(2.0 / n_mels)
        dct[0] /= math.sqrt(2.0)
        self.register_buffer("dct", dct)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return functional.linear(self.log_mel(frames), self.dct)


class Deltas(nn.Module):
    """Slope of features over ``2 width + 1`` frames, by least squares: sum of k (x[k] - x[-k]) / (2 sum of k^2).

    ``[1, T, n]`` to ``[1, T, n]``. What it gives at t belongs to frame t - width: a stream has no later frames.
    """

    def __init__(self, width: int = 2) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width {width} must be 1 or more")
        self.width = width

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        n = self.width
        steps = [k * (_earlier(features, n - k) - _earlier(features, n + k)) for k in range(1, n + 1)]
        total: torch.Tensor = sum(steps[1:], steps[0])
        return total / (2 * sum(k * k for k in range(1, n + 1)))


class Normalise(nn.Module):
    """(x - mean) / std with constants found on training data, each a number or one value for each feature."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: torch.Tensor | float, std: torch.Tensor | float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.as_tensor(std, dtype=torch.float32))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.mean) / self.std
