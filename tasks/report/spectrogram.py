"""Spectrogram pictures as indexed PNG, drawn with numpy alone: fast, small and the same bytes every time.

Legend: T samples, C columns (time), R rows (frequency, top = highest). Level in dB below `reference`, so that two
pictures drawn with one reference compare. The colours are matplotlib's `magma` (perceptually uniform).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.media.samples import Samples

Levels = npt.NDArray[np.float64]

COLUMNS: Final = 420
ROWS: Final = 112
RANGE_DB: Final = 72.0
_SHADES: Final = 64  # of the palette; more cost bytes that nobody sees
_WINDOW_S: Final = 0.032


def top_hz(rate_hz: int) -> int:
    """Returns the highest drawn frequency: 8 kHz for narrow-band sound, else 16 kHz. One choice per picture pair."""
    return 8000 if rate_hz <= 24000 else 16000


def power(samples_T: Samples, rate_hz: int, *, span_s: float, top: int) -> Levels:
    """Returns the power spectrogram (R, C) over 0..`span_s` s and 0..`top` Hz; NaN where there is no sound.

    Each cell holds the loudest bin it covers, so short strikes stay visible. Full-scale sine = 1.
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
    """Returns the largest power of a spectrogram, the natural reference; a tiny positive number for silence."""
    finite = power_RC[np.isfinite(power_RC)]
    return max(float(finite.max(initial=0.0)), 1e-9)


def to_png(power_RC: Levels, *, reference: float) -> bytes:
    """Returns an indexed PNG (R x C): `reference` is the brightest colour, -72 dB black, no sound transparent."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level_db = 10 * np.log10(np.maximum(power_RC, 1e-20) / reference)
    shade = np.clip(np.round((level_db / RANGE_DB + 1) * (_SHADES - 1)), 0, _SHADES - 1)
    index = np.where(np.isfinite(power_RC), np.nan_to_num(shade) + 1, 0).astype(np.uint8)
    return _indexed_png(index)


def envelope(samples_T: Samples, rate_hz: int, *, span_s: float, points: int = 160) -> list[float]:
    """Returns the peak amplitude (0..1) in each of `points` equal stretches of 0..`span_s`; 0 past the end."""
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


def _indexed_png(index_RC: npt.NDArray[np.uint8]) -> bytes:
    rows, columns = index_RC.shape
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), index_RC], axis=1)  # filter byte 0 per line
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", _palette()),
        (b"tRNS", b"\x00"),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in [*chunks, (b"IEND", b"")])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _palette() -> bytes:
    """Entry 0 is transparent; 1.. are magma from black to white-yellow."""
    from matplotlib import colormaps

    shades = colormaps["magma"](np.linspace(0.02, 0.99, _SHADES))[:, :3]
    return b"\x00\x00\x00" + np.round(shades * 255).astype(np.uint8).tobytes()
