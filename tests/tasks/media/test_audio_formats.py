"""Files whose header says less or other than their content: MP3, pipes, AVI, tags, joined recordings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from tasks.media.audio import (
    decode_audio,
)
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, sine_hz, tone, write_wav


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
