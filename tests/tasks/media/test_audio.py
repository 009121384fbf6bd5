"""Reading and writing sound: what comes back, and a reason for every way a file can be broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.media.audio import flac_bytes, flac_samples, read_audio, read_sound, require_sound, resample, write_flac
from tasks.media.video import write_video
from tests.tasks.sounds import RATE, counting_frames, cut_short, sine_hz, tone, write_wav


def reason_of(path: Path) -> str:
    with pytest.raises(ItemError) as caught:
        read_audio(path)
    assert path.name in caught.value.message
    return caught.value.reason


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    left, right = tone(0.5, 300), tone(0.5, 700)
    sf.write(tmp_path / "s.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    sound = read_sound(tmp_path / "s.wav")
    assert (sound.channels, sound.rate_hz, sound.duration_s) == (2, RATE, 0.5)
    np.testing.assert_allclose(sound.samples_T, (left + right) / 2, atol=1e-6)


def test_resampling_keeps_pitch_and_length(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "t.wav", tone(1.0, 440, rate_hz=44_100), 44_100)
    samples, rate = read_audio(path, rate_hz=16_000)
    assert rate == 16_000 and abs(len(samples) - 16_000) <= 1
    assert sine_hz(samples, rate) == pytest.approx(440, abs=0.5)


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    samples = tone(0.1)
    assert resample(samples, RATE, RATE) is samples


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=300))
def test_flac_keeps_every_16_bit_value(tmp_path_factory: pytest.TempPathFactory, values: list[int]) -> None:
    path = tmp_path_factory.mktemp("flac") / "x.flac"
    write_flac(path, np.array(values) / 32768, RATE)
    samples, rate = read_audio(path)
    assert rate == RATE and (samples * 32768).astype(int).tolist() == values


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(1, 5000), st.sampled_from([np.float32, np.float64]))
def test_flac_is_within_half_a_step_and_clips_at_full_scale(seed: int, count: int, dtype: type) -> None:
    samples = np.random.default_rng(seed).uniform(-1.1, 1.1, count).astype(dtype)
    decoded = flac_samples(flac_bytes(samples, RATE))
    np.testing.assert_allclose(decoded, np.clip(samples, -1, 32767 / 32768), atol=0.51 / 32768)


def test_flac_bytes_are_the_same_here_and_in_another_process(tmp_path: Path) -> None:
    write_flac(tmp_path / "a.flac", tone(0.3), RATE)
    code = "import sys,pathlib;from tasks.media.audio import write_flac;from tests.tasks.sounds import tone;"
    code += "write_flac(pathlib.Path(sys.argv[1]),tone(0.3),16000)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b.flac")], check=True)
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    assert not list(tmp_path.glob(".tmp*"))


def test_flac_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finite"):
        write_flac(tmp_path / "x.flac", np.array([0.0, np.nan]), RATE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "flac"])
def test_compressed_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    sf.write(path, tone(1.0, 440, rate_hz=44_100), 44_100)
    samples, rate = read_audio(path)
    assert rate == 44_100 and len(samples) == pytest.approx(44_100, abs=3000)
    assert sine_hz(samples[5000:40_000], rate) == pytest.approx(440, abs=1)


def test_the_sound_track_of_a_video_is_read_in_step_with_its_picture(tmp_path: Path) -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[RATE : RATE + 400] = tone(400 / RATE, 2000)
    write_video(tmp_path / "v.mp4", counting_frames(50), 25, click, RATE)
    samples, rate = read_audio(tmp_path / "v.mp4")
    onset_s = np.argmax(np.abs(samples) > 0.1) / rate
    assert rate == RATE and onset_s == pytest.approx(1.0, abs=0.01)


def test_missing_empty_and_foreign_files_have_their_own_reason(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "no.wav") == "missing_file"
    (tmp_path / "empty.wav").touch()
    assert reason_of(tmp_path / "empty.wav") == "empty_file"
    (tmp_path / "text.wav").write_text("this is not a sound file, it is a sentence " * 40)
    assert reason_of(tmp_path / "text.wav") == "not_audio"
    (tmp_path / "folder.wav").mkdir()
    assert reason_of(tmp_path / "folder.wav") == "missing_file"
    write_video(tmp_path / "mute.mp4", counting_frames(10), 25)
    assert reason_of(tmp_path / "mute.mp4") == "not_audio"


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp4"])
@pytest.mark.parametrize("share", [0.3, 0.75])
def test_truncated_files_are_told(tmp_path: Path, suffix: str, share: float) -> None:
    whole = tmp_path / f"whole.{suffix}"
    sound = tone(2.0, 440) + 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    if suffix == "mp4":
        write_video(whole, counting_frames(50), 25, sound, RATE)
    else:
        sf.write(whole, sound, RATE)
    read_audio(whole)
    assert reason_of(cut_short(whole, tmp_path / f"cut.{suffix}", share)) == "truncated"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinite_samples_are_told(tmp_path: Path, value: float) -> None:
    samples = tone(0.5)
    samples[100] = value
    assert reason_of(write_wav(tmp_path / "n.wav", samples, subtype="FLOAT")) == "nan_samples"


def test_silence_and_a_millisecond_are_not_sound() -> None:
    for samples, reason in ((np.zeros(RATE, np.float32), "silent"), (tone(0.001), "too_short")):
        with pytest.raises(ItemError) as caught:
            require_sound(samples, RATE, min_s=0.5, name="x")
        assert caught.value.reason == reason
    require_sound(tone(0.6), RATE, min_s=0.5, name="x")


@pytest.mark.realdata
def test_every_real_recording_is_read(realdata: Path) -> None:
    paths = [p for p in sorted((realdata / "audio").rglob("*")) if p.suffix in (".ogg", ".wav", ".mp3", ".flac")]
    assert len(paths) > 300
    for path in paths[::8]:
        assert read_sound(path).duration_s > 0.05


@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg", "mp3"])
def test_a_file_cut_anywhere_is_data_and_never_a_crash(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    sf.write(whole, 0.3 * np.sin(np.arange(16_000) / 20), 16_000)
    content = whole.read_bytes()
    for length in (1, 4, 12, 30, 42, 60, 86, 200, 1000):
        path = tmp_path / f"cut-{length}.{suffix}"
        path.write_bytes(content[:length])
        try:
            sound = read_sound(path)
        except ItemError:
            continue
        assert suffix == "mp3" and len(sound.samples_T) < 16_000  # frames that need no header: what is there is heard
