"""Loudness as BS.1770-4: the filter it lists, its calibration, and its gates."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.evaluate.metrics.loudness import _k_filter, lufs


def tone(hz: float, rate_hz: int, *, level_db: float = 0.0, seconds: float = 3.0) -> np.ndarray:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def test_at_48_khz_the_filter_is_the_standards() -> None:
    shelf, highpass = _k_filter(48_000)
    assert shelf == pytest.approx(
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585], abs=1e-8
    )
    assert highpass[:3] == pytest.approx([1.0, -2.0, 1.0], abs=6e-3)
    assert highpass[3:] == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-8)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_full_scale_tone_of_997_hz_is_at_minus_three(rate_hz: int) -> None:
    assert lufs(tone(997, rate_hz), rate_hz) == pytest.approx(-3.01, abs=0.1)
    assert lufs(tone(997, rate_hz, level_db=-20), rate_hz) == pytest.approx(-23.01, abs=0.1)


def test_low_tones_count_less_and_high_ones_more() -> None:
    low, middle, high = (lufs(tone(hz, 48_000, level_db=-20), 48_000) for hz in (30, 997, 8000))
    assert low is not None and middle is not None and high is not None
    assert low < middle - 3 and middle + 2 < high < middle + 4.5


def test_silence_has_none_and_pauses_do_not_count() -> None:
    assert lufs(np.zeros(48_000, np.float32), 48_000) is None
    assert lufs(tone(997, 48_000, level_db=-80), 48_000) is None
    loud = tone(997, 48_000, level_db=-20)
    paused = np.concatenate([loud, np.zeros(10 * 48_000, np.float32)])
    assert lufs(paused, 48_000) == pytest.approx(lufs(loud, 48_000), abs=0.5)


def test_short_and_empty_clips_have_a_value_or_none() -> None:
    short = lufs(tone(997, 48_000, seconds=0.2), 48_000)
    assert short == pytest.approx(-3.01 - 3.01, abs=0.2)  # half a block is silent
    assert lufs(np.zeros(0, np.float32), 48_000) is None


@pytest.mark.realdata
def test_of_real_recordings_it_is_what_ffmpeg_measured(realdata: Path) -> None:
    """The list has FFmpeg's loudness with one decimal."""
    with (realdata / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith("audio/esc10") and row["lufs"]][::20]
    for row in rows:
        samples, rate_hz = soundfile.read(realdata / row["file"], dtype="float32")
        assert lufs(samples, rate_hz) == pytest.approx(float(row["lufs"]), abs=0.06), row["file"]
