"""Probing videos: sizes and lengths as shown, and a reason for every way a video can be broken."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from data_contracts import ItemError
from tasks.media.frames import read_frames
from tasks.media.video import duration_of, moved_s, open_video, probe_video
from tasks.media.video_writer import write_video
from tests.tasks.media.conftest import levels
from tests.tasks.sounds import counting_frames, cut_short, tone, write_wav


def test_probe(video: Path) -> None:
    info = probe_video(video)
    assert (info.width, info.height, info.fps, info.has_audio) == (64, 48, 10, True)
    assert info.duration_s == pytest.approx(3.0, abs=0.01)


def test_broken_videos_have_their_own_reason(video: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no picture here " * 50)
    sound_only = write_wav(tmp_path / "sound.wav", tone(1.0))
    late_index = tmp_path / "late.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(video), "-c", "copy", str(late_index)], check=True)
    cases = {
        tmp_path / "no.mp4": {"missing_file"},
        tmp_path / "empty.mp4": {"empty_file"},
        tmp_path / "text.mp4": {"unreadable_video"},
        sound_only: {"no_video_stream"},
        cut_short(video, tmp_path / "early.mp4", 0.6): {"truncated", "unreadable_video"},
        cut_short(late_index, tmp_path / "headless.mp4", 0.6): {"unreadable_video"},
    }
    for path, reasons in cases.items():
        with pytest.raises(ItemError) as caught:
            probe_video(path)
        assert caught.value.reason in reasons, path


@pytest.mark.realdata
def test_real_videos_probe_and_decode(realdata: Path, tmp_path: Path) -> None:
    for path in sorted((realdata / "video").glob("*.mp4"))[::6]:
        info = probe_video(path)
        frames = read_frames(path, fps=2, size=64, start_s=max(0.0, info.duration_s - 2), duration_s=2)
        assert frames.shape == (4, 64, 64, 3) and frames.std() > 5
        copy = tmp_path / path.name
        shutil.copy(path, copy)
        with pytest.raises(ItemError):
            probe_video(cut_short(copy, tmp_path / f"cut_{path.name}", 0.5))


def test_a_video_shorter_than_the_decoders_delay_is_probed(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", counting_frames(1), 0.5)
    info = probe_video(tmp_path / "one.mp4")
    assert info.duration_s == pytest.approx(2.0, abs=0.01) and not info.has_audio


def test_an_open_video_is_closed_and_any_error_in_the_block_is_the_items(video: Path) -> None:
    with open_video(video) as (container, stream):
        assert stream.type == "video" and duration_of(container, stream) == pytest.approx(3.0, abs=0.01)
    with pytest.raises(ItemError, match=r"count\.mp4: cannot be decoded \(out of luck\)") as caught, open_video(video):
        raise RuntimeError("out of luck")
    assert caught.value.reason == "unreadable_video"


@pytest.mark.tools
def test_a_video_in_a_container_without_an_index_is_probed_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flv"
    lavfi = ["-f", "lavfi", "-i", "testsrc=d=3:s=64x48:r=25", "-f", "lavfi", "-i", "sine=500:d=3:r=44100"]
    subprocess.run(["ffmpeg", "-v", "error", *lavfi, "-c:v", "flv1", "-c:a", "libmp3lame", str(path)], check=True)
    info = probe_video(path)
    assert (info.width, info.height, info.has_audio) == (64, 48, True)
    whole = read_frames(path, fps=5, size=32, duration_s=3.0)
    np.testing.assert_array_equal(read_frames(path, fps=5, size=32, start_s=2.0, duration_s=1.0), whole[10:])


@pytest.mark.tools
def test_the_length_of_a_matroska_file_does_not_count_from_its_clocks_zero(video: Path, tmp_path: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-c", "copy", "-output_ts_offset", "5"]
    subprocess.run([*command, str(tmp_path / "late.mkv")], check=True)
    assert probe_video(tmp_path / "late.mkv").duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.tools
@pytest.mark.parametrize(("start_s", "expected_s"), [(0.0, 0.0), (1.0, 0.0), (1.03, 0.03), (1.09, 0.09)])
def test_frames_after_a_cut_between_two_of_them_have_their_own_times(
    video: Path, tmp_path: Path, start_s: float, expected_s: float
) -> None:
    command = ["ffmpeg", "-v", "error", "-ss", str(start_s), "-i", str(video), "-c", "copy"]
    subprocess.run([*command, str(tmp_path / "cut.mp4")], check=True)
    with open_video(tmp_path / "cut.mp4") as (container, stream):
        assert moved_s(container, stream) == pytest.approx((0.1 - expected_s) % 0.1, abs=1e-3)
    found = read_frames(tmp_path / "cut.mp4", fps=10, size=48, duration_s=1.0)
    assert levels(found)[1:] == levels(read_frames(video, fps=10, size=48, start_s=start_s, duration_s=1.0))[1:]
