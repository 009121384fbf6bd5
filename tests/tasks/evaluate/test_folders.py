"""Folders scored clip by clip: pairs by name, the metrics of a run, shuffled audio beside them, every refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import UsageError
from tasks.evaluate.clip_metrics import Target, measure_part, score_clip
from tasks.evaluate.folders import TIMBRE_CLIPS, score_folders
from tasks.evaluate.timbre import Timbre
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise

EVENTS = {"a": (0.5, 1.2, 1.7), "b": (0.3, 0.9, 1.5), "c": (0.7, 1.1, 1.6)}
AUDIO = {name: bursts(times, duration_s=2.0, seed=number) for number, (name, times) in enumerate(EVENTS.items())}


def write(folder: Path, audio: dict[str, np.ndarray], suffix: str = ".wav", rate_hz: int = RATE_HZ) -> Path:
    folder.mkdir(exist_ok=True)
    for name, samples in audio.items():
        sf.write(folder / f"{name}{suffix}", samples, rate_hz, subtype="PCM_24")
    return folder


def test_the_truth_itself_is_perfect_and_another_clips_audio_is_not(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth", AUDIO)
    (truth / "a.wav.json").write_text("{}")  # a sidecar is passed over
    made = write(tmp_path / "made", AUDIO, ".flac")  # whatever the ending
    found = score_folders(made, truth, events_s=EVENTS)
    summary, shuffled = found.summary(), found.shuffled_summary()
    assert list(found.clips) == ["a", "b", "c"]
    assert summary["EventF1@50ms"] == summary["OnsetSyncAP"] == 1.0
    assert summary["level_difference_db"] == pytest.approx(0.0, abs=1e-6)
    assert shuffled["EventF1@50ms"] < 0.7 and shuffled.keys() <= summary.keys()
    assert "Timbre-cos" not in summary  # too few clips to z-score by


def test_scores_are_those_of_a_run_clip_by_clip(tmp_path: Path) -> None:
    """Against a plain loop over the clips with the run's own functions, with lengths and rates that differ."""
    names = [f"clip{number}" for number in range(TIMBRE_CLIPS)]
    truths = {name: bursts((0.3, 1.1), duration_s=1.5 + 0.1 * n, seed=n) for n, name in enumerate(names)}
    made = {name: noise(1.2, seed=n) for n, name in enumerate(names)}
    found = score_folders(write(tmp_path / "m", made), write(tmp_path / "t", truths)).clips
    written = {name: sf.read(tmp_path / "t" / f"{name}.wav", dtype="float32")[0] for name in names}
    parts = {name: measure_part(audio, RATE_HZ, 0, len(audio) / RATE_HZ) for name, audio in written.items()}
    timbre = Timbre.fit([part.timbre for part in parts.values() if part.timbre is not None])
    for name, truth in parts.items():
        target = Target(truth=truth, events_s=None, timbre=timbre, reference=truth.timbre)
        audio = sf.read(tmp_path / "m" / f"{name}.wav", dtype="float32")[0]
        expected = score_clip(target, measure_part(audio, RATE_HZ, 0, len(written[name]) / RATE_HZ))
        assert found[name] == pytest.approx(expected) and "Timbre-cos" in expected


def test_levels_are_summed_up_by_their_median_and_events_are_scored_where_they_are_known(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth", AUDIO)
    quieter = {name: audio * np.float32(10 ** (-gain / 20)) for (name, audio), gain in zip(AUDIO.items(), (1, 2, 30))}
    found = score_folders(write(tmp_path / "made", quieter), truth, events_s={"b": EVENTS["b"]})
    assert found.summary()["level_difference_db"] == pytest.approx(-2.0, abs=0.01)
    assert ["EventF1@50ms" in scores for scores in found.clips.values()] == [False, True, False]
    assert found.summary()["EventF1@50ms"] == found.clips["b"]["EventF1@50ms"]


def test_a_single_clip_has_nothing_to_be_shuffled_with(tmp_path: Path) -> None:
    one = {"a": AUDIO["a"]}
    found = score_folders(write(tmp_path / "m", one), write(tmp_path / "t", one))
    assert found.shuffled == {} and found.shuffled_summary() == {}


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth", AUDIO)
    some = write(tmp_path / "some", {"b": AUDIO["b"]})
    empty = tmp_path / "empty"
    empty.mkdir()
    cases = (some, "lacks 2 files that .* has: a, c"), (empty, "has no audio file"), (tmp_path / "x", "is not a folder")
    for made, words in cases:
        with pytest.raises(UsageError, match=words):
            score_folders(made, truth)
    with pytest.raises(UsageError, match="events_s names 'd'"):
        score_folders(truth, truth, events_s={"d": [1.0]})
    (some / "b.flac").write_bytes(b"")
    with pytest.raises(UsageError, match=r"b\.flac and b\.wav; one file per name"):
        score_folders(truth, some)
    (some / "b.wav").unlink()
    with pytest.raises(UsageError, match=r"b\.flac.*0 bytes"):
        score_folders(truth, some)
