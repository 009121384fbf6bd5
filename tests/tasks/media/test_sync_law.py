"""A click at a flash stays within 15 ms of it: as read, after ingest, and as a new audio track, whatever the file.

Files differ in container, sampling rate, frame rate, start of a track, gap, edit list, rotation and length; all are
made by FFmpeg from videos whose frames turn from black to white when their audio clicks.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from data_contracts import Clip
from model.frames import Frames
from tasks.media.audio import read_audio
from tasks.media.frames import frames_between
from tasks.media.mux import mux_audio
from tasks.media.video_writer import write_video
from tests.tasks.ingest.corpora import run_ingest, table_stage, write_table
from tests.tasks.media.test_audio_times import without_packets

TOLERANCE_S: Final = 0.015
RATES: Final = ((48_000, 25.0), (22_050, 10.0), (44_100, 30_000 / 1001))
LENGTHS_S: Final = (1.6, 3.0, 9.6)
CLIP_S: Final = 4.0  # so that the longest are cut

pytestmark = [pytest.mark.tools, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Case:
    """One file: how it is made from the base video of its rates and length."""

    container: str
    variant: str
    rate_hz: int
    fps: float
    length_s: float

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.variant}-{self.rate_hz}-{self.length_s:g}.{self.container}"

    @property
    def base(self) -> str:
        """The name of the video that it is made from."""
        return f"base-{self.rate_hz}-{self.length_s:g}.mkv"


def cases() -> Iterator[Case]:
    """Yields the files to make."""
    variants = ("plain", "late_audio", "late_video", "clock")
    for number, (container, variant) in enumerate(product(("mp4", "mov", "mkv", "ts", "flv"), variants)):
        for step in (0, 1):
            rates, length_s = RATES[(number + step) % 3], LENGTHS_S[(number // 3 + 2 * step) % 3]
            if container != "flv" or rates[0] != 48_000:  # FLV has no AAC of 48 kHz in every version
                yield Case(container, variant, *rates, length_s)
    for rates, length_s in zip(RATES, LENGTHS_S, strict=True):
        yield Case("mp4", "edit_list", *rates, length_s)
        yield Case("mp4", "turned", *rates, length_s)
        yield Case("mkv", "gap", *rates, length_s)
        yield Case("avi", "plain", *rates, length_s)


CASES: Final = tuple(cases())


def flash_s(case: Case) -> float:
    """Returns when the frames turn white, a frame's time: after three quarters of the video."""
    return round(0.75 * case.length_s * case.fps) / case.fps


def write_base(path: Path, case: Case) -> None:
    """Writes the video with its audio without loss; a faint tone before the click shows which packets are there."""
    count = round(case.length_s * case.fps)
    frames: Frames = np.zeros((count, 48, 64, 3), np.uint8)
    frames[round(flash_s(case) * case.fps) :] = 235
    time_T = np.arange(round(case.length_s * case.rate_hz)) / case.rate_hz
    click_T = np.where(time_T >= flash_s(case), 0.8, 0.01) * np.sin(2 * np.pi * 1500 * time_T)
    write_video(path.with_suffix(".mp4"), frames, case.fps)
    mux_audio(path.with_suffix(".mp4"), click_T.astype(np.float32), case.rate_hz, path)


def make(folder: Path, case: Case) -> Path:
    """Makes the file of a case."""
    base, out = folder / case.base, folder / case.name
    if not base.exists():
        write_base(base, case)
    audio = ["-c:a", "pcm_s16le" if case.container == "avi" else "aac", "-b:a", "128k"]
    encoded = ["-c:v", "mpeg4" if case.container == "avi" else "libx264", "-preset", "ultrafast", "-threads", "1"]
    late = ["-itsoffset", "0.4", "-ss", "0.4", "-i", str(base)]
    options = {
        "plain": ["-i", str(base), *encoded, *audio],
        "late_audio": ["-i", str(base), *late, "-map", "0:v", "-map", "1:a", "-c:v", "copy", *audio],
        "late_video": ["-i", str(base), *late, "-map", "1:v", "-map", "0:a", *encoded, *audio],
        "clock": ["-i", str(base), "-c:v", "copy", *audio, "-output_ts_offset", "5"],
        "turned": ["-i", str(base), "-c:v", "copy", *audio, "-metadata:s:v", "rotate=90"],
    }
    if case.variant == "edit_list":  # cut without encoding, between two frames: the earlier ones are hidden
        whole = make(folder, replace(case, variant="plain"))
        options["edit_list"] = ["-ss", "0.5", "-i", str(whole), "-c", "copy"]
    if case.variant == "gap":
        gap = range(round(0.2 * case.length_s * case.rate_hz / 4608), round(0.4 * case.length_s * case.rate_hz / 4608))
        with_gap = without_packets(base, folder / f"gap-{case.rate_hz}.mka", gap)
        options["gap"] = ["-i", str(base), "-i", str(with_gap), "-map", "0:v", "-map", "1:a", "-c", "copy"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *options[case.variant], str(out)], check=True)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of the matrix."""
    found = tmp_path_factory.mktemp("matrix")
    for case in CASES:
        make(found, case)
    return found


def lag_s(video: Path, audio: Path) -> float:
    """Returns by how much the click is later than the first white frame."""
    white_s = next(
        time_s for time_s, frame in frames_between(video, 0.0, math.inf) if frame.to_ndarray(format="gray").mean() > 128
    )
    samples_T, rate_hz = read_audio(audio)
    return float(np.argmax(np.abs(samples_T) > 0.3)) / rate_hz - white_s


def test_each_case_has_a_file_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) == 50


def test_as_read(folder: Path) -> None:
    lags = {case.name: lag_s(folder / case.name, folder / case.name) for case in CASES}
    assert {name: lag for name, lag in lags.items() if abs(lag) > TOLERANCE_S} == {}


def test_after_ingest_cut_without_encoding_or_with(folder: Path, tmp_path: Path) -> None:
    table = write_table(folder, [{"id": case.name, "video": case.name, "caption": "A click"} for case in CASES])
    for copy_side in (720, 0):
        settings = {"clip_s": CLIP_S, "split_from_s": 2 * CLIP_S, "copy_side": copy_side}
        root = tmp_path / str(copy_side)
        _, clips = run_ingest(table_stage(table, **settings), root)
        assert len(clips) == len(CASES)
        lags = {name: lag_s(*_files(root, clip)) for name, clip in clips.items()}
        assert {name: lag for name, lag in lags.items() if abs(lag) > TOLERANCE_S} == {}, f"copy_side {copy_side}"


def _files(root: Path, clip: Clip) -> tuple[Path, Path]:
    return root / str(clip.video_path), root / clip.audio_path


def test_with_its_own_audio_as_a_new_track(folder: Path, tmp_path: Path) -> None:
    lags = {}
    for number, case in enumerate(CASES):
        out = tmp_path / f"out.{('mp4', 'mkv', 'mov')[number % 3]}"
        samples_T, rate_hz = read_audio(folder / case.name)
        mux_audio(folder / case.name, samples_T, rate_hz, out)
        lags[case.name] = lag_s(out, out)
    assert {name: lag for name, lag in lags.items() if abs(lag) > TOLERANCE_S} == {}
