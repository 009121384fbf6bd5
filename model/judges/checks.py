"""Checks of what the judges are given: sounds and frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from data_contracts import ContractError, ItemError
from data_contracts.quantities import counted
from model.frames import Frames
from model.judges.protocols import JudgeSpec


def check_sounds(spec: JudgeSpec, sounds: Sequence[torch.Tensor], seeds: Sequence[int], *, least: int) -> None:
    """Checks what `judge_audio` is given; `least` is the number of samples that the judge needs.

    Raises ContractError unless each sound is float32 (T), finite and has a seed, ItemError `too_short` for T < least.
    """
    spec.require("audio")
    if len(seeds) != len(sounds):
        given = f"{counted(len(seeds), 'seed')} for {counted(len(sounds), 'sound')}"
        raise ContractError(f"judge {spec.name}: got {given}; expected one each")
    for number, sound in enumerate(sounds, 1):
        where = f"judge {spec.name}: sound {number} of {len(sounds)}"
        if sound.dtype != torch.float32 or sound.ndim != 1:
            raise ContractError(f"{where} is {tuple(sound.shape)} {sound.dtype}; expected (samples) float32, mono")
        if not bool(torch.isfinite(sound).all()):
            raise ContractError(f"{where} has values that are not finite; check the file that it was read from")
        if len(sound) < least:
            raise ItemError("too_short", f"{where} has {len(sound)} samples; {_least(spec, least)}")


def check_video(spec: JudgeSpec, frames: Frames, size: int, *, least: int, square: bool = True) -> None:
    """Checks what `judge_video` is given; `least` is the number of frames that the judge needs.

    Raises ContractError unless frames are uint8 (F, size, size, 3), or (F, H, W, 3) with a short side of `size` where
    they are not square, and ItemError `too_short` for F < least.
    """
    spec.require("video")
    sides = frames.shape[1:3]
    fits = frames.ndim == 4 and frames.shape[3] == 3 and min(sides) == size and (not square or sides == (size, size))
    if frames.dtype != np.uint8 or not fits:
        wanted = f"(n, {size}, {size}, 3)" if square else f"(n, height, width, 3), the short side {size}"
        raise ContractError(f"judge {spec.name}: got frames {frames.shape} {frames.dtype}; expected {wanted}, uint8")
    if len(frames) < least:
        shown = counted(len(frames), "frame")
        raise ItemError(
            "too_short", f"judge {spec.name}: got {shown} at {spec.fps:g} per second; it needs at least {least}"
        )


def _least(spec: JudgeSpec, least: int) -> str:
    seconds = f" ({least / spec.rate_hz:.3g} s)" if spec.rate_hz else ""
    return f"it needs at least {least}{seconds}"
