"""A cut without encoding shows what the source shows, at the same times, or says that it cannot be made."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from data_contracts import ItemError
from tasks.media.frames import read_frames
from tasks.media.mux import mux_audio
from tasks.media.video import open_video, probe_video
from tasks.media.video_copy import copy_start, copy_video
from tasks.media.video_writer import cut_video, write_video
from tests.tasks.media.conftest import levels
from tests.tasks.media.test_video_writer import irregular, timed_levels
from tests.tasks.sounds import RATE, counting_frames, tone


@pytest.mark.parametrize("start_s", [0.0, 0.04, 0.31, 0.5, 0.77, 1.2])
def test_a_copy_shows_each_frame_when_the_source_does(tmp_path: Path, start_s: float) -> None:
    """The source has reordered frames, a key frame every fourth and an irregular rate."""
    times = [0.0, 0.1, 0.16, 0.3, 0.34, 0.5, 0.6, 0.61, 0.75, 0.9, 1.0, 1.15, 1.3, 1.33, 1.5, 1.6]
    source = irregular(tmp_path / "source.mp4", times)
    begin_s = copy_start(source, start_s, max_side=480)
    assert begin_s == pytest.approx(max(time for time in times if time <= start_s + 1e-4), abs=1e-3)
    copy_video(source, tmp_path / "copy.mp4", start_s=begin_s, duration_s=10.0)
    known = [(time_s - begin_s, level) for time_s, level in timed_levels(source) if time_s > begin_s - 1e-4]
    found = timed_levels(tmp_path / "copy.mp4")
    assert [level for _, level in found] == [level for _, level in known]
    assert [time_s for time_s, _ in found] == pytest.approx([time_s for time_s, _ in known], abs=2e-3)


def test_a_copy_and_an_encoded_cut_give_the_same_frames(video: Path, tmp_path: Path) -> None:
    begin_s = copy_start(video, 1.05, max_side=480)
    assert begin_s == pytest.approx(1.0, abs=1e-3)
    copy_video(video, tmp_path / "copy.mp4", start_s=begin_s, duration_s=1.5)
    cut_video(video, tmp_path / "cut.mp4", start_s=begin_s, duration_s=1.5)
    copied, encoded = (
        levels(read_frames(tmp_path / name, fps=10, size=16, duration_s=1.5)) for name in ("copy.mp4", "cut.mp4")
    )
    assert copied == encoded == list(range(10, 25))
    info = probe_video(tmp_path / "copy.mp4")
    assert not info.has_audio and 1.49 < info.duration_s < 1.95  # frames that are decoded before the end stay


def test_a_video_with_audio_is_copied_in_time_without_it(video: Path, tmp_path: Path) -> None:
    mux_audio(video, tone(3.0), RATE, tmp_path / "v.mov")
    begin_s = copy_start(tmp_path / "v.mov", 1.32, max_side=480)
    assert begin_s == pytest.approx(1.3, abs=2e-3)
    copy_video(tmp_path / "v.mov", tmp_path / "copy.mp4", start_s=begin_s, duration_s=1.0)
    assert levels(read_frames(tmp_path / "copy.mp4", fps=10, size=16, duration_s=1.0)) == list(range(13, 23))
    assert not probe_video(tmp_path / "copy.mp4").has_audio


@pytest.mark.tools
def test_mpeg_ts_is_copied_from_the_same_key_frame(tmp_path: Path) -> None:
    """A seek in MPEG-TS ends behind the key frame that it asks for, so none is needed."""
    source = tmp_path / "v.ts"
    write_video(tmp_path / "v.mp4", counting_frames(100), 25)
    encoder = ["-c:v", "libx264", "-g", "30", "-bf", "2", "-threads", "1"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(tmp_path / "v.mp4"), *encoder, str(source)], check=True)
    begin_s = copy_start(source, 2.81, max_side=480)
    assert begin_s == pytest.approx(2.8, abs=1e-3)
    copy_video(source, tmp_path / "copy.mp4", start_s=begin_s, duration_s=1.0)
    known = read_frames(source, fps=25, size=48, start_s=begin_s, duration_s=1.0)
    assert levels(read_frames(tmp_path / "copy.mp4", fps=25, size=48, duration_s=1.0)) == levels(known)


def test_equal_sources_give_equal_bytes(video: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        copy_video(video, tmp_path / name, start_s=1.0, duration_s=1.0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_what_cannot_be_copied_is_said(video: Path, tmp_path: Path) -> None:
    assert copy_start(video, 1.0, max_side=40) is None  # its short side has 48
    copy_video(video, tmp_path / "hides.mp4", start_s=1.05, duration_s=1.0)
    assert copy_start(tmp_path / "hides.mp4", 0.5, max_side=480) is None
    with av.open(str(tmp_path / "other.mp4"), "w") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in counting_frames(5):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        target.mux(stream.encode(None))
    assert copy_start(tmp_path / "other.mp4", 0.2, max_side=480) is None
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ItemError, match=r"text\.mp4"):
        copy_start(tmp_path / "text.mp4", 0.2, max_side=480)


@pytest.mark.parametrize("shape", [Fraction(1), Fraction(4, 3), Fraction(8, 9)])
def test_the_shape_of_pixels_is_kept_by_cuts_copies_and_new_sound(tmp_path: Path, shape: Fraction) -> None:
    source = tmp_path / "source.mp4"
    with av.open(str(source), "w") as target:
        stream = target.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = shape
        for image in counting_frames(20, 64, 96):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        target.mux(stream.encode(None))
    cut_video(source, tmp_path / "cut.mp4", start_s=0.5, duration_s=1.0)
    cut_video(source, tmp_path / "small.mp4", start_s=0.5, duration_s=1.0, max_side=32)
    copy_video(source, tmp_path / "copy.mp4", start_s=0.5, duration_s=1.0)
    mux_audio(source, np.zeros(RATE * 2, np.float32), RATE, tmp_path / "sound.mp4")
    mux_audio(source, np.zeros(RATE * 2, np.float32), RATE, tmp_path / "sound.mkv")
    for name in ("source.mp4", "cut.mp4", "small.mp4", "copy.mp4", "sound.mp4", "sound.mkv"):
        with open_video(tmp_path / name) as (_, found):
            assert (found.sample_aspect_ratio or 1) == shape, name


def test_plain_videos_are_written_as_ever(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", counting_frames(5), 10)
    with open_video(tmp_path / "a.mp4") as (_, stream):
        assert stream.codec_context.sample_aspect_ratio in (None, Fraction(0), Fraction(1))
