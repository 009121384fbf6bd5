"""By how much frequencies and time of audio were scaled, measured from the samples; None where they do not show it.

Legend: T samples, B bins of log-frequency or time. `before_T` and `after_T` are mono float32 that start together.

Frequencies: both spectra on a log-frequency axis, where a ratio is a shift, found by cross-correlation. The spectra are
those of the whole audio, not averages of short frames: so even white noise has a fine structure that moves with the
ratio. Time: both loudness envelopes, one of them read faster or slower, until they agree.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.fft

from tasks.media.samples import Samples

_ENOUGH_S: Final = 2.0  # the rest is read only where this much does not show the ratio
_BINS_PER_OCTAVE: Final = 96
_LOWEST_HZ: Final = 60.0
_LOWEST_CYCLES: Final = 60.0  # of a frequency within the audio: with fewer, its bin is too wide for a ratio
_TOP_SHARE: Final = 0.9  # of Nyquist: above it resamplers fade out
_DETAIL_BINS: Final = 49  # half an octave: what is broader is the colour of a recording, not its pitch
_ROUNDING_POWER: Final = 4 * (1 / 32768) ** 2 / 12  # four times what 16 bits add
_AUDIBLE: Final = 4.0  # times that: a bin that counts
_MIN_CORRELATION: Final = 0.5
_AMBIGUOUS: Final = 0.9  # of the best correlation: another ratio this good, `_APART_BINS` away, leaves the ratio open
_APART_BINS: Final = 8

_HOP_S: Final = 0.02
_TIME_RATIOS: Final = 61
_MIN_TIME_CORRELATION: Final = 0.8
_EVENTFUL_DB: Final = 3.0
_TIME_FLOOR_DB: Final = 40.0
_APART: Final = 5  # ratios, 12 %: there the agreement has fallen
_SHARPER: Final = 0.1

_Floats = npt.NDArray[np.float64]


def pitch_ratio(before_T: Samples, after_T: Samples, rate_hz: int) -> float | None:
    """Returns the ratio, 0.5 to 2, by which frequencies rose; None when the spectra fit several ratios or none.

    `after_T` is played from all of `before_T`. Source: SPEC A3.
    """
    share = min(1.0, _ENOUGH_S * rate_hz / max(len(before_T), len(after_T), 1))
    ratio = _pitch_ratio(before_T, after_T, rate_hz, share)
    return _pitch_ratio(before_T, after_T, rate_hz, 1.0) if ratio is None and share < 1.0 else ratio


def time_ratio(before_T: Samples, after_T: Samples, rate_hz: int) -> float | None:
    """Returns how much faster, 0.5 to 2, `after_T` runs than `before_T`; None where the level is too steady."""
    before_B, after_B = _envelope_db(before_T, rate_hz), _envelope_db(after_T, rate_hz)
    if min(len(before_B), len(after_B)) < 20 or min(before_B.std(), after_B.std()) < _EVENTFUL_DB:
        return None
    ratios = np.geomspace(0.5, 2.0, _TIME_RATIOS)
    similarity = _agreement(before_B, after_B, ratios)
    best = int(np.argmax(similarity))
    if similarity[best] < _MIN_TIME_CORRELATION or not _APART <= best < len(ratios) - _APART:
        return None
    if similarity[[best - _APART, best + _APART]].max() > similarity[best] - _SHARPER:
        return None
    fine = np.geomspace(ratios[best - 1], ratios[best + 1], 15)
    return float(fine[int(np.argmax(_agreement(before_B, after_B, fine)))])


def _pitch_ratio(before_T: Samples, after_T: Samples, rate_hz: int, share: float) -> float | None:
    """Returns `pitch_ratio` of the first `share` of both."""
    first_T, second_T = before_T[: round(share * len(before_T))], after_T[: round(share * len(after_T))]
    low_hz = max(_LOWEST_HZ, _LOWEST_CYCLES * rate_hz / max(1, min(len(first_T), len(second_T))))
    if low_hz > _TOP_SHARE * rate_hz / 8:
        return None
    before_B, after_B = _log_spectrum(first_T, rate_hz, low_hz), _log_spectrum(second_T, rate_hz, low_hz)
    if before_B is None or after_B is None:
        return None
    similarity = _shifted_correlation(before_B, after_B, _BINS_PER_OCTAVE)
    best = int(np.argmax(similarity))
    far = np.abs(np.arange(len(similarity)) - best) >= _APART_BINS
    if not 0 < best < len(similarity) - 1 or similarity[best] < _MIN_CORRELATION:
        return None
    if similarity[far].max() > _AMBIGUOUS * similarity[best]:
        return None
    shift = best + _vertex(similarity[best - 1 : best + 2]) - _BINS_PER_OCTAVE
    return float(2 ** (shift / _BINS_PER_OCTAVE))


def _log_spectrum(samples_T: Samples, rate_hz: int, low_hz: float) -> _Floats | None:
    """Returns the spectrum's fine structure in dB per log-frequency bin; None when all of it is rounding noise."""
    count = scipy.fft.next_fast_len(len(samples_T), real=True)
    window = np.square(1 - np.square(np.linspace(-1, 1, len(samples_T), dtype=np.float32)))
    spectrum = scipy.fft.rfft(samples_T * window, count)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    running = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    top_hz = _TOP_SHARE * rate_hz / 2
    octaves = np.log2(top_hz / low_hz)
    edges_hz = low_hz * 2 ** (np.arange(int(octaves * _BINS_PER_OCTAVE) + 1) / _BINS_PER_OCTAVE)
    band = np.diff(np.interp(edges_hz * count / rate_hz + 0.5, np.arange(len(running)), running))
    rounding = _ROUNDING_POWER * count * len(samples_T) * np.diff(edges_hz) / rate_hz
    if not (band > _AUDIBLE * rounding).any():
        return None
    level_db = 10 * np.log10(np.maximum(band, rounding))
    kernel = np.ones(_DETAIL_BINS) / _DETAIL_BINS
    padded = np.pad(level_db, _DETAIL_BINS // 2, mode="edge")
    detail: _Floats = level_db - np.convolve(padded, kernel, mode="valid")
    return detail


def _shifted_correlation(before_B: _Floats, after_B: _Floats, reach: int) -> _Floats:
    """Returns, for shifts -reach to reach, the correlation of what overlaps."""
    padded = np.pad(after_B, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(before_B))
    present = np.lib.stride_tricks.sliding_window_view(np.pad(np.ones(len(after_B)), reach), len(before_B))
    energy = (present @ np.square(before_B)) * np.square(windows).sum(axis=1)
    return np.asarray(windows @ before_B / np.sqrt(energy + 1e-12))


def _vertex(three: _Floats) -> float:
    """Returns where a parabola through three points around a maximum peaks, -0.5 to 0.5."""
    curve = float(three[0] - 2 * three[1] + three[2])
    return 0.0 if curve >= 0 else float(0.5 * (three[0] - three[2]) / curve)


def _envelope_db(samples_T: Samples, rate_hz: int) -> _Floats:
    hop = max(1, round(_HOP_S * rate_hz))
    count = len(samples_T) // hop
    blocks = samples_T[: count * hop].reshape(count, hop)
    level_db = 10 * np.log10(np.einsum("BT,BT->B", blocks, blocks).astype(np.float64) / hop + 1e-12)
    return np.maximum(level_db, level_db.max(initial=-120.0) - _TIME_FLOOR_DB)


def _agreement(before_B: _Floats, after_B: _Floats, ratios: _Floats) -> _Floats:
    """Returns, per ratio, the correlation of `after_B` with `before_B` read that much faster, over the bins of both."""
    at = (np.arange(len(after_B)) + 0.5) * ratios[:, None] - 0.5
    both = at <= len(before_B) - 1
    count = np.maximum(both.sum(axis=1, keepdims=True), 1)
    first = np.interp(at, np.arange(len(before_B)), before_B)
    second = np.broadcast_to(after_B, first.shape)
    first, second = (
        np.where(both, one - np.sum(one, axis=1, keepdims=True, where=both) / count, 0.0) for one in (first, second)
    )
    energy = np.sum(first * first, axis=1) * np.sum(second * second, axis=1)
    similarity = np.sum(first * second, axis=1) / np.sqrt(energy + 1e-9)
    return np.where(count[:, 0] < 20, 0.0, similarity)
