"""New audio beside copied frames: every packet the same, whatever the codec, and both in time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from data_contracts import ItemError, UsageError
from tasks.media.audio import read_audio
from tasks.media.frames import read_frames
from tasks.media.mux import mux_audio, require_copyable
from tasks.media.video import probe_video
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, sine_hz, tone

ENCODINGS = {
    "h264.mp4": ["-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p"],
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-bf", "2"],
    "mjpeg.mov": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime"],
    "prores.mov": ["-c:v", "prores_ks"],
    "ffv1.mkv": ["-c:v", "ffv1"],
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of video in several codecs, containers and frame rates, with and without audio."""
    folder = tmp_path_factory.mktemp("codecs")
    source = folder / "source.mkv"
    lavfi = ["-f", "lavfi", "-i", "testsrc=size=96x64:rate=30:duration=1", "-f", "lavfi", "-i", "sine=300:duration=1"]
    ffmpeg(*lavfi, "-c:v", "ffv1", "-c:a", "flac", source)
    for name, codec in ENCODINGS.items():
        ffmpeg("-i", source, "-an", *codec, folder / name)
    h264 = ENCODINGS["h264.mp4"]
    ffmpeg("-i", source, *h264, "-c:a", "aac", folder / "stream.ts")
    ffmpeg("-i", source, *h264, "-vf", "fps=23.976", "-c:a", "aac", folder / "film.mp4")
    ffmpeg("-i", source, *h264, "-an", "-vf", "select='not(mod(n,3))+lt(n,12)'", "-vsync", "vfr", folder / "vfr.mp4")
    ffmpeg("-i", source, "-itsoffset", "0.4", "-i", source, "-map", "0:a", "-map", "1:v", *h264, "-c:a", "aac",
           folder / "late.mkv")  # fmt: skip
    ffmpeg("-i", folder / "h264.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", folder / "turned.mp4")
    return folder


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def times(path: Path) -> np.ndarray:
    """Returns the frames' times in seconds from the container's start."""
    with av.open(str(path)) as container:
        origin = (container.start_time or 0) / av.time_base
        return np.array([frame.time - origin for frame in container.decode(video=0)])


COPIES = [
    ("h264.mp4", ".mp4"), ("h264.mp4", ".mkv"), ("h264.mp4", ".mov"), ("hevc.mp4", ".mp4"), ("mpeg4.avi", ".mp4"),
    ("mpeg4.avi", ".mkv"), ("mjpeg.mov", ".mov"), ("vp9.webm", ".mp4"), ("vp9.webm", ".mkv"), ("prores.mov", ".mov"),
    ("ffv1.mkv", ".mkv"), ("film.mp4", ".mp4"), ("vfr.mp4", ".mkv"), ("vfr.mp4", ".mp4"), ("late.mkv", ".mkv"),
    ("turned.mp4", ".mp4"),
]  # fmt: skip


@pytest.mark.tools
@pytest.mark.parametrize(("name", "suffix"), COPIES)
def test_every_packet_is_copied_and_keeps_its_time(videos: Path, tmp_path: Path, name: str, suffix: str) -> None:
    require_copyable(videos / name, suffix)
    out = tmp_path / f"out{suffix}"
    mux_audio(videos / name, tone(1.4 if name == "late.mkv" else 1.0, 1000, 44_100), 44_100, out)
    assert packets(out) == packets(videos / name)
    assert times(out) == pytest.approx(times(videos / name), abs=2e-3)
    before, after = probe_video(videos / name), probe_video(out)
    assert (after.width, after.height, after.has_audio) == (before.width, before.height, True)
    samples, rate = read_audio(out)
    assert rate == 44_100 and sine_hz(samples, rate) == pytest.approx(1000, abs=1)


@pytest.mark.tools
def test_mpeg_ts_is_moved_to_zero_and_shows_the_same_frames(videos: Path, tmp_path: Path) -> None:
    """Its H.264 is framed otherwise in MP4, so the frames are compared, not the packets."""
    mux_audio(videos / "stream.ts", tone(1.0), RATE, tmp_path / "out.mp4")
    with av.open(str(videos / "stream.ts")) as container:
        assert container.start_time > av.time_base  # its clock starts at 1.4 s
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert abs(container.start_time) < 0.1 * av.time_base
    assert times(tmp_path / "out.mp4") == pytest.approx(times(videos / "stream.ts"), abs=2e-3)
    before = read_frames(videos / "stream.ts", fps=30, size=64, duration_s=1.0)
    assert np.array_equal(read_frames(tmp_path / "out.mp4", fps=30, size=64, duration_s=1.0), before)


