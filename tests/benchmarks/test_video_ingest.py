"""What the benchmark of video ingest measures: every video is cut both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.video_ingest import ingest_s
from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, tone


@pytest.mark.parametrize("copy_side", [480, 0])
def test_every_video_is_cut(tmp_path: Path, copy_side: int) -> None:
    videos = [tmp_path / f"{n}.mp4" for n in range(2)]
    for number, path in enumerate(videos):
        write_video(path, counting_frames(20), 10, tone(2.0, 300.0 + 100 * number), RATE)
    used_s, clips, size = ingest_s(videos, tmp_path / "run", clip_s=1.0, copy_side=copy_side)
    assert clips == 2 and used_s > 0 and size > 1000
