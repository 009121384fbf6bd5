"""Spectrograms as small grey pictures, one clip above another, drawn with Pillow.

Legend: T samples, H rows, W columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image

from tasks.media.samples import Samples

_WINDOW: Final = 1024
_RANGE_DB: Final = 70.0  # below the upper clip's loudest value: black
_GAP: Final = 4  # white rows between the two


def save_pair(path: Path, above_T: Samples, below_T: Samples, *, width: int = 640, height: int = 128) -> None:
    """Writes a PNG: two clips' spectrograms of equal length, low frequencies at the bottom, on one scale of grey."""
    above_HW, below_HW = (_spectrum_db(audio_T) for audio_T in (above_T, below_T))
    top_db = float(above_HW.max())
    gap_HW = np.full((_GAP, width), 255, np.uint8)
    picture_HW = np.concatenate(
        [_grey(above_HW, top_db, width, height), gap_HW, _grey(below_HW, top_db, width, height)]
    )
    Image.fromarray(picture_HW).save(path, optimize=True)


def _spectrum_db(audio_T: Samples) -> np.ndarray:
    """Returns levels in dB, the highest frequency first."""
    hann = torch.hann_window(_WINDOW)
    spectrum = torch.stft(torch.from_numpy(audio_T), _WINDOW, _WINDOW // 8, window=hann, return_complex=True)
    levels: np.ndarray = 20 * torch.log10(spectrum.abs() + 1e-6).flip(0).numpy()
    return levels


def _grey(level_HW: np.ndarray, top_db: float, width: int, height: int) -> np.ndarray:
    share_HW = np.clip(1 + (level_HW - top_db) / _RANGE_DB, 0, 1)
    picture = Image.fromarray(np.round(share_HW * 255).astype(np.uint8))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))
