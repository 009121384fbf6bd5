"""Every stage up to the report, on the strangest recordings that ingest accepts: none fails after the work was done."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile as sf

from data_contracts import Clip, FeatureRow, ManifestRow, read_table
from tasks.config import PipelineConfig
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace
from tasks.media.video_writer import write_video
from tasks.pipeline import STEPS
from tasks.steps import run_step
from tests.tasks.sounds import strikes

BEATS: Final = [0.1, 0.35, 0.6, 0.85, 1.1, 1.35]
LONG: Final = "A dog barks loudly " + "while a very long list of other dogs watches " * 21  # 964 characters
AUDIO: Final = (  # id, rate in Hz, channels, seconds, caption
    ("192 kHz", 192_000, 1, 1.6, "A drum beats quickly"),
    ("8 channels", 48_000, 8, 1.6, "A drum beats slowly and loudly"),
    ("11,000 Hz", 11_000, 2, 1.6, LONG),
    ("4 kHz", 4_000, 1, 1.6, "🐶 barks loudly nearby 🔥"),
    ("the shortest", 16_000, 1, 0.5, 'a bell rings quietly, "far" away\t& <b>quickly</b>'),
    ("just under a clip", 44_100, 2, 8.04, "Ein Hund bellt LOUDLY!!! 犬が吠える"),
    ("=1+1", 22_050, 1, 1.6, "loudly"),
)
VIDEO: Final = (  # id, frames, frames per second, height, width, seconds of audio
    ("one frame", 1, 1.0, 48, 64, 1.0),
    ("odd size", 31, 12.5, 33, 47, 2.4),
    ("tall", 20, 10.0, 200, 18, 2.0),
    ("120 Hz", 150, 120.0, 32, 32, 1.2),
)

pytestmark = [pytest.mark.tools, pytest.mark.slow]


def corpus(folder: Path) -> Path:
    """Writes the recordings and the table that lists them."""
    folder.mkdir(parents=True)
    rows = [("id", "audio", "video", "caption", "split")]
    for number, (name, rate_hz, channels, seconds, caption) in enumerate(AUDIO):
        beats = strikes(seconds, [time for time in BEATS if time < seconds - 0.1], rate_hz=rate_hz, seed=number)
        path = folder / f"{number}.wav"
        sf.write(path, np.stack([beats] * channels, axis=1), rate_hz)
        rows.append((name, path.name, "", caption, ("train", "train", "val", "test")[number % 4]))
    for number, (name, frames, fps, height, width, seconds) in enumerate(VIDEO):
        levels = np.linspace(0, 255, frames).astype(np.uint8)
        images = np.broadcast_to(levels[:, None, None, None], (frames, height, width, 3))
        path = folder / f"{number}.mkv"
        beats = strikes(seconds, [time for time in BEATS if time < seconds - 0.1], seed=10 + number)
        write_video(path, images, fps, beats, 16_000)
        rows.append((name, "", path.name, "A stick hits wood loudly", ("train", "test")[number % 2]))
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder / "clips.csv"


def test_every_stage_takes_what_ingest_accepted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    config = PipelineConfig.model_validate(
        {
            "workspace": str(workspace.root),
            "ingest": {
                "corpus": {"kind": "table", "path": str(corpus(tmp_path / "corpus"))},
                "copy_side": 24,
                "duplicates": "none",  # the strikes of all recordings are alike
            },
            "mine": {"parser": "rules"},
            "llm": {"backend": "rules", "paraphrases": 1},
            "augment": {"rooms": 1, "accept_effect_missing": 1, "accept_quarantined": 1},
            "train": {"steps": 2, "batch_size": 2, "trackers": []},
            "evaluate": {"clips": 2, "adverb_pairs": 1, "steps": 1},
        }
    )
    for step in STEPS:
        run_step(step, config, workspace)
    clips = read_table(workspace.table("ingest", "clips"), Clip)
    assert len(clips) == len(AUDIO) + len(VIDEO)
    assert not {"ingest", "precompute", "generate", "score"} & {row.stage for row in read_quarantine(workspace)}
    manifest = read_table(workspace.table("manifest", "manifest"), ManifestRow)
    features = read_table(workspace.table("precompute", "features"), FeatureRow)
    assert {row.item_id for row in features} == {row.item_id for row in manifest}
    assert {row.sample_rate_hz for row in manifest} >= {4_000, 11_000, 192_000}
    page = workspace.path("report", "report.html").read_text("utf-8")
    assert "&lt;b&gt;quickly&lt;/b&gt;" in page and "<b>quickly</b>" not in page
