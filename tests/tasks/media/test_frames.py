"""Frames by time: the nearest earlier one, resized, upright, the same for one view or several."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from model.frames import Fit
from tasks.media.frames import View, frames_at, frames_between, read_frames, read_views, upright
from tasks.media.video_writer import write_video
from tests.tasks.media.conftest import levels


def test_each_time_shows_the_nearest_earlier_frame(video: Path) -> None:
    assert levels(read_frames(video, fps=10, size=32)) == list(range(30))
    assert levels(read_frames(video, fps=4, size=32, start_s=1.0, duration_s=1.0)) == [10, 12, 15, 17]
    assert levels(read_frames(video, fps=20, size=32, start_s=0.5, duration_s=0.3)) == [5, 5, 6, 6, 7, 7]


def test_past_the_end_the_last_frame_stays(video: Path) -> None:
    assert levels(read_frames(video, fps=10, size=16, start_s=2.8, duration_s=0.5)) == [28, 29, 29, 29, 29]


def test_short_side_is_resized_and_the_centre_kept(tmp_path: Path) -> None:
    frames = np.zeros((5, 48, 96, 3), np.uint8)
    frames[:, :, 24:72] = 200
    write_video(tmp_path / "wide.mp4", frames, 25)
    square = read_frames(tmp_path / "wide.mp4", fps=25, size=24)
    assert square.shape == (5, 24, 24, 3) and square[:, :, 2:-2].min() > 150


def test_squashed_frames_keep_their_edges_and_cropped_ones_lose_them(tmp_path: Path) -> None:
    wide = np.full((4, 40, 120, 3), 128, np.uint8)
    wide[:, :, :24], wide[:, :, -24:] = 0, 255
    write_video(tmp_path / "wide.mp4", wide, 10)
    squashed = read_frames(tmp_path / "wide.mp4", fps=10, size=40, fit="squash")
    cropped = read_frames(tmp_path / "wide.mp4", fps=10, size=40)
    assert squashed.shape == cropped.shape == (4, 40, 40, 3)
    assert squashed[:, :, :5].max() < 40 and squashed[:, :, -5:].min() > 215
    assert cropped.min() > 90 and cropped.max() < 165


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(40, 120, (20, 60)), (120, 40, (60, 20)), (48, 86, (20, 35))]
)
def test_short_side_frames_are_cut_nowhere_and_their_long_side_is_rounded_down(
    tmp_path: Path, height: int, width: int, expected: tuple[int, int]
) -> None:
    frames = np.full((4, height, width, 3), 128, np.uint8)
    frames[:, : height // 5, : width // 5], frames[:, -height // 5 :, -width // 5 :] = 0, 255
    write_video(tmp_path / "video.mp4", frames, 10)
    whole = read_frames(tmp_path / "video.mp4", fps=10, size=20, fit="short_side")
    assert whole.shape == (4, *expected, 3)
    assert whole[:, :2, :2].max() < 40 and whole[:, -2:, -2:].min() > 215


def test_several_views_of_one_decoding_are_what_each_reading_gives(video: Path) -> None:
    views = (View(2.0, 16), View(25.0, 32), View(8.0, 24, "squash"))
    together = read_views(video, views, duration_s=1.5)
    for view, frames in zip(views, together, strict=True):
        alone = read_frames(video, fps=view.fps, size=view.size, duration_s=1.5, fit=view.fit)
        np.testing.assert_array_equal(frames, alone)
    assert [frames.shape[0] for frames in read_views(video, views, duration_s=0.0)] == [0, 0, 0]


@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_frames_are_those_of_a_converter_of_their_own(tmp_path: Path, fit: Fit) -> None:
    """All frames share one converter, on one thread; each is what FFmpeg makes of it alone."""
    drawn = np.random.default_rng(0).integers(0, 256, (6, 72, 112, 3), np.uint8)
    write_video(tmp_path / "noise.mp4", drawn, 10)
    found = read_frames(tmp_path / "noise.mp4", fps=10, size=48, fit=fit)
    width = 48 if fit == "squash" else 75
    left = (width - 48) // 2
    with av.open(str(tmp_path / "noise.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            alone = frame.to_ndarray(width=width, height=48, format="rgb24", interpolation=Interpolation.BICUBIC)
            np.testing.assert_array_equal(found[number], alone[:, left : left + 48])


def test_rotated_frames_are_turned_upright(tmp_path: Path) -> None:
    frames = np.zeros((5, 64, 64, 3), np.uint8)
    frames[:, :16] = 220
    write_video(tmp_path / "flat.mp4", frames, 25)
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "flat.mp4"), "-c", "copy", "-metadata:s:v", "rotate=90"]
    subprocess.run([*command, str(tmp_path / "turned.mp4")], check=True)
    shown = tmp_path / "shown.png"
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "turned.mp4"), "-frames:v", "1", str(shown)]
    subprocess.run(command, check=True)
    with av.open(str(shown)) as container:
        expected = next(container.decode(video=0)).to_ndarray(format="rgb24")
    got = read_frames(tmp_path / "turned.mp4", fps=25, size=64)[0]
    assert np.abs(got.astype(int) - expected).mean() < 6


@settings(max_examples=25, deadline=None)
@given(times=st.lists(st.floats(0, 3.5), min_size=1, max_size=6).map(sorted))
def test_frames_at_any_times_are_those_of_a_plain_search(video: Path, times: list[float]) -> None:
    """A jump to the nearest key frame gives what decoding everything gives."""
    with av.open(str(video)) as container:
        known = [(frame.time, levels([frame.to_ndarray(format="rgb24")])[0]) for frame in container.decode(video=0)]
    expected = [next(level for time, level in reversed(known) if time <= at + 1e-4) for at in times]
    found = [frame.to_ndarray(format="rgb24") for frame in frames_at(video, times)]
    assert levels(found) == expected


def test_a_time_before_the_first_frame_shows_the_first_frame(video: Path) -> None:
    (frame,) = frames_at(video, [-1.0])
    assert levels([frame.to_ndarray(format="rgb24")]) == [0]


def test_no_times_open_nothing(tmp_path: Path) -> None:
    assert list(frames_at(tmp_path / "no.mp4", [])) == []
    with pytest.raises(ItemError, match=r"no\.mp4"):
        next(frames_at(tmp_path / "no.mp4", [0.0]))


def test_a_view_counts_frames_by_its_rate_and_stacks_none_to_an_empty_array() -> None:
    assert [View(25.0, 8).count(seconds) for seconds in (0.0, 1.0, 0.99, -1.0)] == [0, 25, 25, 0]
    assert View(25.0, 8).stack([]).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90, 360])
def test_turning_upright_is_a_rotation_of_quarter_turns(rotation: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    turned = upright(image, rotation)
    assert turned.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(upright(turned, -rotation), image)
    assert turned.shape == ((6, 4, 3) if rotation % 180 else (4, 6, 3))


def test_frames_between_two_times_begin_with_the_one_shown_at_the_start(video: Path) -> None:
    found = list(frames_between(video, 0.95, 1.25))
    assert levels([frame.to_ndarray(format="rgb24") for _, frame in found]) == [9, 10, 11, 12]
    assert [time_s for time_s, _ in found] == pytest.approx([0.0, 0.05, 0.15, 0.25], abs=1e-3)


def test_after_the_end_the_last_frame_is_the_one_shown(video: Path) -> None:
    ((time_s, frame),) = frames_between(video, 9.0, 10.0)
    assert time_s == 0.0 and levels([frame.to_ndarray(format="rgb24")]) == [29]
