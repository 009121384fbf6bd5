"""An audio track that is written beside frames: the samples that went in, in blocks up to a time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from data_contracts import UsageError
from tasks.media.audio import decode_audio
from tasks.media.audio_track import AudioTrack
from tests.tasks.sounds import RATE, sine_hz, tone


def written(path: Path, audio: np.ndarray, rate_hz: int, codec: str, *, times: tuple[float, ...] = ()) -> Path:
    """Writes audio as a track of its own, up to each of `times` and then to the end."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as target:
        track = AudioTrack(target, audio, rate_hz, codec)
        for time_s in times:
            track.write_until(time_s)
        track.finish()
    return path


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_the_pitch_and_the_length_are_kept(tmp_path: Path, codec: str) -> None:
    decoded = decode_audio(written(tmp_path / "a.mkv", tone(2.0, 500), RATE, codec))
    assert decoded.rate_hz == RATE and decoded.duration_s == pytest.approx(2.0, abs=0.1)
    assert sine_hz(decoded.samples_T[2000:30_000], RATE) == pytest.approx(500, abs=0.5)


def test_flac_loses_nothing_but_the_rounding_to_16_bits(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    decoded = decode_audio(written(tmp_path / "a.mkv", samples, RATE, "flac"))
    np.testing.assert_allclose(decoded.samples_T, np.minimum(samples, 32767 / 32768), atol=0.51 / 32768)


def test_what_is_written_in_steps_is_what_is_written_at_once(tmp_path: Path) -> None:
    for codec in ("aac", "flac"):
        once = written(tmp_path / "once.mkv", tone(1.0), RATE, codec).read_bytes()
        steps = written(tmp_path / "steps.mkv", tone(1.0), RATE, codec, times=(0.0, 0.2, 0.2, 0.7)).read_bytes()
        assert once == steps


def test_samples_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    decoded = decode_audio(written(tmp_path / "a.mkv", np.full(3000, 1.5, np.float32), RATE, "flac"))
    assert decoded.samples_T.max() == pytest.approx(32767 / 32768)


def test_a_rate_that_aac_does_not_have_is_resampled_and_flac_keeps_it(tmp_path: Path) -> None:
    audio = tone(1.0, 500, rate_hz=11_000)
    assert decode_audio(written(tmp_path / "a.mkv", audio, 11_000, "aac")).rate_hz == 48_000
    assert decode_audio(written(tmp_path / "f.mkv", audio, 11_000, "flac")).rate_hz == 11_000


def test_two_channels_stay_two_and_more_are_refused(tmp_path: Path) -> None:
    stereo = np.stack([tone(1.0, 300), tone(1.0, 700)], 1)
    assert decode_audio(written(tmp_path / "a.mkv", stereo, RATE, "aac")).channels == 2
    with pytest.raises(UsageError, match="audio of 3 channels"):
        written(tmp_path / "b.mkv", np.zeros((100, 3), np.float32), RATE, "aac")
