"""Folders of recordings against themselves: the noise is as loud as said, groups and classes are in the table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import evaluated_recordings
from benchmarks.evaluated_recordings import CAPTIONS, REFERENCE, SYSTEMS, command, write_folders
from benchmarks.evaluation import PARTS
from benchmarks.judge_recordings import ESC10, Recording
from tasks.media.audio import decode_audio


def recording(label: str, group: str, seed: int) -> Recording:
    audio_T = (0.1 * np.random.default_rng(seed).standard_normal(44_100)).astype(np.float32)
    return Recording(audio_T=audio_T, rate_hz=44_100, label=label, group=group, caption="")


def level_db(audio_T: np.ndarray) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(audio_T)))))


def test_the_systems_are_the_recordings_quieter_and_with_noise_20_db_below(tmp_path: Path) -> None:
    write_folders([recording("rain", "upload a", 1), recording("dog_bark", "upload b", 2)], tmp_path)
    with (tmp_path / CAPTIONS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["group"], row["category"]) for row in rows] == [
        ("rain-000", "upload a", "rain"),
        ("dog_bark-001", "upload b", "dog_bark"),
    ]
    assert rows[1]["caption"] == ESC10["dog_bark"].prompt
    for row in rows:
        truth, quieter, noisy = (
            decode_audio(tmp_path / name / f"{row['name']}.flac").samples_T for name in (REFERENCE, *SYSTEMS)
        )
        assert level_db(quieter) - level_db(truth) == pytest.approx(-6, abs=0.01)
        assert level_db(noisy - truth) - level_db(truth) == pytest.approx(-20, abs=0.1)


def test_one_command_scores_both_systems_with_all_judges(tmp_path: Path) -> None:
    made = command(tmp_path, ["corpus-cnn", "mn04:file.pt"])
    assert made[:1] == ["evaluate"] and made.count("--generated") == 2
    assert made[made.index("--judges") + 1] == "corpus-cnn,mn04:file.pt"
    assert made[made.index("--captions") + 1] == str(tmp_path / CAPTIONS)
    assert PARTS["recordings"] == evaluated_recordings.__name__


def test_without_recordings_nothing_is_run_and_the_missing_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluated_recordings, "recordings_folder", lambda: tmp_path)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("there is nothing to score"))
    assert evaluated_recordings.main([]) == 1
    assert (
        f"{tmp_path} has no recordings of ESC-10; name their folder in FOLEYGENEX_REALDATA" in capsys.readouterr().err
    )
