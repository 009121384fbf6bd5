"""Videos whose frames can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.media.video_writer import write_video
from tests.tasks.sounds import RATE, counting_frames, tone


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "count.mp4"
    write_video(path, counting_frames(30), 10, tone(3.0), RATE)
    return path


def levels(frames: np.ndarray) -> list[int]:
    """Returns the frame numbers that the grey levels name."""
    return [round(float(frame.mean()) / 8) for frame in frames]
