"""`plan` counts every kind of corpus as ingest will, and the missing ones not (SPEC D1-D3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile as sf

from tasks.config import PipelineConfig
from tasks.estimate import estimate
from tasks.ingest.config import CorpusConfig, IngestConfig


def _audiocaps(folder: Path) -> CorpusConfig:
    folder.mkdir()
    rows = ["audiocap_id,youtube_id,start_time,caption"]
    rows += [f"{n},yt{n},30,A dog barks loudly in yard {n}" for n in range(5)]
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    for n in range(3):
        sf.write(folder / f"yt{n}.wav", np.full(160_000, 0.1, np.float32), 16_000)
    return CorpusConfig(kind="audiocaps", path=str(folder))


def _config(tmp_path: Path, *corpora: CorpusConfig) -> PipelineConfig:
    ingest = IngestConfig(corpora=corpora)
    return PipelineConfig(workspace=str(tmp_path / "w"), ingest=ingest)


def test_plan_counts_the_files_that_are_there(tmp_path: Path) -> None:
    found = estimate(_config(tmp_path, _audiocaps(tmp_path / "a")), backend="rules")
    assert (found.recordings, found.clips, found.unreadable) == (3, 3, 0)
    assert abs(found.clip_hours * 3600 - 24.0) < 1e-6


def test_plan_adds_the_rendered_corpus_to_the_listed_ones(tmp_path: Path) -> None:
    builtin = CorpusConfig(video_clips=4, audio_clips=2)
    found = estimate(_config(tmp_path, builtin, _audiocaps(tmp_path / "a")), backend="rules")
    assert found.recordings == 3 + 6


def test_the_cost_is_said_as_unknown_without_prices_and_never_as_nothing(tmp_path: Path) -> None:
    config = _config(tmp_path, _audiocaps(tmp_path / "a"))
    assert "cost         unknown: give --price-in" in estimate(config, backend="endpoint").text()
    priced = estimate(config, backend="endpoint", price_in=1000.0, price_out=1000.0)
    assert priced.cost and f"about {priced.cost:,.2f} at the given prices" in priced.text()
    assert "cost         none" in estimate(config, backend="rules").text()
