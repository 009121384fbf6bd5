"""Small test sets in folders, and fake judges in place of those of the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch

from model.frames import Frames
from model.judges.protocols import JudgeSpec, Outputs
from tasks.commands.paper_tables.job import make_table
from tasks.engine.settings import settings_from
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.paper_tables.result import TableCell, TableResult
from tasks.media.arrays import write_exact_video
from tasks.media.samples import Samples
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise

FILES = {"reference": "truth", "captions": "captions.csv"}
Judges = dict[str, FakeJudge]
NAMES = tuple(f"clip{number:02d}" for number in range(11))
"""IS needs ten clips."""


@dataclass
class FakeSynchformer(FakeJudge):
    """A judge with segments in place of an embedding."""

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        self.heard.append(len(sounds))
        return [{"segments": sound.abs().mean().reshape(1)} for sound in sounds]

    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        return {"segments": torch.tensor([float(frames_FHWC.mean())])}


@dataclass
class FakeTagger(FakeJudge):
    """A judge whose classes have AudioSet's names, and whose voice activity detector empties all clips."""

    @property
    def spec(self) -> JudgeSpec:
        return replace(super().spec, classes=("Speech", "Music", "Dog", "Rain"))

    def judge_audio(self, sounds: Sequence[torch.Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        return [{**outputs, "emptied": torch.ones(1)} for outputs in super().judge_audio(sounds, seeds=seeds)]


def fake(name: str) -> FakeJudge:
    kind = FakeSynchformer if name == "synchformer" else FakeTagger
    return kind(name=name, weights_sha256=name[0] * 64)


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeJudge]:
    """Fake judges under the names of those of the paper's columns; the offset of a clip is 0.2 s."""
    names = ("vggish", "panns", "passt", "imagebind", "synchformer", "laion-clap", "resemblyzer", "resemblyzer-vad")
    made = {name: fake(name) for name in names}
    loaders = {name: (lambda path, device, one=one: one) for name, one in made.items()}
    monkeypatch.setattr("model.judges.JUDGES", loaders)
    monkeypatch.setattr("tasks.evaluate.judging.JUDGES", loaders)
    monkeypatch.setattr("tasks.evaluate.judged._desync", lambda judge, column, pairs: dict.fromkeys(pairs, 0.2))
    return made


def sounds(names: Sequence[str], *, duration_s: float = 1.0, noise_level: float = 0.0) -> dict[str, Samples]:
    """Returns a different sound of some bursts for each name, with noise where that is asked for."""
    found = {}
    for number, name in enumerate(names):
        clean = bursts(
            [t for t in (0.2 + 0.02 * number, 0.6, 4.0 + 0.1 * number, 6.5) if t < duration_s],
            duration_s=duration_s,
            seed=number,
        )
        found[name] = (clean + noise(duration_s, noise_level or 1e-9, seed=99 + number)).astype(np.float32)
    return found


def write_sounds(folder: Path, audio: Mapping[str, Samples]) -> Path:
    """Writes sounds and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in audio.items():
        sf.write(folder / f"{name}.wav", samples, RATE_HZ, subtype="FLOAT")
    return folder


def write_videos(folder: Path, names: Sequence[str], duration_s: float = 1.0) -> Path:
    """Writes small videos of different brightness and returns the folder."""
    for number, name in enumerate(names):
        frames: Frames = np.full((round(10 * duration_s), 16, 16, 3), 20 * number, np.uint8)
        write_exact_video(folder / f"{name}.mkv", frames, 10.0)
    return folder


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    """A folder with `truth`, two systems `good` and `bad`, `video` and `captions.csv`."""
    write_sounds(tmp_path / "truth", sounds(NAMES))
    write_sounds(tmp_path / "good", sounds(NAMES, noise_level=0.01))
    write_sounds(tmp_path / "bad", sounds(NAMES, noise_level=0.3))
    write_videos(tmp_path / "video", NAMES)
    rows = "".join(f"{name},caption {name}\n" for name in NAMES)
    (tmp_path / "captions.csv").write_text(f"name,caption\n{rows}", "utf-8")
    return tmp_path


def config(folder: Path, table: int, **changes: Any) -> EvaluateConfig:
    """Returns settings for a table whose paths are below a folder."""
    values = {"table": table, "device": "cpu", **changes}
    EvaluateConfig.resolve_paths(values, folder)
    return settings_from(EvaluateConfig, values, [], "test")


def workspace(folder: Path) -> Workspace:
    return Workspace(folder / "workspace")


def make(folder: Path, table: int, **changes: Any) -> TableResult:
    return make_table(config(folder, table, **changes), workspace(folder))


def cells(table: TableResult, head: str) -> dict[str, TableCell]:
    row = next(row for row in table.rows if row.head == head)
    return {column.name: cell for column, cell in zip(table.heads, row.cells, strict=True)}


def ours(table: TableResult, head: str) -> dict[str, str | None]:
    return {name: cell.ours for name, cell in cells(table, head).items()}


def says(table: TableResult, text: str) -> bool:
    return any(text in line for line in table.lines)
