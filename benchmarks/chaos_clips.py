"""Clips for `benchmarks.chaos`: short strikes with captions, of which a share of the files can be broken."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from data_contracts import Clip, write_table
from data_contracts.files import hash_file
from tasks.engine.workspace import Workspace

RATE_HZ = 16_000
SECONDS = 2.5
KINDS = (
    "small", "large", "old", "new", "red", "green", "wooden", "metal", "heavy", "broken", "rusty", "tiny", "wet", "dry",
    "young", "strange", "hollow", "round", "wild", "cold", "warm", "blue", "white", "black", "grey", "thin", "thick",
    "long", "short", "shiny",
)  # fmt: skip
THINGS = ("dog", "bell", "engine", "door", "machine", "horn", "bird", "clock", "saw", "drum")
CAPTIONS = (
    "A {} sounds quickly in a hall", "A {} sounds slowly and stops", "Loud {} sounds follow each other",
    "A {} sounds close by while rain falls",
)  # fmt: skip
PLAIN = ("A {} is heard", "People talk and a {} sounds twice", "A {} sounds in a hall", "Rain falls on a {}")
NAMED = 5  # one caption in five says how fast, near or loud, as in AudioCaps


def make_clips(workspace: Workspace, count: int) -> None:
    """Writes `ingest/clips.parquet` and a short audio file of strikes per clip."""
    folder = workspace.stage("ingest") / "audio"
    folder.mkdir()
    clips = []
    pattern_T = _pattern()
    for number in range(count):
        path = folder / f"clip-{number:05d}.flac"
        sf.write(path, _strikes(number, pattern_T), RATE_HZ, subtype="PCM_16")
        templates = CAPTIONS if number % NAMED == 0 else PLAIN
        caption = templates[number // NAMED % len(templates)].format(_thing(number // (NAMED * len(templates))))
        clips.append(_clip(workspace, path, number, caption))
    write_table(workspace.table("ingest", "clips"), Clip, clips)


def _thing(number: int) -> str:
    return f"{KINDS[number // len(THINGS) % len(KINDS)]} {THINGS[number % len(THINGS)]}"


def _strikes(number: int, pattern_T: np.ndarray) -> np.ndarray:
    audio_T = pattern_T * np.random.default_rng(number).standard_normal(len(pattern_T))
    return 0.5 * audio_T / np.abs(audio_T).max()


def _pattern() -> np.ndarray:
    """Returns the level of twelve strikes over quiet noise: enough to measure speed, reverberation and a trend."""
    times = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    return 0.02 + np.where(times > 0.05, np.exp(-20 * ((times - 0.05) % 0.2)), 0.0)


def _clip(workspace: Workspace, path: Path, number: int, caption: str) -> Clip:
    values: dict[str, Any] = {
        "item_id": path.stem,
        "source": "chaos",
        "source_path": path.name,
        "source_sha256": "0" * 64,
        "source_start_s": 0.0,
        "group_id": path.stem,
        "subset": "tta",
        "split": "train",
        "caption": caption,
        "audio_path": workspace.relative(path),
        "audio_sha256": hash_file(path),
        "sample_rate_hz": RATE_HZ,
        "source_channels": 1,
        "duration_s": SECONDS,
        "video_path": None,
        "video_sha256": None,
        "event_times_s": None,
        "attributes_json": "{}",
        "licence": "CC0-1.0",
        "seed": number,
        "tools_json": "{}",
    }
    known = Clip.schema().names
    return Clip(**{name: value for name, value in values.items() if name in known})


def break_files(workspace: Workspace, share: float, seed: int = 2) -> set[str]:
    """Empties, cuts, scrambles, silences or removes a share of the audio files. Returns the clips' ids."""
    rng = random.Random(seed)
    files = sorted((workspace.stage("ingest") / "audio").glob("*.flac"))
    chosen = rng.sample(files, round(share * len(files)))
    for number, path in enumerate(chosen):
        content = path.read_bytes()
        path.unlink()  # the file in the undisturbed workspace is a hard link and must stay whole
        if number % 5 == 0:
            path.write_bytes(b"")
        elif number % 5 == 1:
            path.write_bytes(content[:60])
        elif number % 5 == 2:
            path.write_bytes(b"no sound at all\n" * 40)
        elif number % 5 == 3:
            sf.write(path, np.zeros(round(SECONDS * RATE_HZ)), RATE_HZ, subtype="PCM_16")
    return {path.stem for path in chosen}
