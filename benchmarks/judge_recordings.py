"""What the judges are measured with: how they hear a sound, real recordings (ESC-10, videos), R@1 and AUC."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.codec_measures import RATE_HZ
from model.frames import Frames
from model.judges import AudioJudge
from tasks.media.audio import decode_audio, resample
from tasks.media.frames import read_frames
from tasks.media.samples import Samples

SECONDS: Final = 8.0
"""Of a video that are heard and seen."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A judge, and what it says of sounds."""

    judge: AudioJudge

    def of(self, audio_T: Samples, rate_hz: int = RATE_HZ) -> dict[str, torch.Tensor]:
        """Returns the outputs for a sound at any rate."""
        assert self.judge.spec.rate_hz is not None
        sound = torch.from_numpy(resample(np.ascontiguousarray(audio_T, np.float32), rate_hz, self.judge.spec.rate_hz))
        return dict(self.judge.judge_audio([sound], seeds=[0])[0])

    def embedding(self, audio_T: Samples, rate_hz: int = RATE_HZ) -> torch.Tensor:
        """Returns the embedding of a sound at any rate."""
        return self.of(audio_T, rate_hz)["embedding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A class of ESC-10: AudioSet's labels for it, and a prompt."""

    labels: tuple[str, ...]
    prompt: str


ESC10: Final = {
    "baby_cry": Named(labels=("Baby cry, infant cry",), prompt="a baby crying"),
    "chainsaw": Named(labels=("Chainsaw",), prompt="a chainsaw"),
    "clock_tick": Named(labels=("Tick-tock", "Tick", "Clock"), prompt="a ticking clock"),
    "dog_bark": Named(labels=("Dog", "Bark"), prompt="a dog barking"),
    "fire_crackling": Named(labels=("Crackle", "Fire"), prompt="a crackling fire"),
    "helicopter": Named(labels=("Helicopter",), prompt="a helicopter"),
    "person_sneeze": Named(labels=("Sneeze",), prompt="a person sneezing"),
    "rain": Named(labels=("Rain", "Raindrop", "Rain on surface"), prompt="rain"),
    "rooster": Named(labels=("Chicken, rooster", "Crowing, cock-a-doodle-doo"), prompt="a rooster crowing"),
    "sea_waves": Named(labels=("Waves, surf", "Ocean"), prompt="sea waves"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording with its class or caption; `group` is the person's upload that it was cut from."""

    audio_T: Samples  # noqa: N815 (shape suffix)
    rate_hz: int
    label: str
    group: str
    caption: str
    frames_FHWC: Frames | None = None  # noqa: N815


def esc10(folder: Path) -> list[Recording]:
    """Returns the recordings of ESC-10 below a folder; none where it is absent."""
    return [_recording(folder, row) for row in _rows(folder) if row["file"].startswith("audio/esc10/")]


def videos(folder: Path, *, size: int = 224, fps: float = 1.0) -> list[Recording]:
    """Returns the first 8 s of the videos with a sound track and a caption; none where they are absent."""
    rows = [row for row in _rows(folder) if row["kind"] == "video" and row["caption"] and row["sample_rate"]]
    return [_recording(folder, row, size=size, fps=fps) for row in rows]


def nearest(embeddings: Sequence[torch.Tensor], groups: Sequence[str]) -> list[int]:
    """Returns, for each embedding, the place of the most alike one (cosine) of another group."""
    unit_ND = torch.nn.functional.normalize(torch.stack(list(embeddings)), dim=1)
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    group_N = torch.tensor([numbers[group] for group in groups])
    likeness_NN = (unit_ND @ unit_ND.T).masked_fill(group_N[:, None] == group_N[None], -torch.inf)
    return [int(place) for place in likeness_NN.argmax(1)]


def hits_at_1(likeness_BB: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Returns for each row whether its own column is its largest one (B,); a tie with another is no hit."""
    own_B = np.diag(likeness_BB)
    others_BB = np.where(np.eye(len(own_B), dtype=bool), -np.inf, likeness_BB)
    hit_B: npt.NDArray[np.bool_] = own_B > others_BB.max(axis=1)
    return hit_B


def pairs_auc(likeness_BB: npt.NDArray[np.float32]) -> float:
    """Returns how often a matching pair is more alike than one that does not match, ties counted half."""
    itself_BB = np.eye(len(likeness_BB), dtype=bool)
    own, others = likeness_BB[itself_BB], likeness_BB[~itself_BB]
    return float(np.mean((own[:, None] > others) + 0.5 * (own[:, None] == others)))


def _rows(folder: Path) -> list[dict[str, str]]:
    table = folder / "MANIFEST.csv"
    if not table.is_file():
        print(f"no recordings in {folder}: skipped\n")
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _recording(folder: Path, row: dict[str, str], *, size: int = 0, fps: float = 1.0) -> Recording:
    path = folder / row["file"]
    decoded = decode_audio(path)
    is_video = row["kind"] == "video"
    samples_T = decoded.samples_T[: round(SECONDS * decoded.rate_hz)] if is_video else decoded.samples_T
    duration_s = min(SECONDS, float(row["duration_s"]))
    return Recording(
        audio_T=samples_T,
        rate_hz=decoded.rate_hz,
        label=Path(row["file"]).parent.name,
        group=row["group"],
        caption=row["caption"],
        frames_FHWC=read_frames(path, fps=fps, size=size, duration_s=duration_s) if is_video else None,
    )
