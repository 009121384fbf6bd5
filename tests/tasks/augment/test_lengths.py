"""SPEC A3: the speed levels of a clip have one length, filled at every rate, from what follows the clip too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import Augmented, Clip, Mined, read_table, write_table
from data_contracts.files import hash_file
from tasks.augment.config import AugmentConfig
from tasks.augment.lengths import common_length_s
from tasks.augment.stage import AugmentStage
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.media.audio import write_flac
from tests.tasks.rows import clip_row, mined_row
from tests.tasks.sounds import RATE, strikes, tone

FACTORS = (1.3, 1.0, 0.7)


def noise(duration_s: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(duration_s * RATE)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.25, 12.0), st.floats(0.5, 8.0))
def test_audio_without_pauses_gets_all_that_the_fastest_level_can_fill(duration_s: float, max_s: float) -> None:
    found_s = common_length_s(noise(duration_s), RATE, FACTORS, max_s=max_s, silence_db=-60)
    assert found_s == pytest.approx(min(max_s, duration_s / 1.3 - 1e-3), abs=1e-4)
    assert round(found_s * RATE) == pytest.approx(found_s * RATE, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 5.8), min_size=1, max_size=25), st.integers(0, 9))
def test_the_length_is_the_longest_without_a_pause_as_a_plain_loop_finds_it(times_s: list[float], seed: int) -> None:
    sound = strikes(6.0, sorted(times_s))
    loud = np.abs(sound) > 1e-3
    longest = int(min(8.0 * RATE, len(sound) / 1.3 - 1e-3 * RATE))
    expected = longest
    for step in range(10_000):
        length = round(longest - step * 0.01 * RATE)
        if length <= 0.75 * longest:
            break
        ends = [
            loud[int((length - 0.1 * RATE) * factor) : int((length - 0.03 * RATE) * factor)].any() for factor in FACTORS
        ]
        if all(ends):
            expected = length
            break
    found_s = common_length_s(sound, RATE, FACTORS, max_s=8.0, silence_db=-60)
    assert round(found_s * RATE) == expected


def test_without_a_length_that_avoids_all_pauses_the_longest_is_taken() -> None:
    two = np.concatenate([noise(0.1), np.zeros(3 * RATE), noise(0.1)]).astype(np.float32)
    found_s = common_length_s(two, RATE, FACTORS, max_s=8.0, silence_db=-60)
    assert found_s == pytest.approx(3.2 / 1.3 - 1e-3, abs=1e-4)


def noisy_clips(root: Path, durations_s: list[float], tails_s: float = 0.0) -> Workspace:
    """Writes clips of noise whose captions say fast or slow, in turn, and what follows each of them."""
    workspace, rng = Workspace(root), np.random.default_rng(5)
    clips, mined = [], []
    for number, duration_s in enumerate(durations_s):
        sound = rng.uniform(-0.5, 0.5, round((duration_s + tails_s) * 8000)).astype(np.float32)
        parts = {"audio": sound[: round(duration_s * 8000)], "tail": sound[round(duration_s * 8000) :]}
        values: dict[str, str] = {}
        for name in ("audio", "tail") if tails_s else ("audio",):
            path = workspace.stage("ingest") / name / f"{number}.flac"
            write_flac(path, parts[name], 8000)
            values |= {f"{name}_path": workspace.relative(path), f"{name}_sha256": hash_file(path)}
        clips.append(clip_row(str(number), duration_s=duration_s, sample_rate_hz=8000, **values))
        mined.append(mined_row(clips[-1], "speed", "fast" if number % 2 else "slow"))
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    write_table(workspace.table("mine", "mined"), Mined, mined)
    return workspace


def accuracy_by_length(rows: list[Augmented]) -> float:
    """Returns how often the best guess of a level from side and length alone is right, of clips held out."""
    right = 0
    for row in rows:
        others = [other for other in rows if other.clip_id != row.clip_id and other.side == row.side]
        gaps = [abs(other.duration_s - row.duration_s) for other in others]
        nearest = [o.level for o, gap in zip(others, gaps, strict=True) if gap < min(gaps) + 1e-6]
        right += nearest.count(row.level) / len(nearest)
    return right / len(rows)


def test_the_length_does_not_tell_the_level(tmp_path: Path) -> None:
    durations_s = [float(d) for d in np.random.default_rng(0).uniform(0.8, 8.0, 16)]
    accuracies = []
    for equal in (True, False):
        workspace = noisy_clips(tmp_path / str(equal), durations_s)
        run_stage(AugmentStage(AugmentConfig(equal_lengths=equal), "1"), workspace)
        rows = read_table(workspace.table("augment", "augmented"), Augmented)
        assert len(rows) == 3 * len(durations_s)
        accuracies.append(accuracy_by_length(rows))
        if equal:
            assert all(len({r.duration_s for r in rows if r.clip_id == str(n)}) == 1 for n in range(len(durations_s)))
            assert all(json.loads(row.recipe_json)["length_s"] == row.duration_s for row in rows)
    assert accuracies[0] == pytest.approx(1 / 3, abs=1e-9)  # chance
    assert accuracies[1] > 0.4  # what it would be without the setting


def test_faster_playback_takes_its_audio_from_what_follows_the_clip(tmp_path: Path) -> None:
    """A recording of 10 s fills 7.69 s at 1.3 times its speed, one of 10.5 s all 8."""
    for tails_s, wanted_s in ((0.0, 8 / 1.3), (2.0, 10 / 1.3), (2.5, 8.0)):
        workspace = noisy_clips(tmp_path / str(tails_s), [8.0], tails_s)
        run_stage(AugmentStage(AugmentConfig(), "1"), workspace)
        rows = read_table(workspace.table("augment", "augmented"), Augmented)
        assert [row.duration_s for row in rows] == pytest.approx([wanted_s] * 3, abs=2e-3)
        (medium,) = (row for row in rows if row.level == "medium")
        assert json.loads(medium.measured_json)["duration_ratio"] == pytest.approx(1 / 1.3, abs=1e-3)


def test_a_tail_that_is_not_the_one_ingested_is_refused(tmp_path: Path) -> None:
    workspace, stage = noisy_clips(tmp_path, [8.0], 1.0), AugmentStage(AugmentConfig(), "1")
    write_flac(tmp_path / "ingest" / "tail" / "0.flac", tone(1.0), RATE)
    (outcome, *_) = stage.process(stage.items(workspace), workspace)
    assert outcome.error is not None and outcome.error.reason == "changed_file"
    assert "0.flac" in outcome.error.message
