"""What changed between two sounds, in numbers: pitch, level, spectrum, loudness trend, reverberation.

Legend: T samples, `before_T` and `after_T` mono float32, levels in dB of full scale.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyroomacoustics as pra

from tasks.audio_io import Samples

_FLOOR: Final = 1e-12
_SHARED_BAND: Final = 0.6  # of the lower Nyquist: what neither sound has lost to the resampler
_QUANTILES: Final = (0.2, 0.35, 0.5, 0.65, 0.8)
_OCTAVES_HZ: Final = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)
_AUDIBLE_BAND_DB: Final = 50.0
_WINDOWS: Final = 10  # of an 8 s sound: long enough that slow strikes fall into each
_ACTIVE_DB: Final = 30.0
_TREND_LIMIT_DB: Final = 60.0  # a burst at one end extrapolates to any number
_DIRECT_S: Final = 2.5e-3


def rms_db(samples_T: Samples) -> float:
    """Returns the root-mean-square level in dBFS."""
    return float(10 * np.log10(np.mean(np.square(samples_T, dtype=np.float64)) + _FLOOR))


def peak_db(samples_T: Samples) -> float:
    """Returns the peak level in dBFS."""
    return float(20 * np.log10(np.max(np.abs(samples_T), initial=0.0) + _FLOOR))


def pitch_ratio(before_T: Samples, after_T: Samples) -> float:
    """Returns by how much frequencies moved: the ratio that best maps one long-term spectrum onto the other.

    Searched from 0.5 to 2 in two passes, by comparing the energy's quantiles; no assumption on the lengths.
    """
    low, high = 0.5, 2.0
    best = 1.0
    before, after = np.cumsum(_spectrum(before_T)), np.cumsum(_spectrum(after_T))
    for steps in (61, 81):
        ratios = np.geomspace(low, high, steps)
        errors = [_quantile_error(before, after, float(ratio)) for ratio in ratios]
        best = float(ratios[int(np.argmin(errors))])
        low, high = best / 1.04, best * 1.04
    return best


def octave_slope_db(before_T: Samples, after_T: Samples, rate_hz: int) -> float | None:
    """Returns how the change of level goes with frequency, in dB per octave; negative is darker.

    A line through the octaves in which the first sound can be heard (within 50 dB of its strongest), the strong ones
    counting more; None with fewer than three of them.
    """
    before, after = _octaves_db(before_T, rate_hz), _octaves_db(after_T, rate_hz)
    heard = before > before.max() - _AUDIBLE_BAND_DB
    if heard.sum() < 3:
        return None
    weights = 10 ** ((before[heard] - before.max()) / 40)
    return float(np.polyfit(np.arange(len(before))[heard], (after - before)[heard], 1, w=weights)[0])


def loudness_trend_db(samples_T: Samples) -> float:
    """Returns by how many dB the level rises from start to end, by a straight line through its audible tenths."""
    window = len(samples_T) // _WINDOWS
    if window == 0:
        return 0.0
    windows = samples_T[: _WINDOWS * window].reshape(_WINDOWS, window)
    level_db = 10 * np.log10(np.mean(np.square(windows, dtype=np.float64), axis=1) + _FLOOR)
    active = level_db > level_db.max() - _ACTIVE_DB
    if active.sum() < 3:
        return 0.0
    position = (np.arange(_WINDOWS) + 0.5) / _WINDOWS
    slope = np.polyfit(position[active], level_db[active], 1)[0]
    return float(np.clip(slope, -_TREND_LIMIT_DB, _TREND_LIMIT_DB))


def direct_to_reverberant_db(response_T: Samples, direct: int, rate_hz: int) -> float:
    """Returns the energy of a room response within 2.5 ms of its direct sound (sample `direct`) over all the rest."""
    reach = max(1, round(_DIRECT_S * rate_hz))
    energy = np.square(response_T, dtype=np.float64)
    near = energy[max(0, direct - reach) : direct + reach + 1].sum()
    return float(10 * np.log10((near + _FLOOR) / (energy.sum() - near + _FLOOR)))


def t60_s(response_T: Samples, rate_hz: int) -> float:
    """Returns the reverberation time of a room response, extrapolated from its first 30 dB of decay."""
    return float(pra.experimental.measure_rt60(response_T, fs=rate_hz, decay_db=30))


def _spectrum(samples_T: Samples) -> np.ndarray:
    return np.asarray(np.square(np.abs(np.fft.rfft(samples_T.astype(np.float64)))))


def _quantile_error(before: np.ndarray, after: np.ndarray, ratio: float) -> float:
    """Compares where the energy's quantiles lie, within the band that both sounds keep if `ratio` were true.

    `before` and `after` are running sums of energy over frequency.
    """
    top = _SHARED_BAND * min(1.0, 1.0 / ratio)
    first = _quantiles(before, max(2, int(top * len(before)))) / len(before)
    second = _quantiles(after, max(2, int(top * ratio * len(after)))) / len(after)
    return float(np.sum(np.square(np.log((second + _FLOOR) / (first * ratio + _FLOOR)))))


def _quantiles(energy: np.ndarray, count: int) -> np.ndarray:
    """Returns the bins (from 1) at which the running sum passes shares of what its first `count` bins hold."""
    levels = energy[0] + np.asarray(_QUANTILES) * (energy[count - 1] - energy[0])
    return np.asarray(np.searchsorted(energy[:count], levels) + 1.0)


def _octaves_db(samples_T: Samples, rate_hz: int) -> np.ndarray:
    power = _spectrum(samples_T) / len(samples_T)
    hz = np.fft.rfftfreq(len(samples_T), 1 / rate_hz)
    centres = [centre for centre in _OCTAVES_HZ if centre * np.sqrt(2) <= rate_hz / 2 * 1.45]
    bands = [power[(hz >= centre / np.sqrt(2)) & (hz < centre * np.sqrt(2))].sum() for centre in centres]
    return np.asarray(10 * np.log10(np.asarray(bands) + _FLOOR))
