"""Detects the onsets of audio events; tuned on the built-in corpus, where the true times are known.

Legend: T samples, M mel bands, N frames (10 ms). An onset is a moment at which the level rises in all bands at once.
The threshold is absolute, in dB: a detector that scales the spectral flux to its own maximum would find onsets in
steady noise and in silence.
"""

from __future__ import annotations

from typing import Final

import librosa
import numpy as np
import numpy.typing as npt

from tasks.media.samples import Samples

DETECTOR: Final = "log-mel flux v1"
_HOP_S: Final = 0.01
_WINDOW_S: Final = 0.025
_BANDS: Final = 24
_RISE_DB: Final = 5.0  # mean rise over the bands; strikes in the corpus rise by 12 or more, noise rarely by 5
_DEPTH_DB: Final = 60.0  # bands this far below the loudest moment count as silent
_WAIT_S: Final = 0.08
_LAGS: Final = (2, 3, 4)  # frames to look back: an attack that a codec has smeared still counts as one rise
_TAIL: Final = 3
_FLOOR: Final = 1e-9
_INAUDIBLE_PEAK: Final = 3e-4  # -70 dBFS


def detect_onsets(samples_T: Samples, rate_hz: int) -> list[float]:
    """Returns onset times in seconds, ascending; none for silence and steady sounds."""
    if float(np.max(np.abs(samples_T), initial=0.0)) < _INAUDIBLE_PEAK or len(samples_T) < rate_hz * _WINDOW_S:
        return []
    from scipy.ndimage import maximum_filter1d  # a finished evaluation is found without it

    flux_N = _flux(samples_T, rate_hz)
    reach = 2 * round(_WAIT_S / _HOP_S) + 1
    is_peak_N = (flux_N == maximum_filter1d(flux_N, reach)) & (flux_N > _RISE_DB)
    return [float(frame) * _HOP_S for frame in _first_of_runs(np.flatnonzero(is_peak_N))]


def _flux(samples_T: Samples, rate_hz: int) -> npt.NDArray[np.float64]:
    """Returns (N,) the mean rise over the bands in dB against the quietest of the frames 20-40 ms before."""
    window = round(_WINDOW_S * rate_hz)
    power_MN = librosa.feature.melspectrogram(
        y=samples_T,
        sr=rate_hz,
        n_fft=1 << (window - 1).bit_length(),
        win_length=window,
        hop_length=round(_HOP_S * rate_hz),
        n_mels=_BANDS,
        fmin=100.0,
        fmax=min(8000.0, rate_hz / 2),
    )
    level_MN = 10 * np.log10(power_MN + _FLOOR)
    level_MN = np.maximum(level_MN, level_MN.max() - _DEPTH_DB)
    before_MN = np.min([_delayed(level_MN, lag) for lag in _LAGS], axis=0)
    flux_N: npt.NDArray[np.float64] = np.maximum(level_MN - before_MN, 0).mean(axis=0)
    flux_N[-_TAIL:] = 0  # the last windows reach past the end, where a tone that stops looks like a rise
    return flux_N


def _delayed(level_MN: npt.NDArray[np.float64], lag: int) -> npt.NDArray[np.float64]:
    """Returns the levels `lag` frames earlier; the first frame is repeated, so the start of a clip is no event."""
    return np.pad(level_MN, ((0, 0), (lag, 0)), mode="edge")[:, : level_MN.shape[1]]


def _first_of_runs(frames: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Returns the first frame of each run of neighbours that share one maximum."""
    keep = np.diff(frames, prepend=-10) > 1
    return frames[keep]
