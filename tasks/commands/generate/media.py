"""The files that a person named, read as the encoders and the codec need them; errors name the option.

Legend: T samples or video frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from data_contracts import ItemError, UsageError
from model.variants import Surrogate
from tasks.media.audio import SILENT_PEAK, read_audio
from tasks.media.samples import Samples
from tasks.media.video import Fit, Frames, VideoInfo, probe_video, read_frames

_REPEATED_S: Final = 2.0  # SPEC G8, S2


@contextmanager
def naming(option: str) -> Iterator[None]:
    """A file that a person named and that cannot be read is wrong usage, said in one line."""
    try:
        yield
    except ItemError as error:
        raise UsageError(f"{option}: {error.message}") from error


def video_info(path: Path, option: str = "--video") -> VideoInfo:
    """Returns what a probe finds. Raises UsageError naming the option, also for a picture without length."""
    with naming(option):
        info = probe_video(path)
    if info.duration_s <= 0:
        raise UsageError(f"{option}: {path.name} shows no picture for any time; give a video, not a still")
    return info


def frames_of(
    path: Path, option: str, *, count: int, fps: float, size: int, start_s: float = 0.0, fit: Fit = "crop"
) -> Frames:
    """Returns `count` square frames from `start_s` on; past the end the last one stays."""
    with naming(option):
        return read_frames(path, fps=fps, size=size, start_s=start_s, duration_s=count / fps, fit=fit)[:count]


def sound_of(path: Path, option: str, rate_hz: int) -> Samples:
    """Returns mono samples (T,) at `rate_hz`."""
    with naming(option):
        return read_audio(path, rate_hz=rate_hz)[0]


def track_of(video: Path, rate_hz: int, instead: str) -> Samples:
    """Returns the video's own sound; `instead` names the option that a silent film needs."""
    if not video_info(video).has_audio:
        raise UsageError(f"--video {video.name} has no sound track; give {instead}")
    return sound_of(video, "--video", rate_hz)


def require_audible(samples_T: Samples, path: Path, option: str) -> None:
    """Raises UsageError for silence: there is no timbre in it to take."""
    peak = float(np.max(np.abs(samples_T), initial=0.0))
    if peak <= SILENT_PEAK:
        raise UsageError(
            f"{option} {path.name} is silent: its peak is {peak:.2e} of full scale, at most {SILENT_PEAK:g}"
        )


def surrogate_frames(frames_THWC: Frames, count: int, kind: Surrogate, fps: float) -> Frames:
    """Returns `count` frames that stand for the reference's picture, made from the target's (or its own when `true`).

    Source: SPEC G4 (crop: cropped or duplicated), G8 (blank, repeat).
    """
    if kind == "blank":
        return np.zeros((count, *frames_THWC.shape[1:]), np.uint8)
    period = len(frames_THWC)
    if kind == "repeat":
        period = min(period, round(_REPEATED_S * fps))
    return frames_THWC[np.arange(count) % period]
