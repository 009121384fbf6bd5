"""Pictures: frames by time, cuts, muxing by stream copy, equal bytes, and reasons for broken videos."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from data_contracts import ItemError
from tasks.media.audio import read_audio
from tasks.media.video import View, cut_video, probe_video, read_frames, read_views, write_video
from tests.tasks.sounds import RATE, counting_frames, cut_short, tone, write_wav


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "count.mp4"
    write_video(path, counting_frames(30), 10, tone(3.0), RATE)
    return path


def levels(frames: np.ndarray) -> list[int]:
    """Returns the frame numbers that the grey levels name."""
    return [round(float(frame.mean()) / 8) for frame in frames]


def test_probe(video: Path) -> None:
    info = probe_video(video)
    assert (info.width, info.height, info.fps, info.has_audio) == (64, 48, 10, True)
    assert info.duration_s == pytest.approx(3.0, abs=0.01)


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


def test_squashed_pictures_keep_their_edges_and_cropped_ones_lose_them(tmp_path: Path) -> None:
    wide = np.full((4, 40, 120, 3), 128, np.uint8)
    wide[:, :, :24], wide[:, :, -24:] = 0, 255
    write_video(tmp_path / "wide.mp4", wide, 10)
    squashed = read_frames(tmp_path / "wide.mp4", fps=10, size=40, fit="squash")
    cropped = read_frames(tmp_path / "wide.mp4", fps=10, size=40)
    assert squashed.shape == cropped.shape == (4, 40, 40, 3)
    assert squashed[:, :, :5].max() < 40 and squashed[:, :, -5:].min() > 215
    assert cropped.min() > 90 and cropped.max() < 165


def test_several_views_of_one_decoding_are_what_each_reading_gives(video: Path) -> None:
    views = (View(2.0, 16), View(25.0, 32), View(8.0, 24, "squash"))
    together = read_views(video, views, duration_s=1.5)
    for view, frames in zip(views, together, strict=True):
        alone = read_frames(video, fps=view.fps, size=view.size, duration_s=1.5, fit=view.fit)
        np.testing.assert_array_equal(frames, alone)
    assert [frames.shape[0] for frames in read_views(video, views, duration_s=0.0)] == [0, 0, 0]


def test_rotated_pictures_are_turned_upright(tmp_path: Path) -> None:
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


def test_cut_keeps_the_asked_frames_and_drops_the_sound(video: Path, tmp_path: Path) -> None:
    cut_video(video, tmp_path / "cut.mp4", start_s=1.0, duration_s=1.5)
    info = probe_video(tmp_path / "cut.mp4")
    assert info.duration_s == pytest.approx(1.5, abs=0.01) and not info.has_audio
    assert levels(read_frames(tmp_path / "cut.mp4", fps=10, size=32)) == list(range(10, 25))


def test_odd_sizes_and_odd_rates_are_written(tmp_path: Path) -> None:
    write_video(tmp_path / "odd.mp4", counting_frames(10, 33, 47), 12.5, tone(0.8, rate_hz=11_000), 11_000)
    info = probe_video(tmp_path / "odd.mp4")
    assert (info.width, info.height, info.fps) == (46, 32, 12.5)
    assert read_audio(tmp_path / "odd.mp4")[1] == 48_000


def test_bytes_repeat(video: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, counting_frames(30), 10, tone(3.0), RATE)
        cut_video(video, tmp_path / f"cut_{name}", start_s=1.0, duration_s=1.0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes() == video.read_bytes()
    assert (tmp_path / "cut_a.mp4").read_bytes() == (tmp_path / "cut_b.mp4").read_bytes()


_WRITE_ONE_VIDEO = """
import sys
from pathlib import Path
import numpy as np
from tasks.media.video import cut_video, write_video
folder = Path(sys.argv[1])
frames = np.random.default_rng(0).integers(0, 256, (30, 100, 100, 3), np.uint8)
write_video(folder / "noise.mp4", frames, 25.0, np.linspace(-1, 1, 16_000, dtype=np.float32), 16_000)
cut_video(folder / "noise.mp4", folder / "cut.mp4", start_s=0.2, duration_s=0.8, max_side=80)
"""


def test_bytes_do_not_depend_on_what_lies_in_unwritten_memory(tmp_path: Path) -> None:
    """glibc fills allocated memory with the byte in MALLOC_PERTURB_, so unwritten memory differs between these runs."""
    written = []
    for byte in ("1", "85", "254"):
        folder = tmp_path / byte
        folder.mkdir()
        environment = {**os.environ, "MALLOC_PERTURB_": byte}
        subprocess.run([sys.executable, "-c", _WRITE_ONE_VIDEO, str(folder)], check=True, env=environment)
        written.append([(folder / name).read_bytes() for name in ("noise.mp4", "cut.mp4")])
    assert written[0] == written[1] == written[2]


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
