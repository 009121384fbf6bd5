"""Audio in memory: its length, read from files of any kind, written in 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import foleygenex
from tests.tasks.sounds import RATE, tone, write_wav


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_back_within_16_bits(tmp_path: Path, suffix: str, channels: int) -> None:
    samples = tone(0.1) if channels == 1 else np.stack([tone(0.1), tone(0.1)], axis=1)
    path = foleygenex.Audio(samples=samples, rate_hz=RATE).write(tmp_path / f"a{suffix}")
    assert sf.info(path).channels == channels and sf.info(path).subtype == "PCM_16"
    found = foleygenex.Audio.read(str(path))
    assert found.rate_hz == RATE and found.duration_s == pytest.approx(0.1)
    np.testing.assert_allclose(found.samples, tone(0.1), atol=1 / 32768)


def test_other_endings_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(foleygenex.UsageError, match=r"a\.mp3: the name must end in \.wav or \.flac"):
        foleygenex.Audio(samples=tone(0.1), rate_hz=RATE).write(tmp_path / "a.mp3")
    with pytest.raises(foleygenex.ItemError) as caught:
        foleygenex.Audio.read(tmp_path / "none.wav")
    assert caught.value.reason == "missing_file" and list(tmp_path.iterdir()) == []


def test_what_is_over_full_scale_is_clipped_in_the_file(tmp_path: Path) -> None:
    path = foleygenex.Audio(samples=3 * tone(0.1), rate_hz=RATE).write(write_wav(tmp_path / "a.wav", tone(0.1)))
    assert np.abs(sf.read(path)[0]).max() == pytest.approx(1.0, abs=1e-4)
