"""Speech and music found by a judge: pieces, shares by threshold, false alarms by subfolder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
import torch

from benchmarks import unwanted_sound
from benchmarks.judge_recordings import Heard
from benchmarks.unwanted_sound import RATE_HZ, SECONDS, Detector, pieces
from model.judges.audioset import AUDIOSET_LABELS

SPEECH, MUSIC = AUDIOSET_LABELS.index("Speech"), AUDIOSET_LABELS.index("Music")


class LoudJudge:
    """Hears speech in positive sounds and music in negative ones; the probability is the mean's distance from 0."""

    spec = SimpleNamespace(rate_hz=RATE_HZ, classes=AUDIOSET_LABELS)

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[dict[str, torch.Tensor]]:
        logits = torch.full((len(sounds), len(AUDIOSET_LABELS)), -20.0)
        for row, sound in enumerate(sounds):
            chance = float(sound.mean().abs().clamp(1e-3, 0.999))
            logits[row, SPEECH if sound.mean() > 0 else MUSIC] = np.log(chance / (1 - chance))
        return [{"logits": row} for row in logits]


def write(folder: Path, **levels: float) -> Path:
    folder.mkdir(parents=True)
    for name, level in levels.items():
        sf.write(folder / f"{name}.wav", np.full(RATE_HZ, level, np.float32), RATE_HZ, subtype="FLOAT")
    return folder


def test_long_files_are_cut_short_ones_are_whole_and_damaged_ones_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a" / "inner"
    folder.mkdir(parents=True)
    for name, seconds in (("long", 2.6 * SECONDS), ("short", 1.0), ("click", 0.05)):
        sf.write(folder / f"{name}.wav", np.zeros(round(seconds * RATE_HZ), np.float32), RATE_HZ)
    (folder / "damaged.wav").write_bytes(b"RIFF")
    (folder / "text.txt").write_text("no audio")
    lengths = [(len(one.samples_T) / RATE_HZ, one.label) for one in pieces(tmp_path / "a", most=5)]
    assert lengths == [(SECONDS, "inner"), (SECONDS, "inner"), (1.0, "inner")]
    assert len(list(pieces(tmp_path / "a", most=1))) == 2
    assert "passed over: damaged.wav" in capsys.readouterr().out


def test_the_table_says_what_is_found_and_what_is_a_false_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(unwanted_sound, "load_judge", lambda name: LoudJudge())
    monkeypatch.setattr(unwanted_sound, "AudioJudge", LoudJudge)
    monkeypatch.setattr(unwanted_sound, "PRESENT", 0.3)
    speech = write(tmp_path / "speech", a=0.9, b=0.4)
    other = tmp_path / "other"
    write(other / "dogs", c=0.25, d=0.01)
    write(other / "bells", e=-0.6)
    arguments = ["--speech", str(speech), "--other", str(other)]
    assert unwanted_sound.main(arguments) == 0
    rows = {tuple(line[2:].split(" | ")[:2]): line.rstrip(" |").split(" | ")[2:] for line in _lines(capsys)}
    assert rows["sounds", "found"][1:] == ["0.1", "0.2", "**0.3**", "0.5", "0.7"]
    assert rows["speech alone", "speech"] == ["2", "100.0%", "100.0%", "100.0%", "50.0%", "50.0%"]
    assert rows["other", "speech"] == ["3", "33.3%", "33.3%", "0.0%", "0.0%", "0.0%"]
    assert rows["other/bells", "music"] == ["1", "100.0%", "100.0%", "100.0%", "100.0%", "0.0%"]
    assert rows["other/dogs", "music"][1:] == ["0.0%"] * 5
    assert ("speech -10 dB over other sounds", "speech") in rows and ("music alone", "music") not in rows


def test_the_likeliest_of_several_classes_counts() -> None:
    detector = Detector(Heard(LoudJudge()), {"both": [SPEECH, MUSIC]})  # type: ignore[arg-type]
    chances = detector.chances([np.full(3000, 0.7, np.float32), np.full(3000, -0.2, np.float32)])
    assert chances["both"] == pytest.approx([0.7, 0.2], abs=1e-3)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()
