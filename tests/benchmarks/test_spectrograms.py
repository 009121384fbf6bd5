"""Pictures of two spectrograms: size, order, and that a tone is a line at its height."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.spectrograms import save_pair


def tone(hz: float, scale: float = 0.5) -> np.ndarray:
    return (scale * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)).astype(np.float32)


def test_the_clip_is_above_its_round_trip_and_low_frequencies_are_below(tmp_path: Path) -> None:
    save_pair(tmp_path / "pair.png", tone(6000), tone(2000, 0.05), width=64, height=80)
    picture = np.asarray(Image.open(tmp_path / "pair.png"))
    assert picture.shape == (164, 64)
    above, below = picture[:80, 32], picture[84:, 32]
    assert abs(int(above.argmax()) - 20) <= 1 and abs(int(below.argmax()) - 60) <= 1
    assert int(above.max()) > int(below.max()) > 0  # one scale for both
    assert bool((picture[80:84] == 255).all())


def test_silence_under_a_clip_is_black(tmp_path: Path) -> None:
    save_pair(tmp_path / "pair.png", tone(1000), np.zeros(16_000, np.float32), width=64, height=80)
    assert int(np.asarray(Image.open(tmp_path / "pair.png"))[84:].max()) == 0