@pytest.mark.tools
@pytest.mark.parametrize(("name", "suffix"), [("h264.mp4", ".mp4"), ("h264.mp4", ".mkv"), ("late.mkv", ".mkv")])
def test_audio_and_frames_stay_in_time(videos: Path, tmp_path: Path, name: str, suffix: str) -> None:
    """A click comes out where it went in, on a clock that starts with the source's container."""
    click = np.zeros(RATE, np.float32)
    click[4000:4008] = 0.9
    mux_audio(videos / name, click, RATE, tmp_path / f"out{suffix}")
    samples, rate = read_audio(tmp_path / f"out{suffix}")
    assert np.argmax(np.abs(samples)) / rate == pytest.approx(0.25, abs=2e-3)
    assert times(tmp_path / f"out{suffix}")[0] == pytest.approx(times(videos / name)[0], abs=2e-3)
    assert (times(videos / name)[0] > 0.4) == (name == "late.mkv")


def test_matroska_keeps_the_samples_without_loss_and_stereo_stays_stereo(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", counting_frames(20), 20)
    left, right = tone(1.0, 500), tone(1.0, 900)
    mux_audio(tmp_path / "v.mp4", np.stack([left, right], 1), RATE, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        assert container.streams.audio[0].codec_context.name == "flac"
    got = np.concatenate([frame.reshape(-1, 2) for frame in frames]) / 32768.0
    assert np.abs(got[:, 0] - left).max() < 1e-4 and np.abs(got[:, 1] - right).max() < 1e-4


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", counting_frames(20), 20)
    for name in ("a", "b"):
        for suffix in (".mp4", ".mkv", ".mov"):
            mux_audio(tmp_path / "v.mp4", tone(1.0), RATE, tmp_path / f"{name}{suffix}")
    for suffix in (".mp4", ".mkv", ".mov"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes(), suffix


@pytest.mark.tools
def test_a_container_that_does_not_support_the_codec_says_so(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.mp4 file cannot take the video's prores stream.*\.mkv"):
        require_copyable(videos / "prores.mov", ".mp4")
    with pytest.raises(UsageError, match="cannot take"):
        mux_audio(videos / "prores.mov", tone(1.0), RATE, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.tools
def test_cover_art_is_no_video_stream(videos: Path, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=300:duration=1", "-f", "lavfi", "-i", "color=red:size=64x64:duration=0.04",
           "-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic", tmp_path / "s.mp3")  # fmt: skip
    for read in (probe_video, lambda path: mux_audio(path, tone(1.0), RATE, tmp_path / "out.mp4")):
        with pytest.raises(ItemError, match="has no video stream"):
            read(tmp_path / "s.mp3")


@pytest.mark.tools
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("start_s", "moved_s"), [(1.32, 0.0), (1.3, 0.02)])
def test_frames_that_the_source_hides_are_not_shown(
    tmp_path: Path, suffix: str, start_s: float, moved_s: float
) -> None:
    """After a cut without encoding the file begins at a key frame, and an edit list hides what comes before the cut.

    A cut between two frames begins with the rest of the earlier one; FFmpeg reads all times 20 ms too early there.
    """
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=6:s=64x48:r=25", "-c:v", "libx264", "-g", "75", "-bf", "2",
           "-pix_fmt", "yuv420p", tmp_path / "long.mp4")  # fmt: skip
    ffmpeg("-ss", str(start_s), "-i", tmp_path / "long.mp4", "-t", "3", "-c", "copy", tmp_path / "cut.mp4")
    mux_audio(tmp_path / "cut.mp4", tone(3.0), RATE, tmp_path / f"out{suffix}")
    shown, written = times(tmp_path / "cut.mp4"), times(tmp_path / f"out{suffix}")
    assert written[0] == 0.0
    assert written[-10:] == pytest.approx(shown[-10:] + moved_s, abs=2e-3)
    assert len(written) == len(shown) + (moved_s > 0 and suffix == ".mp4")
    assert read_audio(tmp_path / f"out{suffix}")[0].size == pytest.approx(3 * RATE, abs=0.1 * RATE)
    before = read_frames(tmp_path / "cut.mp4", fps=10, size=32, duration_s=2.5).astype(int)
    after = read_frames(tmp_path / f"out{suffix}", fps=10, size=32, duration_s=2.5)
    assert np.abs(after[1:] - before[1:]).mean() < 5
