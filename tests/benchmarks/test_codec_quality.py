"""The codec's table: which recordings are read, what counts as audible, how alike a clip and its round trip are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from benchmarks.codec_measures import quality
from benchmarks.codec_quality import Pair, audible, header, likeness, median, read_recordings, row
from benchmarks.judge_recordings import Heard
from model.judges.corpus_cnn import CorpusCNNJudge


def noise(seed: int = 0, samples: int = 16_000) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def test_the_first_recordings_of_each_class_are_read_at_the_codecs_rate(tmp_path: Path) -> None:
    for label, count in (("dog", 3), ("rain", 1)):
        (tmp_path / label).mkdir()
        for index in range(count):
            sf.write(tmp_path / label / f"{index}.ogg", noise(index, 8000), 8000)
    found = read_recordings(tmp_path, 2)
    assert {label: len(clips) for label, clips in found.items()} == {"dog": 2, "rain": 1}
    assert all(abs(len(clip) - 16_000) <= 2 for clips in found.values() for clip in clips)


def test_a_missing_folder_is_said_and_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_recordings(tmp_path / "none", 2) == {}
    assert "skipped" in capsys.readouterr().out


def test_silent_clips_do_not_count() -> None:
    loud, silent = Pair(noise(), noise()), Pair(np.zeros(100, np.float32), noise())
    assert audible([loud, silent]) == [loud]


def test_medians_are_those_of_the_named_measure() -> None:
    found = [quality(noise(), noise() * np.float32(scale)) for scale in (0.5, 1.0, 0.1)]
    assert median(found, "level_change_db") == pytest.approx(-6.02, abs=0.01)


def test_a_row_has_the_heads_columns_with_and_without_a_tagger(capsys: pytest.CaptureFixture[str]) -> None:
    judge, pairs = Heard(CorpusCNNJudge.load()), [Pair(noise(), np.float32(0.5) * noise())]
    header()
    row("halved", pairs, judge, None)
    row("halved", pairs, judge, judge)
    row("silent", [Pair(np.zeros(100, np.float32), noise())], judge, judge)
    head, rule, alone, both = capsys.readouterr().out.splitlines()
    assert len({line.count("|") for line in (head, rule, alone, both)}) == 1
    assert alone.startswith("| halved | 1 | -6.02 | 6.02 |") and alone.endswith("| 1.000 | - |")
    assert both.endswith("| 1.000 | 1.000 |")


def test_likeness_does_not_see_the_level_and_silence_is_like_nothing() -> None:
    judge = Heard(CorpusCNNJudge.load())
    assert likeness(judge, noise(), np.float32(0.1) * noise()) == pytest.approx(1, abs=1e-3)
    assert likeness(judge, noise(), np.zeros(16_000, np.float32)) == 0
