"""Written and cut videos: the frames asked for, any size and rate, equal bytes for equal input."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.media.audio import read_audio
from tasks.media.frames import read_frames
from tasks.media.video import probe_video
from tasks.media.video_writer import cut_video, write_video
from tests.tasks.media.conftest import levels
from tests.tasks.sounds import RATE, counting_frames, tone


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
from tasks.media.video_writer import cut_video, write_video
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


def test_a_cut_is_never_larger_than_the_source_nor_its_short_side_than_asked(video: Path, tmp_path: Path) -> None:
    for max_side, expected in ((480, (64, 48)), (24, (32, 24))):
        cut_video(video, tmp_path / "cut.mp4", start_s=0.0, duration_s=0.5, max_side=max_side)
        info = probe_video(tmp_path / "cut.mp4")
        assert (info.width, info.height) == expected


def test_audio_without_its_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rate_hz"):
        write_video(tmp_path / "v.mp4", counting_frames(5), 5, tone(1.0))
    assert not (tmp_path / "v.mp4").exists()


def test_a_failed_cut_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video here " * 50)
    with pytest.raises(ItemError, match=r"text\.mp4"):
        cut_video(tmp_path / "text.mp4", tmp_path / "out.mp4", start_s=0.0, duration_s=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def irregular(path: Path, times_s: list[float]) -> Path:
    """Writes a video with frames of rising grey levels at these times, a key frame every fourth."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"g": "4", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time_s, image in zip(times_s, counting_frames(len(times_s)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * time_s), Fraction(1, 1000)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def timed_levels(path: Path) -> list[tuple[float, int]]:
    """Returns the time and the number of each frame of a video."""
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    return [(time_s, levels([image])[0]) for time_s, image in frames]


@settings(max_examples=12, deadline=None)
@given(
    steps=st.lists(st.floats(0.005, 0.6), min_size=6, max_size=20),
    start=st.floats(0, 0.5),
    share=st.floats(0.3, 0.9),
)
def test_a_cut_shows_each_frame_when_the_source_does_whatever_its_rate(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], start: float, share: float
) -> None:
    folder = tmp_path_factory.mktemp("vfr")
    source = irregular(folder / "source.mp4", [0.0, *np.cumsum(steps)])
    start_s, duration_s = start * sum(steps), share * (1 - start) * sum(steps)
    cut_video(source, folder / "cut.mp4", start_s=start_s, duration_s=duration_s)
    known = timed_levels(source)
    shown = [level for time_s, level in known if time_s <= start_s + 1e-4][-1]
    kept = [
        (time_s - start_s, level) for time_s, level in known if start_s + 1e-4 < time_s < start_s + duration_s - 1e-4
    ]
    found = timed_levels(folder / "cut.mp4")
    expected = [(0.0, shown), *kept]
    assert [level for _, level in found[: len(expected)]] == [level for _, level in expected]
    assert [time_s for time_s, _ in found[: len(expected)]] == pytest.approx([t for t, _ in expected], abs=1e-4)
    assert {level for _, level in found[len(expected) :]} <= {
        expected[-1][1]
    }  # the last one once more, to fill the end


def test_past_the_end_of_the_source_the_last_frame_stays(video: Path, tmp_path: Path) -> None:
    cut_video(video, tmp_path / "cut.mp4", start_s=2.5, duration_s=2.0)
    assert probe_video(tmp_path / "cut.mp4").duration_s == pytest.approx(2.0, abs=0.05)
    assert levels(read_frames(tmp_path / "cut.mp4", fps=5, size=16)) == [25, 27, *[29] * 8]
