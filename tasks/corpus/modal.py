"""Modal synthesis of strikes, and what distance does to them.

Legend: T samples, K modes. A body is a set of damped sinusoids; a strike excites all of them at once and adds a short
noise burst. Levels are absolute: nothing here normalises a scene, so loud and quiet scenes keep their levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.corpus.materials import Material
from tasks.media.samples import Samples

Wide = npt.NDArray[np.float64]

RATE_HZ: Final = 16_000
_VARIANTS: Final = 3  # different strikes of one body per scene; more make no audible difference
_REFERENCE_M: Final = 1.4  # the distance that a scene's level refers to
_T60_NEPERS: Final = 6.91  # ln(1000): a t60 is this many time constants


@dataclass(frozen=True, slots=True)
class Body:
    """A struck object: mode frequencies (Hz), decay rates (1/s) and gains, each (K,)."""

    material: Material
    frequencies_hz: Wide
    decays: Wide
    gains: Wide


def make_body(material: Material, rng: np.random.Generator, *, size: float = 1.0) -> Body:
    """Returns an object of a material at the pitch of its size; decay and slightly irregular modes, all below Nyquist,
    are drawn."""
    f0_hz = material.pitch_hz(size)
    ratios_K = np.asarray(material.ratios) * (1 + rng.normal(0, 0.015, len(material.ratios)))
    frequencies_K = f0_hz * ratios_K / ratios_K[0]
    t60_K = rng.uniform(*material.t60_s) * (f0_hz / frequencies_K) ** material.damping_slope
    gains_K = np.exp(-material.tilt * np.arange(len(ratios_K))) * rng.uniform(0.7, 1.0, len(ratios_K))
    keep_K = frequencies_K < 0.45 * RATE_HZ
    return Body(material, frequencies_K[keep_K], (_T60_NEPERS / t60_K)[keep_K], gains_K[keep_K])


def render_strike(body: Body, rng: np.random.Generator, *, hardness: float = 1.0) -> Samples:
    """Returns one strike, peak 1.0, starting at its first sample. `hardness` in 0..1: a soft strike is duller."""
    contact_s = body.material.contact_s * (2.0 - hardness)
    dull_K = 1.0 / (1.0 + (body.frequencies_hz * contact_s) ** 2)
    gains_K = body.gains * dull_K * rng.uniform(0.75, 1.25, len(body.gains))
    length = int(RATE_HZ * min(2.0, _T60_NEPERS / body.decays.min() + 0.02))
    t_T = np.arange(length) / RATE_HZ
    phases_KT = 2 * np.pi * body.frequencies_hz[:, None] * t_T
    ring_T = gains_K @ (np.sin(phases_KT) * np.exp(-body.decays[:, None] * t_T))
    share = body.material.noise_share * (0.6 + 0.4 * hardness)
    strike_T = (1 - share) * _unit_peak(ring_T) + share * _unit_peak(_burst(body.material, rng, t_T))
    strike_T *= 1 - np.exp(-t_T / 0.0003)
    return _unit_peak(strike_T).astype(np.float32)


def render_strikes(
    body: Body, times_s: Sequence[float], strengths: Sequence[float], duration_s: float, rng: np.random.Generator
) -> Samples:
    """Returns the dry audio (T,) of strikes at `times_s` with peak amplitudes `strengths` (linear)."""
    total = round(duration_s * RATE_HZ)
    dry_T = np.zeros(total, np.float32)
    hardness = float(np.clip(1.0 + np.log10(max(strengths, default=1.0) + 1e-9) / 1.5, 0.0, 1.0))
    variants = [render_strike(body, rng, hardness=hardness) for _ in range(_VARIANTS)]
    for time_s, strength in zip(times_s, strengths, strict=True):
        start = round(time_s * RATE_HZ)
        strike_T = variants[rng.integers(_VARIANTS)][: total - start]
        dry_T[start : start + len(strike_T)] += np.float32(strength) * strike_T
    return dry_T


def at_distance(dry_T: Samples, distance_m: float, rng: np.random.Generator) -> Samples:
    """Returns the audio as recorded at a distance in a room: quieter, duller and more reverberant.

    The propagation delay is left out, so that audio and video stay in sync. Source: the three cues of SPEC A4.
    """
    from scipy.signal import fftconvolve

    direct_T = _air(dry_T, distance_m) * min(1.5, (_REFERENCE_M / distance_m) ** 0.8)
    t60_s = 0.25 + 0.06 * min(distance_m, 12.0)
    tail = np.arange(int(RATE_HZ * t60_s)) / RATE_HZ
    response_T = rng.standard_normal(len(tail)) * np.exp(-_T60_NEPERS * tail / t60_s)
    response_T[: int(0.004 * RATE_HZ)] = 0.0  # the first reflection comes after the direct sound
    response_T /= np.sqrt(np.sum(response_T**2))
    wet_T = _air(fftconvolve(dry_T, response_T)[: len(dry_T)].astype(np.float32), distance_m + 4.0)
    return (direct_T + 0.10 * wet_T).astype(np.float32)  # the reverberant field is as loud everywhere in a room


def room_tone(length: int, level_db: float, rng: np.random.Generator) -> Samples:
    """Returns faint low-passed background noise (T,) with an RMS of `level_db` dBFS."""
    noise_T = filtered(rng.standard_normal(length), 800)
    return (noise_T / np.sqrt(np.mean(noise_T**2)) * gain(level_db)).astype(np.float32)


def gain(level_db: float) -> float:
    """Returns the linear factor of a level in dB."""
    return float(10 ** (level_db / 20))


def filtered(samples_T: Samples | Wide, band_hz: float | tuple[float, float], *, order: int = 1) -> Wide:
    """Returns samples (T,) after a Butterworth low-pass, or a band-pass where two limits are given."""
    from scipy.signal import butter, sosfilt  # takes a CPU second; listing the corpus's clips needs none of it

    kind = "band" if isinstance(band_hz, tuple) else "low"
    return np.asarray(sosfilt(butter(order, band_hz, btype=kind, fs=RATE_HZ, output="sos"), samples_T))


def _air(dry_T: Samples, distance_m: float) -> Samples:
    """Returns the audio duller with distance: unchanged within a metre, low-passed at about 2 kHz at ten."""
    if distance_m <= 1.0:
        return dry_T
    cutoff_hz = min(7500.0, 16_000.0 / distance_m**0.9)
    return filtered(dry_T, cutoff_hz).astype(np.float32)


def _burst(material: Material, rng: np.random.Generator, t_T: Wide) -> Wide:
    noise_T = rng.standard_normal(len(t_T)) * np.exp(-t_T / material.noise_decay_s)
    return filtered(noise_T, material.noise_band_hz)


def _unit_peak(samples_T: Wide) -> Wide:
    return samples_T / max(1e-9, float(np.max(np.abs(samples_T))))
