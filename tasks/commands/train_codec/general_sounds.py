"""Procedural audio of many kinds, so that what is trained on it works for real recordings too: noises, chirps, tones.

Legend: T samples at 16 kHz. Each maker returns audio of any level; `general_sound` sets the level at random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

Wide = npt.NDArray[np.float64]
Maker = Callable[[int, np.random.Generator], Wide]

RATE_HZ: Final = 16_000


def general_sound(length: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Returns random audio (T,) with a peak between -40 and -0.5 dBFS: one sound, a mixture, or rarely silence."""
    if rng.random() < 0.03:
        return np.zeros(length, np.float32)
    mixture_T = np.zeros(length)
    for _ in range(1 + int(rng.random() < 0.4)):
        sound_T = sound_of(_DRAWN[rng.integers(len(_DRAWN))], length, rng)
        mixture_T += sound_T / max(1e-6, float(np.max(np.abs(sound_T)))) * rng.uniform(0.2, 1.0)
    peak_db = -0.5 - 39.5 * rng.beta(1.2, 2.0)
    return (mixture_T / max(1e-6, float(np.max(np.abs(mixture_T)))) * 10 ** (peak_db / 20)).astype(np.float32)


def sound_of(kind: str, length: int, rng: np.random.Generator) -> Wide:
    """Returns audio (T,) of a kind, a name of `MAKERS`, that is constant, wavers, fades or starts inside."""
    return MAKERS[kind](length, rng) * _envelope(length, rng)


def _envelope(length: int, rng: np.random.Generator) -> Wide:
    """Constant, wavering, fading or starting suddenly somewhere inside."""
    kind = rng.integers(4)
    if kind == 0:
        return np.ones(length)
    if kind == 1:
        knots = int(rng.integers(3, 16))
        return np.interp(np.arange(length), np.linspace(0, length, knots), rng.uniform(0.05, 1.0, knots))
    at = int(rng.integers(0, length))
    t_T = (np.arange(length) - at) / RATE_HZ
    if kind == 2:
        return np.where(t_T >= 0, np.exp(-np.maximum(t_T, 0) / rng.uniform(0.02, 0.6)), 0.0)
    return np.clip(t_T / rng.uniform(0.002, 0.3), 0, 1)


def _noise(length: int, rng: np.random.Generator) -> Wide:
    low_hz = np.exp(rng.uniform(np.log(40), np.log(4000)))
    band = (low_hz, min(7600.0, low_hz * np.exp(rng.uniform(0.3, 3.0))))
    return np.asarray(sosfilt(butter(1, band, btype="band", fs=RATE_HZ, output="sos"), rng.standard_normal(length)))


def _coloured(length: int, rng: np.random.Generator) -> Wide:
    spectrum = np.fft.rfft(rng.standard_normal(length))
    tilt = np.maximum(np.arange(len(spectrum)), 20.0) ** -rng.uniform(0.0, 1.2)
    return np.fft.irfft(spectrum * tilt, length)


def _chirp(length: int, rng: np.random.Generator) -> Wide:
    ends_hz = np.exp(rng.uniform(np.log(80), np.log(5000), 2))
    sweep_T = np.exp(np.interp(np.arange(length), (0, length), np.log(ends_hz)))
    return np.sin(2 * np.pi * np.cumsum(sweep_T) / RATE_HZ)


def _harmonic(length: int, rng: np.random.Generator) -> Wide:
    f0_hz = np.exp(rng.uniform(np.log(60), np.log(900)))
    t_T = np.arange(length) / RATE_HZ
    wobble_T = 1 + rng.uniform(0, 0.02) * np.sin(2 * np.pi * rng.uniform(3, 7) * t_T)
    phase_T = 2 * np.pi * np.cumsum(f0_hz * wobble_T) / RATE_HZ
    partials = range(1, max(2, min(24, int(7500 / f0_hz))))
    tilt = rng.uniform(0.3, 1.6)
    return np.sum([np.sin(k * phase_T + rng.uniform(0, 6.28)) / k**tilt for k in partials], axis=0)


def _clicks(length: int, rng: np.random.Generator) -> Wide:
    pulses_T = np.where(rng.random(length) < np.exp(rng.uniform(np.log(1), np.log(60))) / RATE_HZ, 1.0, 0.0)
    pulses_T[int(rng.integers(length))] = 1.0
    kernel_t = np.arange(int(0.03 * RATE_HZ)) / RATE_HZ
    kernel_T = rng.standard_normal(len(kernel_t)) * np.exp(
        -kernel_t / np.exp(rng.uniform(np.log(0.0005), np.log(0.01)))
    )
    return np.convolve(pulses_T * rng.uniform(0.3, 1.0, length), kernel_T)[:length]


def _modes(length: int, rng: np.random.Generator) -> Wide:
    """A struck object of no particular material."""
    out_T = np.zeros(length)
    count = int(rng.integers(2, 12))
    f_hz = np.exp(rng.uniform(np.log(90), np.log(7000), count))
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(0, length))
        t_T = np.arange(length - start) / RATE_HZ
        t60_s = np.exp(rng.uniform(np.log(0.03), np.log(1.2)))
        decays = 6.9 / t60_s * (f_hz / f_hz.min()) ** 0.5
        rings = np.sin(2 * np.pi * f_hz[:, None] * t_T) * np.exp(-decays[:, None] * t_T)
        out_T[start:] += rng.uniform(0.2, 1, count) @ rings
    return out_T


def _formants(length: int, rng: np.random.Generator) -> Wide:
    """A buzz through two wandering resonances: similar to voices and animals."""
    buzz_T = _harmonic(length, rng)
    out_T = np.zeros(length)
    for centre_hz in np.exp(rng.uniform(np.log(300), np.log(3200), 2)):
        band = (centre_hz * 0.85, min(7600.0, centre_hz * 1.18))
        out_T += sosfilt(butter(1, band, btype="band", fs=RATE_HZ, output="sos"), buzz_T)
    return out_T + 0.05 * np.std(out_T) * rng.standard_normal(length)


MAKERS: Final[dict[str, Maker]] = {
    "noise": _noise,
    "coloured": _coloured,
    "chirp": _chirp,
    "harmonic": _harmonic,
    "clicks": _clicks,
    "modes": _modes,
    "formants": _formants,
}
_DRAWN: Final = ("noise", "coloured", "chirp", "harmonic", "clicks", "modes", "modes", "formants")
