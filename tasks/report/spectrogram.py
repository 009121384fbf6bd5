"""Spectrograms as indexed PNG images.

Legend: T samples, C columns (time), R rows (frequency, top = highest). Levels are in dB below `reference`, so images
drawn with the same reference can be compared. The colours are `magma`, a perceptually uniform map.
"""

from __future__ import annotations

import io
import itertools
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tasks.media.samples import Samples

Levels = npt.NDArray[np.float64]

COLUMNS: Final = 420
ROWS: Final = 112
RANGE_DB: Final = 72.0
_MAGMA: Final = bytes.fromhex(
    "02020b04041407061c0a08220e0b2b130d34180f3d1d114722115029115a2f116336106b3d0f71440f764a107951127c"
    "57157e5d177f641a806a1c816e1e817521817b23828125818827818e2a81942c809b2e7fa1307ea8327dae347bb5367a"
    "bc3978c23b75c83e73cf4070d5446dd9466bdf4a68e44f64e95462ed5a5ff1605df4675cf66e5cf8765cfa7d5efb8560"
    "fc8c63fd9467fd9b6bfea36ffeaa74feb27afeb77efebf84fec68afecd90fed597fddc9efde3a5fdebacfcf2b4fcf9bb"
)
"""64 RGB shades from black to pale yellow; more would enlarge the file and not be seen."""
_SHADES: Final = len(_MAGMA) // 3
_WINDOW_S: Final = 0.032


def top_hz(rate_hz: int) -> int:
    """Returns the highest frequency that is drawn: 8 kHz for audio of up to 24 kHz rate, else 16 kHz."""
    return 8000 if rate_hz <= 24000 else 16000


def power(samples_T: Samples, rate_hz: int, *, span_s: float, top: int) -> Levels:
    """Returns the power spectrogram (R, C) over 0..`span_s` s and 0..`top` Hz; NaN past the end of the audio.

    Each cell is the loudest bin it covers, so short strikes stay visible. A full-scale sine is 1.
    """
    size = max(64, round(_WINDOW_S * rate_hz))
    window = np.hanning(size)
    centres = np.round((np.arange(COLUMNS * 2) + 0.5) * span_s * rate_hz / (COLUMNS * 2)).astype(np.int64)
    inside = centres < len(samples_T)
    padded = np.pad(np.asarray(samples_T, np.float64), (size // 2, size))
    frames = padded[np.minimum(centres, len(samples_T))[:, None] + np.arange(size)] * window
    spectrum: Levels = np.square(np.abs(np.fft.rfft(frames, axis=1)) * (2 / window.sum())).astype(np.float64)
    cells_2CR = _pool_rows(spectrum, np.fft.rfftfreq(size, 1 / rate_hz).astype(np.float64), top)
    cells_2CR[~inside] = np.nan
    pairs = cells_2CR.reshape(COLUMNS, 2, ROWS)
    return np.fmax(pairs[:, 0], pairs[:, 1]).T[::-1]


def loudest(power_RC: Levels) -> float:
    """Returns the largest power of a spectrogram, for use as `reference`; a tiny positive number for silence."""
    finite = power_RC[np.isfinite(power_RC)]
    return max(float(finite.max(initial=0.0)), 1e-9)


def to_png(power_RC: Levels, *, reference: float) -> bytes:
    """Returns a PNG (R x C): `reference` is the brightest colour, 72 dB below it black, NaN transparent."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level_db = 10 * np.log10(np.maximum(power_RC, 1e-20) / reference)
    shade = np.clip(np.round((level_db / RANGE_DB + 1) * (_SHADES - 1)), 0, _SHADES - 1)
    index = np.where(np.isfinite(power_RC), np.nan_to_num(shade) + 1, 0).astype(np.uint8)
    image = Image.frombytes("P", index.shape[::-1], index.tobytes())
    image.putpalette(b"\x00\x00\x00" + _MAGMA)
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0, compress_level=9)
    return out.getvalue()


def envelope(samples_T: Samples, rate_hz: int, *, span_s: float, points: int = 160) -> list[float]:
    """Returns the peak amplitude (0..1) in each of `points` equal intervals of 0..`span_s`; 0 past the end."""
    edges = np.round(np.linspace(0, span_s * rate_hz, points + 1)).astype(int)
    levels = np.abs(samples_T)
    return [float(levels[a : max(b, a + 1)].max(initial=0.0)) for a, b in itertools.pairwise(edges)]


def _pool_rows(spectrum_CF: Levels, bins_hz: Levels, top: int) -> Levels:
    """Returns (C, R): the maximum over the bins nearest to each row's band. Rows above Nyquist are empty (0)."""
    edges = np.linspace(0, top, ROWS + 1)
    low = np.clip(np.searchsorted(bins_hz, edges[:-1]), 0, len(bins_hz))
    nearest = np.clip(np.round(edges[:-1] / bins_hz[1]).astype(int), 0, len(bins_hz) - 1)
    high = np.searchsorted(bins_hz, edges[1:])
    pooled = np.zeros((len(spectrum_CF), ROWS))
    for row in range(ROWS):
        if edges[row] <= bins_hz[-1]:
            cells = spectrum_CF[:, low[row] : high[row]]
            pooled[:, row] = cells.max(axis=1) if cells.shape[1] else spectrum_CF[:, nearest[row]]
    return pooled
