"""Parts of files: exact samples and frames, cut once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_contracts import UsageError
from model.frames import Frames
from tasks.commands.paper_tables.parts import PartCutter
from tasks.evaluate.judge_cache import FileHashes
from tasks.media.arrays import write_exact_audio, write_exact_video
from tasks.media.audio import decode_audio
from tasks.media.frames import read_frames
from tests.tasks.evaluate.sounds import noise

RATE_HZ = 8_000


@pytest.fixture
def cutter(tmp_path: Path) -> PartCutter:
    return PartCutter(tmp_path / "parts", FileHashes(tmp_path / "cache"))


def recording(path: Path, duration_s: float) -> Path:
    write_exact_audio(path, noise(duration_s, rate_hz=RATE_HZ), RATE_HZ)
    return path


def test_a_part_has_the_files_own_samples(tmp_path: Path, cutter: PartCutter) -> None:
    whole = recording(tmp_path / "a.wav", 8.0)
    part = cutter.audio({"a": whole}, 3.0, 8.0)["a"]
    audio = decode_audio(part)
    assert audio.rate_hz == RATE_HZ
    np.testing.assert_array_equal(audio.samples_T, decode_audio(whole).samples_T[3 * RATE_HZ :])


def test_a_part_ends_where_the_file_ends(tmp_path: Path, cutter: PartCutter) -> None:
    part = cutter.audio({"a": recording(tmp_path / "a.wav", 6.5)}, 3.0, 8.0)["a"]
    assert decode_audio(part).duration_s == pytest.approx(3.5)


def test_a_part_is_cut_once_and_again_when_its_file_changes(tmp_path: Path, cutter: PartCutter) -> None:
    whole = recording(tmp_path / "a.wav", 8.0)
    first = cutter.audio({"a": whole}, 3.0, 8.0)["a"]
    written = first.stat().st_mtime_ns
    assert cutter.audio({"a": whole}, 3.0, 8.0)["a"] == first
    assert first.stat().st_mtime_ns == written
    assert cutter.audio({"a": whole}, 0.0, 3.0)["a"] != first
    recording(whole, 7.5)
    assert cutter.audio({"a": whole}, 3.0, 8.0)["a"] != first


@pytest.mark.parametrize(("duration_s", "is_whole"), [(5.0, True), (5.2, True), (5.3, False), (8.0, False)])
def test_a_file_of_the_part_alone_is_taken_as_it_is(
    tmp_path: Path, cutter: PartCutter, duration_s: float, is_whole: bool
) -> None:
    path = recording(tmp_path / "a.wav", duration_s)
    assert (cutter.audio({"a": path}, 3.0, 8.0, or_whole=True)["a"] == path) is is_whole


def test_what_cannot_be_cut_is_named(tmp_path: Path, cutter: PartCutter) -> None:
    with pytest.raises(UsageError, match=r"short\.wav has 2\.00 s; 3-8 s are scored"):
        cutter.audio({"a": recording(tmp_path / "short.wav", 2.0)}, 3.0, 8.0)
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(UsageError, match=r"text\.wav"):
        cutter.audio({"a": tmp_path / "text.wav"}, 3.0, 8.0)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UsageError, match=r"text\.mp4"):
        cutter.video({"a": tmp_path / "text.mp4"})


def test_the_video_of_the_part_begins_at_3_s_and_is_lossless(tmp_path: Path, cutter: PartCutter) -> None:
    frames: Frames = np.zeros((80, 16, 16, 3), np.uint8)  # 10 a second, white from 3 s on
    frames[30:] = 255
    write_exact_video(tmp_path / "v.mkv", frames, 10.0)
    part = cutter.video({"a": tmp_path / "v.mkv"})["a"]
    found = read_frames(part, fps=25.0, size=224)
    assert found.shape == (125, 224, 224, 3)
    assert found.min() == 255, "no frame is from before 3 s"


@pytest.mark.parametrize(("duration_s", "is_whole"), [(2.0, True), (2.2, True), (4.0, False)])
def test_of_a_longer_file_the_end_is_taken(
    tmp_path: Path, cutter: PartCutter, duration_s: float, is_whole: bool
) -> None:
    made, target = recording(tmp_path / "made.wav", duration_s), recording(tmp_path / "target.wav", 2.0)
    found = cutter.ending({"a": made, "other": made}, {"a": target})
    assert list(found) == ["a"]
    assert (found["a"] == made) is is_whole
    if not is_whole:
        np.testing.assert_array_equal(decode_audio(found["a"]).samples_T, decode_audio(made).samples_T[2 * RATE_HZ :])
        assert cutter.ending({"a": made}, {"a": target}) == found
