"""FLAC in memory: the bytes that will be written are decoded and judged before there is a file."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import soundfile as sf

from tasks.media.samples import Samples

_FULL_SCALE: Final = np.float32(32768.0)


def flac_bytes(samples_T: Samples, rate_hz: int) -> bytes:
    """Returns 16-bit FLAC of mono samples, the very bytes `write_flac` would write. Raises ValueError on NaN."""
    if not np.isfinite(samples_T).all():
        raise ValueError("samples are not finite")
    rounded_T = np.clip(np.rint(np.asarray(samples_T, np.float32) * _FULL_SCALE), -32768, 32767).astype(np.int16)
    out = io.BytesIO()
    sf.write(out, rounded_T, rate_hz, subtype="PCM_16", format="FLAC")
    return out.getvalue()


def flac_samples(content: bytes) -> Samples:
    """Returns the samples (T,) that mono FLAC bytes decode to."""
    samples_T: Samples = sf.read(io.BytesIO(content), dtype="float32")[0]
    return samples_T
