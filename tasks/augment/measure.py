"""What changed between audio before and after, in numbers: level, spectrum, loudness trend, reverberation.

Legend: T samples, B blocks; `before_T` and `after_T` mono float32, levels in dB of full scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyroomacoustics as pra
import scipy.fft

from data_contracts import ItemError
from tasks.media.samples import Samples

Measured = dict[str, float | None]
"""What a row stores of a change: numbers by name, None where the audio does not show the quantity."""

_FLOOR: Final = 1e-12
_OCTAVES_HZ: Final = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)
_AUDIBLE_BAND_DB: Final = 50.0
_FRAME: Final = 8192
_PARTS: Final = 48
_REACH: Final = 4  # parts on either side: together nearly a fifth of the length, which slow strikes fall into
_LAG: Final = 16  # parts: a third of the length
_MAX_GAP: Final = 12  # parts
_MIN_PARTS: Final = 3
_ACTIVE_DB: Final = 25.0
_INAUDIBLE_DB: Final = -70.0
_STEP_DB: Final = 1.0
_GAIN_WINDOWS: Final = 50
_MIN_GAINS: Final = 5
_ROUNDED_DB: Final = -76.0  # below it 16 bits blur a window's level
_DIRECT_S: Final = 2.5e-3

_Floats = npt.NDArray[np.float64]


def effect_missing(what: str, found: float, wanted: str) -> ItemError:
    """Returns the error of a change that did not happen: what was measured, the number found, what was wanted."""
    return ItemError("effect_missing", f"{what} is {found:.4g}; wanted {wanted}")


def rms_db(samples_T: Samples) -> float:
    """Returns the root-mean-square level in dBFS."""
    return float(10 * np.log10(_energy(samples_T) / max(len(samples_T), 1) + _FLOOR))


def peak_db(samples_T: Samples) -> float:
    """Returns the peak level in dBFS."""
    return float(20 * np.log10(max(samples_T.max(initial=0.0), -samples_T.min(initial=0.0)) + _FLOOR))


def octave_slope_db(before_T: Samples, after_T: Samples, rate_hz: int) -> float | None:
    """Returns how the change of level depends on frequency, in dB per octave; negative is darker.

    A line through the octaves that are audible before (within 50 dB of the strongest), the strong ones counting more;
    None with fewer than three of them.
    """
    before, after = _octaves_db(before_T, rate_hz), _octaves_db(after_T, rate_hz)
    audible = before > before.max() - _AUDIBLE_BAND_DB
    if audible.sum() < 3:
        return None
    weights = 10 ** ((before[audible] - before.max()) / 40)
    return float(np.polyfit(np.arange(len(before))[audible], (after - before)[audible], 1, w=weights)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """By how many dB the level rises from start to end, of the source and of the result, and for how much of it.

    `rising` and `falling` are the shares of the result's length over which its level does that. All parts that are
    audible in the source count, and no others, so the result's trend is the source's own plus that of the gain.
    """

    before_db: float
    after_db: float
    rising: float
    falling: float


def loudness_trend(before_T: Samples, after_T: Samples) -> Trend:
    """Returns the trends of audio before and after a gain, from levels of 48 parts.

    A part is audible when it is within 25 dB of the source's loudest part and over -70 dBFS in the result. A trend is a
    straight line through the audible parts. The level rises at a part when the audible parts around it (a fifth of the
    length) are on average 1 dB below those around the part a third of the length later. Pauses of up to a quarter of
    the length are bridged.
    """
    before, after = (_window_levels_db(samples_T, _PARTS) for samples_T in (before_T, after_T))
    if before is None or after is None:
        return Trend(before_db=0.0, after_db=0.0, rising=0.0, falling=0.0)
    audible = (before > before.max() - _ACTIVE_DB) & (after > _INAUDIBLE_DB)
    if audible.sum() < _MIN_PARTS:
        return Trend(before_db=0.0, after_db=0.0, rising=0.0, falling=0.0)
    level, known = _contour(after, audible)
    both = known[:-_LAG] & known[_LAG:]
    step = np.where(both, level[_LAG:] - level[:-_LAG], 0.0)
    return Trend(
        before_db=_slope(before, audible),
        after_db=_slope(after, audible),
        rising=float(np.mean(step > _STEP_DB)),
        falling=float(np.mean(step < -_STEP_DB)),
    )


def gain_span_db(before_T: Samples, after_T: Samples, course: Callable[[_Floats], _Floats]) -> float | None:
    """Returns by how many dB the gain between `before_T` and `after_T`, of one length, rises along a course.

    `course` maps positions 0 to 1 to the share of the rise that is reached there. Measured in the fiftieths in which
    both levels can be; None with fewer than five of them.
    """
    before, after = (_window_levels_db(samples_T, _GAIN_WINDOWS) for samples_T in (before_T, after_T))
    if before is None or after is None:
        return None
    clear = (before > _ROUNDED_DB) & (after > _ROUNDED_DB)
    if clear.sum() < _MIN_GAINS:
        return None
    reached = course((np.arange(_GAIN_WINDOWS) + 0.5) / _GAIN_WINDOWS)
    return float(np.polyfit(reached[clear], (after - before)[clear], 1)[0])


def direct_to_reverberant_db(response_T: Samples, direct: int, rate_hz: int) -> float:
    """Returns the energy of a room response within 2.5 ms of its direct sound (sample `direct`) over all the rest."""
    reach = max(1, round(_DIRECT_S * rate_hz))
    energy = np.square(response_T, dtype=np.float64)
    near = energy[max(0, direct - reach) : direct + reach + 1].sum()
    return float(10 * np.log10((near + _FLOOR) / (energy.sum() - near + _FLOOR)))


def t60_s(response_T: Samples, rate_hz: int) -> float:
    """Returns the reverberation time of a room response, extrapolated from its first 30 dB of decay."""
    return float(pra.experimental.measure_rt60(response_T, fs=rate_hz, decay_db=30))


def _energy(samples_T: Samples) -> float:
    """Returns the sum of squares: within blocks in float32, which is exact enough for 16 bits, over them in float64."""
    whole = len(samples_T) // _FRAME * _FRAME
    blocks = np.asarray(samples_T[:whole], np.float32).reshape(-1, _FRAME)
    rest = np.asarray(samples_T[whole:], np.float64)
    return float(np.einsum("BT,BT->B", blocks, blocks).sum(dtype=np.float64) + rest @ rest)


def _window_levels_db(samples_T: Samples, count: int) -> _Floats | None:
    window = len(samples_T) // count
    if window == 0:
        return None
    blocks = np.asarray(samples_T[: count * window], np.float32).reshape(count, window)
    return np.asarray(10 * np.log10(np.einsum("BT,BT->B", blocks, blocks).astype(np.float64) / window + _FLOOR))


def _contour(level_db: _Floats, audible: npt.NDArray[np.bool_]) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    """Returns the level around each part, the mean of the audible parts there, and where it is known."""
    around = np.ones(2 * _REACH + 1)
    heard = np.convolve(audible, around, mode="same")
    smooth = np.convolve(np.where(audible, level_db, 0.0), around, mode="same") / np.maximum(heard, 1)
    parts, positions = np.flatnonzero(heard > 0.5), np.arange(len(level_db))
    following = parts[np.minimum(np.searchsorted(parts, positions), len(parts) - 1)]
    preceding = parts[np.maximum(np.searchsorted(parts, positions, side="right") - 1, 0)]
    inside = (positions >= parts[0]) & (positions <= parts[-1])
    return np.interp(positions, parts, smooth[parts]), inside & (following - preceding <= _MAX_GAP)


def _slope(level_db: _Floats, used: npt.NDArray[np.bool_]) -> float:
    """Returns dB from start to end, by a line through the windows used."""
    position = (np.arange(len(level_db)) + 0.5) / len(level_db)
    return float(np.polyfit(position[used], level_db[used], 1)[0])


def _octaves_db(samples_T: Samples, rate_hz: int) -> _Floats:
    """Returns the level of each octave up to the Nyquist rate, from frames of 8192 samples that do not overlap."""
    count = -(-len(samples_T) // _FRAME)
    padded_T = np.pad(np.asarray(samples_T, np.float32), (0, count * _FRAME - len(samples_T)))
    window = np.square(1 - np.square(np.linspace(-1, 1, _FRAME, dtype=np.float32)))
    spectrum = scipy.fft.rfft(padded_T.reshape(count, _FRAME) * window)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0, dtype=np.float64) / len(samples_T)
    hz = np.fft.rfftfreq(_FRAME, 1 / rate_hz)
    centres = [centre for centre in _OCTAVES_HZ if centre * np.sqrt(2) <= rate_hz / 2 * 1.45]
    bands = [power[(hz >= centre / np.sqrt(2)) & (hz < centre * np.sqrt(2))].sum() for centre in centres]
    return np.asarray(10 * np.log10(np.asarray(bands) + _FLOOR))
