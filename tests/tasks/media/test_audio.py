"""Reading and writing audio: samples, rate and channels come back as they were."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.media import blocks
from tasks.media.audio import (
    decode_audio,
    flac_bytes,
    flac_samples,
    peak_of,
    probe_audio,
    read_audio,
    resample,
    write_flac,
)
from tasks.media.audio_track import AudioTrack
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, sine_hz, tone, write_wav


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    left, right = tone(0.5, 300), tone(0.5, 700)
    sf.write(tmp_path / "s.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    decoded = decode_audio(tmp_path / "s.wav")
    assert (decoded.channels, decoded.rate_hz, decoded.duration_s) == (2, RATE, 0.5)
    np.testing.assert_allclose(decoded.samples_T, (left + right) / 2, atol=1e-6)


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


def test_the_audio_of_a_video_is_read_in_step_with_its_frames(tmp_path: Path) -> None:
    click = np.zeros(2 * RATE, np.float32)
    click[RATE : RATE + 400] = tone(400 / RATE, 2000)
    write_video(tmp_path / "v.mp4", counting_frames(50), 25, click, RATE)
    samples, rate = read_audio(tmp_path / "v.mp4")
    onset_s = np.argmax(np.abs(samples) > 0.1) / rate
    assert rate == RATE and onset_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.realdata
def test_every_real_recording_is_read(realdata: Path) -> None:
    paths = [p for p in sorted((realdata / "audio").rglob("*")) if p.suffix in (".ogg", ".wav", ".mp3", ".flac")]
    assert len(paths) > 300
    for path in paths[::8]:
        assert decode_audio(path).duration_s > 0.05


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "mp4"])
def test_a_probe_finds_the_length_and_rate_that_decoding_gives(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    if suffix == "mp4":
        write_video(path, counting_frames(20), 10, tone(2.0), RATE)
    else:
        sf.write(path, tone(2.0), RATE)
    duration_s, rate_hz = probe_audio(path, path.name)
    assert rate_hz == RATE and duration_s == pytest.approx(decode_audio(path).duration_s, abs=0.1)
    if suffix != "mp4":
        assert probe_audio(io.BytesIO(path.read_bytes()), "x") == (duration_s, rate_hz)


def test_the_peak_is_the_largest_magnitude_and_zero_without_samples() -> None:
    assert peak_of(np.array([0.1, -0.7, 0.3], np.float32)) == pytest.approx(0.7)
    assert peak_of(np.zeros(0, np.float32)) == 0.0


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_channels_in_opposite_phase_are_not_silence(tmp_path: Path, suffix: str) -> None:
    sf.write(tmp_path / f"o.{suffix}", np.stack([0.5 * tone(1.0), -0.5 * tone(1.0)], 1), RATE)
    decoded = decode_audio(tmp_path / f"o.{suffix}")
    assert decoded.channels == 2 and decoded.single_channel in (0, 1)
    assert np.abs(decoded.samples_T[2000:14_000]).max() == pytest.approx(0.25, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1.0, 1.0))
def test_the_mean_is_taken_unless_the_channels_cancel_each_other(share: float) -> None:
    left = tone(0.1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        sf.write(path, np.stack([left, share * left], 1), RATE, subtype="FLOAT")
        found = decode_audio(path)
    if found.single_channel is None:
        np.testing.assert_allclose(found.samples_T, left * (1 + share) / 2, atol=1e-6)
    else:
        assert found.single_channel == 0 and share < -0.97
        np.testing.assert_array_equal(found.samples_T, left)


@pytest.mark.parametrize(("channels", "sign"), [(1, 1.0), (2, 1.0), (2, -1.0), (3, 1.0)])
def test_blocks_are_mixed_as_the_whole_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, sign: float
) -> None:
    given_TC = np.random.default_rng(3).uniform(-0.5, 0.5, (5 * RATE, channels)).astype(np.float32)
    if sign < 0:
        given_TC[:, 1] = -given_TC[:, 0]
    sf.write(tmp_path / "a.wav", given_TC, RATE, subtype="FLOAT")
    expected_T = given_TC[:, 0] if sign < 0 else given_TC.mean(axis=1, dtype=np.float64).astype(np.float32)
    monkeypatch.setattr(blocks, "BLOCK", 7_000)
    found = decode_audio(tmp_path / "a.wav")
    np.testing.assert_array_equal(found.samples_T, expected_T)
    assert found.channels == channels and found.single_channel == (0 if sign < 0 else None)
    for most_s, length in ((1.5, 24_000), (7_000 / RATE, 7_000), (60.0, 5 * RATE)):
        samples_T, rate_hz = read_audio(tmp_path / "a.wav", most_s=most_s)
        np.testing.assert_array_equal(samples_T, expected_T[:length])
        assert rate_hz == RATE


def test_of_the_first_seconds_alone_the_rest_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_T = tone(4.0)
    given_T[-1] = np.nan
    sf.write(tmp_path / "a.wav", given_T, RATE, subtype="FLOAT")
    monkeypatch.setattr(blocks, "BLOCK", 1_000)
    assert len(read_audio(tmp_path / "a.wav", most_s=3.0, rate_hz=RATE // 2)[0]) == 3 * RATE // 2
    for most_s in (None, 4.0):
        with pytest.raises(ItemError, match="1 of 64000 samples are NaN"):
            read_audio(tmp_path / "a.wav", most_s=most_s)
    with pytest.raises(ItemError, match=r"none\.wav"):
        read_audio(tmp_path / "none.wav", most_s=1.0)


def test_memory_of_all_channels_is_not_taken(tmp_path: Path) -> None:
    with sf.SoundFile(tmp_path / "a.wav", "w", 48_000, 6) as file:
        for _ in range(6):
            file.write(np.tile(tone(1.0)[:, None], (30, 6)))
    tracemalloc.start()
    mono_T = decode_audio(tmp_path / "a.wav").samples_T
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * mono_T.nbytes + 48 * blocks.BLOCK * 2  # blocks of six channels, in 32 and 64 bits


def test_the_default_track_is_read_also_where_it_is_not_the_first(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "two.mkv"), "w") as target:
        tracks = [AudioTrack(target, tone(1.0, hz), RATE, "flac") for hz in (300, 700)]
        first, second = target.streams.audio
        first.disposition, second.disposition = av.stream.Disposition(0), av.stream.Disposition.default
        for track in tracks:
            track.finish()
    decoded = decode_audio(tmp_path / "two.mkv")
    assert sine_hz(decoded.samples_T, RATE) == pytest.approx(700, abs=1)
