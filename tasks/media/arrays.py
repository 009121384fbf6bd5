"""Audio and frames in memory, written as files that every reader of this project gets back without a change.

Legend: T samples or frames, C channels or the 3 colours, H height, W width.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

from data_contracts import UsageError
from data_contracts.files import atomic_path
from model.frames import Frames

_BITEXACT: Final = {"fflags": "+bitexact"}
_LARGEST_RATE_HZ: Final = 768_000


def write_exact_audio(path: Path, samples: npt.ArrayLike, rate_hz: int) -> None:
    """Writes samples (T,) or (T, C), full scale 1, as a 32-bit float WAV. Equal samples give equal bytes.

    Integers are refused, because their full scale is not known. Raises UsageError that says what is wrong.
    """
    audio = np.asarray(samples)
    if audio.dtype.kind != "f":
        raise UsageError(f"audio samples have the type {audio.dtype}; give floating-point samples with full scale 1")
    if audio.ndim not in (1, 2) or not audio.size:
        raise UsageError(f"audio samples have the shape {audio.shape}; expected (T,) or (T, C)")
    if audio.ndim == 2 and audio.shape[1] > audio.shape[0]:
        raise UsageError(f"audio samples have the shape {audio.shape}; expected (T, C): time comes first")
    if not 0 < rate_hz <= _LARGEST_RATE_HZ or rate_hz != int(rate_hz):
        raise UsageError(f"the audio's rate_hz is {rate_hz}; expected a whole number of samples per second")
    with atomic_path(path) as temporary:
        wavfile.write(temporary, int(rate_hz), np.ascontiguousarray(audio, np.float32))


def write_exact_video(path: Path, frames: Frames, fps: float) -> None:
    """Writes frames (T, H, W, 3), uint8 RGB, as FFV1 in Matroska: lossless. Equal frames give equal bytes.

    Raises UsageError that says what is wrong.
    """
    images: Any = np.asarray(frames)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not images.size:
        raise UsageError(
            f"video frames have the type {images.dtype} and the shape {images.shape}; expected uint8 (T, H, W, 3), RGB"
        )
    if not 0 < fps <= 1000:
        raise UsageError(f"the video's fps is {fps}; expected frames per second above 0")
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="matroska", options=_BITEXACT) as target:
        stream = target.add_stream("ffv1", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "bgr0"  # FFV1's RGB of 8 bits
        stream.codec_context.thread_count = 1
        for image_HWC in images:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image_HWC), format="rgb24")
            target.mux(stream.encode(frame.reformat(format="bgr0")))
        target.mux(stream.encode(None))
