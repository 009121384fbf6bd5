"""Files of every container with seeded damage: read, or refused with a reason; never another exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.damage import REASONS, VIDEOS, damaged, ingest_damaged, whole_files
from data_contracts import ItemError
from tasks.media.audio import decode_audio
from tasks.media.frames import read_frames
from tasks.media.video import probe_video

DAMAGES = 200  # in all
PER_FILE = 4  # read by each reader of its own


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One second in every container."""
    return whole_files(tmp_path_factory.mktemp("whole"))


def test_no_damage_ends_ingest_or_is_misnamed(tmp_path: Path) -> None:
    """As `python -m benchmarks.damage`, which makes ten times as many."""
    found = ingest_damaged(tmp_path, DAMAGES)
    assert sum(found.values()) == DAMAGES + 18 and found["read"] > 50 and len(found) > 3


def test_damage_is_data_or_an_items_error_for_every_reader(files: list[Path], tmp_path: Path) -> None:
    for source in files:
        for seed in range(1000, 1000 + PER_FILE):
            path = tmp_path / source.name
            path.write_bytes(damaged(source.read_bytes(), seed))
            try:
                decoded = decode_audio(path)
            except ItemError as error:
                assert error.reason in REASONS and path.name in error.message
            else:
                assert np.isfinite(decoded.samples_T).all() and decoded.rate_hz > 0
            if source.suffix[1:] not in VIDEOS:
                continue
            try:
                probe_video(path)
                read_frames(path, fps=5, size=16, start_s=0.4, duration_s=0.5)
            except ItemError as error:
                assert error.reason in REASONS and path.name in error.message


def test_damage_is_drawn_by_its_seed() -> None:
    content = bytes(range(256)) * 10
    assert damaged(content, 1) == damaged(content, 1) != damaged(content, 2) != content
