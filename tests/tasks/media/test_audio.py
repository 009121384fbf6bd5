"""Reading and writing audio: what comes back, and a reason for every way a file can be broken."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.media.audio import (
    _mixed,
    _placed,
    decode_audio,
    flac_bytes,
    flac_samples,
    is_audible,
    peak_of,
    probe_audio,
    read_audio,
    require_audible,
    resample,
    write_flac,
)
from tasks.media.audio_track import AudioTrack
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, cut_short, sine_hz, tone, write_wav


def reason_of(path: Path) -> str:
    with pytest.raises(ItemError) as caught:
        read_audio(path)
    assert path.name in caught.value.message
    return caught.value.reason


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


def test_silence_and_a_millisecond_are_not_audible() -> None:
    for samples, reason in ((np.zeros(RATE, np.float32), "silent"), (tone(0.001), "too_short")):
        with pytest.raises(ItemError) as caught:
            require_audible(samples, RATE, min_s=0.5, name="x")
        assert caught.value.reason == reason
    require_audible(tone(0.6), RATE, min_s=0.5, name="x")


def test_what_is_below_hearing_is_silence() -> None:
    time_s = np.arange(12 * RATE) / RATE
    dither = np.random.default_rng(0).uniform(-1, 1, len(time_s)) / 32768
    for drift in (np.full(len(time_s), 0.5), 0.3 * time_s / 12, 0.9 * np.sin(2 * np.pi * 0.5 * time_s)):
        for samples in (drift, drift + dither):
            assert not is_audible(samples.astype(np.float32), RATE)
            with pytest.raises(ItemError, match=r"peak is \d\.\d+e-01 of full scale, above 20 Hz at most 0\.0001"):
                require_audible(samples.astype(np.float32), RATE, min_s=0.5, name="x")


@settings(max_examples=20, deadline=None)
@given(st.floats(30, 3000), st.floats(-0.5, 0.5), st.floats(0.3, 11.5), st.sampled_from([8_000, RATE, 48_000]))
def test_one_faint_beep_anywhere_is_audible_whatever_the_offset(hz: float, dc: float, at_s: float, rate: int) -> None:
    samples = np.full(12 * rate, dc, np.float32)
    beep = tone(0.3, hz, rate, peak=3e-4)
    samples[round(at_s * rate) :][: len(beep)] += beep[: len(samples) - round(at_s * rate)]
    assert is_audible(samples, rate)


@pytest.mark.parametrize("rate", [10, 40, 100])
def test_absurd_rates_have_an_answer_too(rate: int) -> None:
    assert is_audible(np.array([0.5, -0.5] * 50, np.float32), rate)
    assert not is_audible(np.full(100, 0.5, np.float32), rate)
    assert not is_audible(np.zeros(0, np.float32), rate)


@pytest.mark.realdata
def test_every_real_recording_is_read(realdata: Path) -> None:
    paths = [p for p in sorted((realdata / "audio").rglob("*")) if p.suffix in (".ogg", ".wav", ".mp3", ".flac")]
    assert len(paths) > 300
    for path in paths[::8]:
        assert decode_audio(path).duration_s > 0.05


@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg", "mp3"])
def test_a_file_cut_anywhere_is_data_and_never_a_crash(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    sf.write(whole, 0.3 * np.sin(np.arange(16_000) / 20), 16_000)
    content = whole.read_bytes()
    for length in (1, 4, 12, 30, 42, 60, 86, 200, 1000):
        path = tmp_path / f"cut-{length}.{suffix}"
        path.write_bytes(content[:length])
        try:
            sound = decode_audio(path)
        except ItemError:
            continue
        assert suffix == "mp3" and len(sound.samples_T) < 16_000  # frames that need no header: what is there is read


def noisy_mp3(path: Path, duration_s: float = 4.0) -> Path:
    """Writes an MP3 of a short noise and a long tone: its first frames are larger than the mean."""
    noise = 0.5 * np.random.default_rng(0).uniform(-1, 1, RATE // 5).astype(np.float32)
    sf.write(path, np.concatenate([noise, tone(duration_s - 0.2)]), RATE)
    return path


def test_the_length_of_an_mp3_is_that_of_its_frames_not_of_its_header(tmp_path: Path) -> None:
    one = noisy_mp3(tmp_path / "one.mp3")
    tag = b"ID3\x04\0\0\0\0\0\x23TSSE\0\0\0\x0f" + b"x" * 25
    (tmp_path / "joined.mp3").write_bytes((tag + one.read_bytes()) * 2)
    assert decode_audio(one).duration_s == pytest.approx(4.0, abs=0.15)
    assert decode_audio(tmp_path / "joined.mp3").duration_s == pytest.approx(8.0, abs=0.3)


@pytest.mark.tools
def test_an_mp3_without_a_header_is_read_to_its_end(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "t.wav", np.concatenate([tone(0.2), tone(4.0, 200, peak=0.01)]))
    options = ["-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0"]
    ffmpeg("-i", source, *options, tmp_path / "bare.mp3")
    assert decode_audio(tmp_path / "bare.mp3").duration_s == pytest.approx(4.2, abs=0.15)


@pytest.mark.tools
@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_a_file_that_was_written_to_a_pipe_states_no_length_and_is_read_whole(tmp_path: Path, kind: str) -> None:
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"sine=700:d=3:r={RATE}", "-f", kind, "-"]
    (tmp_path / f"pipe.{kind}").write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    decoded = decode_audio(tmp_path / f"pipe.{kind}")
    assert decoded.duration_s == pytest.approx(3.0, abs=1e-3)
    assert sine_hz(decoded.samples_T, decoded.rate_hz) == pytest.approx(700, abs=0.5)


@pytest.mark.tools
@pytest.mark.parametrize("codec", [["-c:v", "mpeg4", "-c:a", "libmp3lame"], ["-c:v", "mjpeg", "-c:a", "pcm_s16le"]])
def test_the_audio_of_an_avi_is_read(tmp_path: Path, codec: list[str]) -> None:
    """It is a RIFF file, as WAV is, but has other chunks."""
    lavfi = ["-f", "lavfi", "-i", "testsrc=d=2:s=64x48:r=25", "-f", "lavfi", "-i", "sine=500:d=2"]
    ffmpeg(*lavfi, *codec, tmp_path / "a.avi")
    assert decode_audio(tmp_path / "a.avi").duration_s == pytest.approx(2.0, abs=0.1)
    assert probe_video(tmp_path / "a.avi").duration_s == pytest.approx(2.0, abs=0.1)


@pytest.mark.tools
def test_channels_that_change_within_a_recording_are_read_on(tmp_path: Path) -> None:
    parts = []
    for number, (hz, channels) in enumerate([(1000, 1), (500, 2)]):
        part = tmp_path / f"{number}.ts"
        offset = ["-output_ts_offset", 2 * number, "-f", "mpegts"]
        ffmpeg("-f", "lavfi", "-i", f"sine={hz}:d=2:r=48000", "-ac", channels, "-c:a", "aac", *offset, part)
        parts.append(part.read_bytes())
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    decoded = decode_audio(tmp_path / "joined.ts")
    assert decoded.duration_s == pytest.approx(4.0, abs=0.2)
    for start_s, hz in ((0.5, 1000), (2.5, 500)):
        second = decoded.samples_T[round(start_s * 48_000) :][:48_000]
        assert sine_hz(second, 48_000) == pytest.approx(hz, abs=1)


def test_a_tag_that_is_not_utf_8_does_not_matter(tmp_path: Path) -> None:
    path = tagged_mp4(tmp_path / "t.mp4")
    path.write_bytes(path.read_bytes().replace(b"CafQ", b"Caf\xe9"))
    assert decode_audio(path).duration_s == pytest.approx(1.0, abs=0.1)
    assert probe_video(path).has_audio


def tagged_mp4(path: Path) -> Path:
    """Writes a video whose title is CafQ."""
    write_video(path.with_stem("plain"), counting_frames(10), 10, tone(1.0), RATE)
    with av.open(str(path.with_stem("plain"))) as source, av.open(str(path), "w") as target:
        target.metadata["title"] = "CafQ"
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    assert b"CafQ" in path.read_bytes()
    return path


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


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


def test_a_probe_of_what_is_no_audio_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    write_video(tmp_path / "mute.mp4", counting_frames(10), 25)
    for path in (tmp_path / "text.wav", tmp_path / "mute.mp4"):
        with pytest.raises(ItemError, match=path.name) as caught:
            probe_audio(path, path.name)
        assert caught.value.reason == "not_audio"
    with pytest.raises(ItemError, match="record 3"):
        probe_audio(io.BytesIO(b"no audio"), "record 3")


def test_the_peak_is_the_largest_magnitude_and_zero_without_samples() -> None:
    assert peak_of(np.array([0.1, -0.7, 0.3], np.float32)) == pytest.approx(0.7)
    assert peak_of(np.zeros(0, np.float32)) == 0.0


def without_packets(source: Path, out: Path, missing: range) -> Path:
    """Copies the audio of a file, leaving out some of its packets; the others keep their times."""
    with av.open(str(source)) as container, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(container.streams.audio[0])
        for number, packet in enumerate(container.demux(audio=0)):
            if packet.dts is not None and number not in missing:
                packet.stream = stream
                target.mux(packet)
    return out


def clicks(duration_s: float, times_s: list[float]) -> np.ndarray:
    """Returns silence with a short tone at each time."""
    samples = np.zeros(round(duration_s * 48_000), np.float32)
    for time_s in times_s:
        samples[round(time_s * 48_000) :][:1000] = tone(1000 / 48_000, 2000, 48_000)
    return samples


def onsets_s(samples: np.ndarray) -> list[float]:
    """Returns the times at which something begins after a quarter of a second of silence."""
    loud = np.flatnonzero(np.abs(samples) > 0.2) / 48_000
    return [float(time) for number, time in enumerate(loud) if number == 0 or time - loud[number - 1] > 0.25]


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_packets_that_are_missing_leave_silence_and_what_follows_stays_in_time(tmp_path: Path, codec: str) -> None:
    times = [0.2, 1.0, 3.0, 3.7]
    with av.open(str(tmp_path / "whole.mkv"), "w") as target:
        AudioTrack(target, clicks(4.0, times), 48_000, codec).finish()
    packets = 4.0 * 48_000 / (1024 if codec == "aac" else 4608)
    gap = without_packets(
        tmp_path / "whole.mkv", tmp_path / "gap.mkv", range(round(packets * 0.4), round(packets * 0.6))
    )
    whole, decoded = decode_audio(tmp_path / "whole.mkv"), decode_audio(gap)
    assert decoded.duration_s == pytest.approx(whole.duration_s, abs=0.02)
    assert onsets_s(decoded.samples_T) == pytest.approx(onsets_s(whole.samples_T), abs=0.01)
    assert np.abs(decoded.samples_T[round(1.75 * 48_000) : round(2.25 * 48_000)]).max() == 0


def frame_at(time_s: float | None, count: int = 480, rate_hz: int = 48_000) -> av.AudioFrame:
    """Returns a frame of ones at a time."""
    frame = av.AudioFrame.from_ndarray(np.ones((1, count), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
    frame.pts = None if time_s is None else round(time_s * rate_hz)
    return frame


@pytest.mark.parametrize(
    ("times_s", "silent", "total"),
    [
        ([0.0, 0.01, 0.02], 0, 1440),
        ([0.0, 0.012, 0.019], 0, 1440),  # jitter of a container's clock
        ([0.5, 0.51], 24_000, 24_960),  # starts late
        ([0.0, 0.31], 14_400, 15_360),  # a gap
        ([-0.02, -0.01, 0.0], 0, 1440),  # what a codec puts before its first sample
        ([0.0, 0.01, 5000.0, 5000.01], 0, 1920),  # two recordings joined
        ([10.0, 10.01, 0.0, 0.01], 480_000, 481_920),  # and joined the other way round
        ([0.0, None, 0.02], 0, 1440),
    ],
)
def test_frames_are_placed_at_their_times(times_s: list[float | None], silent: int, total: int) -> None:
    placed = np.concatenate(list(_placed(iter([frame_at(time_s) for time_s in times_s]), 0.0, timed=True)))
    assert (len(placed), int((placed == 0).sum())) == (total, silent)


def test_of_two_frames_that_overlap_the_second_is_cut() -> None:
    frames = [frame_at(0.0, 4800), frame_at(0.05, 4800)]
    assert len(np.concatenate(list(_placed(iter(frames), 0.0, timed=True)))) == 7200


def test_without_times_of_their_own_only_the_first_frame_is_placed() -> None:
    frames = [frame_at(0.1), frame_at(0.9)]
    assert len(np.concatenate(list(_placed(iter(frames), 0.0, timed=False)))) == 4800 + 960


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
    mixed, single = _mixed(np.stack([left, share * left], 1))
    if single is None:
        np.testing.assert_allclose(mixed, left * (1 + share) / 2, atol=1e-6)
    else:
        assert single == 0 and share < -0.97
        np.testing.assert_array_equal(mixed, left)


def test_the_default_track_is_read_also_where_it_is_not_the_first(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "two.mkv"), "w") as target:
        tracks = [AudioTrack(target, tone(1.0, hz), RATE, "flac") for hz in (300, 700)]
        first, second = target.streams.audio
        first.disposition, second.disposition = av.stream.Disposition(0), av.stream.Disposition.default
        for track in tracks:
            track.finish()
    decoded = decode_audio(tmp_path / "two.mkv")
    assert sine_hz(decoded.samples_T, RATE) == pytest.approx(700, abs=1)
