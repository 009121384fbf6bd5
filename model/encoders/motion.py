"""Motion features computed from the frames: the embedded placeholder for Synchformer (SPEC M8).

Legend: T frames, H height, W width, C = 3 colours, R x R cells of a grid, D = 64 features.
A strike appears as a downward movement that stops or reverses while the struck place does not move. So each frame has
per cell: how much changed, whether it became lighter, and the vertical movement; and for the whole frame the movement
up, down and sideways with first and second differences in time. There are no weights: the definition has a version,
whose hash takes the place of a weights' hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from model.encoders.checks import check_frames
from model.frames import Fit, Frames
from model.specs import SyncSpec

VERSION: Final = "motion-1"
SIZE: Final = 64
FPS: Final = 25.0
DIM: Final = 64
_GRID: Final = 4
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Motion:
    """One feature vector per frame, of about unit scale, zero for a still video."""

    spec: ClassVar[SyncSpec] = SyncSpec(
        name="motion", dim=DIM, weights_sha256=hashlib.sha256(VERSION.encode()).hexdigest(), placeholder=True, fps=FPS
    )
    size: ClassVar[int] = SIZE
    fit: ClassVar[Fit] = "crop"

    def encode(self, frames_THWC: Frames) -> torch.Tensor:
        """Returns (T, D) float32. Raises ContractError unless frames are uint8 (T, 64, 64, 3)."""
        check_frames(frames_THWC, SIZE, "motion")
        gray_THW = frames_THWC.astype(np.float32) @ _LUMA / 255.0
        change_THW = np.diff(gray_THW, axis=0, prepend=gray_THW[:1])
        middle_THW = (gray_THW + np.concatenate([gray_THW[:1], gray_THW[:-1]])) / 2
        # Brightness constancy: dI/dt = -v dI/dx, so -dI/dt * dI/dx has the sign of the velocity and grows with it.
        down_THW = -change_THW * np.gradient(middle_THW, axis=1)
        right_THW = -change_THW * np.gradient(middle_THW, axis=2)
        per_cell = [
            _compress(_cells(np.abs(change_THW)), 400.0),
            _compress(_cells(change_THW), 400.0),
            _compress(_cells(down_THW), 4000.0),
        ]
        features_TD = np.concatenate([*per_cell, _whole_frame(change_THW, down_THW, right_THW)], axis=1)
        return torch.from_numpy(np.ascontiguousarray(features_TD, np.float32))


def _whole_frame(change_THW: Floats, down_THW: Floats, right_THW: Floats) -> Floats:
    """Returns (T, 16): amount, down, up, sideways, net vertical; their differences; the height of the movement."""
    total_T = _compress(np.abs(change_THW).mean(axis=(1, 2)), 400.0)
    falling_T = _compress(np.maximum(down_THW, 0).mean(axis=(1, 2)), 4000.0)
    rising_T = _compress(np.maximum(-down_THW, 0).mean(axis=(1, 2)), 4000.0)
    net_T = _compress(down_THW.mean(axis=(1, 2)), 4000.0)
    sideways_T = _compress(right_THW.mean(axis=(1, 2)), 4000.0)
    signals_TX = np.stack([total_T, falling_T, rising_T, net_T, sideways_T], axis=1)
    first_TX = np.diff(signals_TX, axis=0, prepend=signals_TX[:1])
    second_TX = np.diff(first_TX, axis=0, prepend=first_TX[:1])
    height_T = _height(np.abs(change_THW))
    return np.concatenate([signals_TX, first_TX, second_TX, height_T[:, None]], axis=1)


def _height(change_THW: Floats) -> Floats:
    """Returns (T,) where the change happens: +1 at the top, -1 at the bottom, 0 when nothing moves."""
    rows_TH = change_THW.mean(axis=2)
    position_H = np.linspace(1.0, -1.0, SIZE, dtype=np.float32)
    weighted_T: Floats = (rows_TH @ position_H) / (rows_TH.sum(axis=1) + 1e-2)
    return weighted_T


def _cells(values_THW: Floats) -> Floats:
    """Returns the means over an R x R grid, (T, R * R)."""
    side = SIZE // _GRID
    grid = values_THW.reshape(len(values_THW), _GRID, side, _GRID, side).mean(axis=(2, 4))
    return grid.reshape(len(values_THW), _GRID * _GRID)


def _compress(values: Floats, gain: float) -> Floats:
    """Returns sign(x) log(1 + gain |x|), so that small movements are visible beside large ones."""
    compressed: Floats = (np.sign(values) * np.log1p(gain * np.abs(values))).astype(np.float32)
    return compressed
