"""Transforms of frames: what test_frame_ops.py checks."""

import torch

from tests.capture.frame_ops import Group, group


def spectra() -> Group:
    return group(
        {
            "magnitude": lambda m, y: torch.fft.rfft(y).abs(),
            "power": lambda m, y: torch.fft.rfft(y * torch.hann_window(8), n=12).abs() ** 2,
            "squared": lambda m, y: torch.abs(torch.fft.rfft(y)).square(),
            "cut": lambda m, y: torch.fft.rfft(y, n=6).abs().pow(2),
            "odd": lambda m, y: torch.fft.rfft(y, n=7, norm="ortho").abs(),
            "parts": lambda m, y: torch.fft.rfft(y).real - torch.fft.rfft(y).imag,
            "pairs": lambda m, y: torch.view_as_real(torch.fft.rfft(y, norm="forward")),
            "scaled": lambda m, y: (2 * torch.fft.rfft(y, n=16) / 3).abs(),
            "decibels": lambda m, y: 10 * torch.log10((torch.fft.rfft(y).abs() ** 2).clamp(min=1e-3)),
            "octaves": lambda m, y: torch.log2(y.abs() + 1),
            "rows": lambda m, y: torch.fft.rfft(y.view(1, -1, 2, 4)).abs(),
        }
    )
