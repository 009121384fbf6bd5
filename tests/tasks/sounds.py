"""Synthetic audio, frames and broken files for the tests of the data stages."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf

RATE = 16_000


def tone(duration_s: float, hz: float = 440.0, rate_hz: int = RATE, peak: float = 0.5) -> npt.NDArray[np.float32]:
    """Returns a sine (T,)."""
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate_hz)) / rate_hz)).astype(np.float32)


def strikes(
    duration_s: float, times_s: list[float], *, rate_hz: int = RATE, peak: float = 0.8, seed: int = 0
) -> npt.NDArray[np.float32]:
    """Returns damped bright strikes at the given times: dry, with a sharp onset and sound up to 7 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(0.15 * rate_hz)) / rate_hz
    strike = sum(np.exp(-t * 40) * np.sin(2 * np.pi * hz * t) for hz in (500.0, 1300.0, 3100.0, 5200.0))
    strike = strike + 0.7 * np.exp(-t * 60) * rng.standard_normal(len(t))
    samples = np.zeros(round(duration_s * rate_hz))
    for time_s in times_s:
        start = round(time_s * rate_hz)
        part = strike[: len(samples) - start]
        samples[start : start + len(part)] += part
    return (peak * samples / np.max(np.abs(samples))).astype(np.float32)


def write_wav(path: Path, samples: npt.NDArray[np.float32], rate_hz: int = RATE, subtype: str = "PCM_16") -> Path:
    """Writes a WAV and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples, rate_hz, subtype=subtype)
    return path


def cut_short(source: Path, out: Path, share: float = 0.5) -> Path:
    """Copies the first `share` of a file's bytes."""
    shutil.copy(source, out)
    with out.open("r+b") as file:
        file.truncate(int(out.stat().st_size * share))
    return out


def counting_frames(count: int, height: int = 48, width: int = 64) -> npt.NDArray[np.uint8]:
    """Returns frames (T, H, W, 3) whose grey level names the frame: 8 levels apart, wrapping at 240."""
    levels = (np.arange(count) * 8 % 240).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, height, width, 3)).copy()


def sine_hz(samples: npt.NDArray[np.float32], rate_hz: int) -> float:
    """Returns the strongest frequency, interpolated between bins."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    peak = int(np.argmax(spectrum[1:-1])) + 1
    low, mid, high = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    return float((peak + 0.5 * (low - high) / (low - 2 * mid + high)) * rate_hz / len(samples))
