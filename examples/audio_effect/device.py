"""The pedal that is modelled: the clipping stage of an overdrive and its tone control, as equations of the circuit.

An op-amp amplifies what passes a resistor and a capacitor in series; diodes across its feedback, two in one direction
and one in the other, limit the amplified part, which is added to the input (Yeh, Abel and Smith, "Simplified,
physically-informed models of distortion and overdrive guitar effects pedals", DAFx 2007). With v the voltage of that
capacitor and u the voltage across the feedback:

    C dv/dt = (x - v) / R
    C_f du/dt = (x - v) / R - u / R_f - I(exp(u / V_d) - exp(-u / 2 V_d)),    y = x + u

Both are integrated by the backward Euler rule at 16 times the sampling rate, the diodes by Newton's method. A low-pass
of first order, the tone control, and a volume control follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numba
import numpy as np
from numpy.typing import NDArray

from examples.common.guitars import RATE_HZ, Sound

OVERSAMPLING = 16

RESISTOR_OHM, CAPACITOR_F = 4.7e3, 47e-9
FEEDBACK_OHM, FEEDBACK_F = 100e3, 51e-12
DIODE_A, DIODE_V = 2.52e-9, 45.3e-3
"""Saturation current and emission voltage of a 1N4148."""

TONE_HZ = 3_200.0
VOLUME = 0.5
NEWTON_STEPS = 50
PRECISION_V = 1e-9


def play(sound: Sound) -> Sound:
    """What comes out of the pedal, [T], in volts like ``sound`` [T], both at RATE_HZ."""
    length = len(sound)
    fine = _resampled(sound.astype(np.float64), length * OVERSAMPLING)
    return _resampled(_circuit(fine, 1 / (RATE_HZ * OVERSAMPLING)), length).astype(np.float32)


def _resampled(sound: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The same time in ``length`` samples: what both rates can hold of the spectrum."""
    spectrum = np.fft.rfft(sound)
    kept = np.zeros(length // 2 + 1, complex)
    shared = min(len(spectrum), len(kept)) - 1
    kept[:shared] = spectrum[:shared]
    result: NDArray[np.float64] = np.fft.irfft(kept, length) * (length / len(sound))
    return result


def _solve(sound: NDArray[np.float64], step_s: float) -> NDArray[np.float64]:
    """The voltages of the circuit, solved one after the other."""
    result = np.empty_like(sound)
    tone = step_s * 2 * np.pi * TONE_HZ
    inner, feedback, smooth = 0.0, 0.0, 0.0
    for k in range(len(sound)):
        x = sound[k]
        inner = (inner + x * step_s / (RESISTOR_OHM * CAPACITOR_F)) / (1 + step_s / (RESISTOR_OHM * CAPACITOR_F))
        current = (x - inner) / RESISTOR_OHM
        before = feedback
        for _ in range(NEWTON_STEPS):
            up, down = np.exp(feedback / DIODE_V), np.exp(-feedback / (2 * DIODE_V))
            flowing = current - feedback / FEEDBACK_OHM - DIODE_A * (up - down)
            slope = 1 / FEEDBACK_OHM + DIODE_A / DIODE_V * (up + down / 2)
            change = (feedback - before - step_s / FEEDBACK_F * flowing) / (1 + step_s / FEEDBACK_F * slope)
            feedback -= min(max(change, -DIODE_V), DIODE_V)
            if abs(change) < PRECISION_V:
                break
        smooth = (smooth + tone * (x + feedback)) / (1 + tone)
        result[k] = VOLUME * smooth
    return result


_circuit = cast("Callable[[NDArray[np.float64], float], NDArray[np.float64]]", numba.njit(_solve))
