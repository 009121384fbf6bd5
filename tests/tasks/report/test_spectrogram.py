"""Spectrogram images: what stands where, how loud it is drawn, and a PNG that decodes to it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tasks.media.samples import Samples
from tasks.report.spectrogram import COLUMNS, RANGE_DB, ROWS, envelope, loudest, power, to_png, top_hz


def tone(hz: float, rate_hz: int = 16_000, duration_s: float = 1.0) -> Samples:
    return np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate_hz)) / rate_hz).astype(np.float32)


def decoded(png: bytes) -> np.ndarray:
    """Returns (R, C, 4) RGBA values."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA"))


@pytest.mark.parametrize(("hz", "rate_hz"), [(500.0, 16_000), (2000.0, 16_000), (7000.0, 16_000), (12_000.0, 44_100)])
def test_a_tone_stands_at_its_frequency_with_its_power_and_ends_where_it_ends(hz: float, rate_hz: int) -> None:
    top = top_hz(rate_hz)
    cells = power(tone(hz, rate_hz), rate_hz, span_s=2.0, top=top)
    assert cells.shape == (ROWS, COLUMNS)
    assert abs(np.nanargmax(cells[:, COLUMNS // 4]) / ROWS - (1 - hz / top)) < 0.03
    assert np.isnan(cells[:, COLUMNS * 3 // 4]).all()
    assert loudest(cells) == pytest.approx(1.0, abs=0.1)


def test_rows_above_the_nyquist_rate_are_empty() -> None:
    cells = power(tone(1000.0, 8000), 8000, span_s=1.0, top=8000)
    assert not cells[: ROWS // 2 - 1].any() and cells[ROWS // 2 :].any()


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros(8000, np.float32)], ids=["empty", "silent"])
def test_silence_has_a_tiny_positive_reference_and_an_image(audio: Samples) -> None:
    cells = power(audio, 16_000, span_s=1.0, top=8000)
    assert 0 < loudest(cells) <= 1e-9
    assert decoded(to_png(cells, reference=loudest(cells))).shape == (ROWS, COLUMNS, 4)


def test_a_short_strike_is_seen() -> None:
    audio = np.zeros(8 * 16_000, np.float32)
    audio[50_000:50_016] = 0.9  # 1 ms of 8 s
    cells = power(audio, 16_000, span_s=8.0, top=8000)
    assert (np.nanmax(cells, axis=0) > 0).any()


def test_brightness_rises_with_the_level_within_the_range_and_nan_is_transparent() -> None:
    levels = np.array([[1.0, 0.1, 1e-3, 10 ** (-RANGE_DB / 10), 1e-12, np.nan]])
    pixels = decoded(to_png(levels, reference=1.0))[0]
    brightness = pixels[:5, :3].astype(int).sum(axis=1)
    assert (np.diff(brightness) <= 0).all() and brightness[0] > 600 and brightness[3] == brightness[4] < 30
    assert list(pixels[:, 3]) == [255] * 5 + [0]


def test_one_reference_draws_a_quieter_copy_darker() -> None:
    loud = power(tone(1000.0), 16_000, span_s=1.0, top=8000)
    images = [decoded(to_png(cells, reference=loudest(loud))) for cells in (loud, loud * 0.01)]
    assert images[1][..., :3].sum() < images[0][..., :3].sum()


def test_the_png_is_indexed_small_and_the_same_every_time() -> None:
    cells = power(tone(440.0), 16_000, span_s=2.0, top=8000)
    png = to_png(cells, reference=1.0)
    assert png == to_png(cells, reference=1.0) and len(png) < ROWS * COLUMNS
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "P" and image.size == (COLUMNS, ROWS)


@pytest.mark.parametrize("points", [1, 10, 160])
def test_an_envelope_holds_the_peaks_and_is_zero_past_the_end(points: int) -> None:
    audio = np.linspace(0, 1, 8000, dtype=np.float32)
    levels = envelope(audio, 16_000, span_s=1.0, points=points)
    assert len(levels) == points and max(levels) == 1.0
    assert all(level == 0 for level in levels[points // 2 + 1 :])
    assert envelope(-audio, 16_000, span_s=1.0, points=points) == levels
