"""Ingest and mine at WavCaps scale: rows/s and peak memory, with recordings cut by a stub that writes no sound.

Listing, journal, table and mining are the real ones. Run: `python -m benchmarks.ingest_scale --rows 400000`
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_contracts import Clip
from tasks.engine import Item, Outcome, each, run_stage
from tasks.ingest.config import CorpusConfig, IngestConfig
from tasks.ingest.stage import IngestStage
from tasks.mine.config import MineConfig
from tasks.mine.stage import MineStage
from tasks.workspace import Workspace

_WORDS = ("A dog barks loudly", "Rain falls on a roof", "A car passes by in the distance", "A clock ticks quickly")


@dataclass(frozen=True)
class _StubbedCut(IngestStage):
    """Ingest with the cutting left out: what remains is listing, journal and table."""

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[Outcome]:  # noqa: ARG002
        yield from each(items, partial(_clip))


def _clip(item: Item) -> list[Clip]:
    row = item.payload
    return [
        Clip(
            item_id=item.item_id, source=row["corpus"], source_path=row["audio"], source_sha256="0" * 64,
            source_start_s=0.0, group_id=row["group"], subset="tta", split=row["split"], caption=row["caption"],
            audio_path=f"ingest/audio/{item.item_id}.flac", audio_sha256="0" * 64, sample_rate_hz=32_000,
            source_channels=1, source_duration_s=10.0, duration_s=8.0, video_path=None, video_sha256=None,
            event_times_s=None, attributes_json="{}", licence=row["licence"], seed=1, tools_json="{}",
        )
    ]  # fmt: skip


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints a line per stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.json"
        data = [{"id": str(n), "caption": f"{_WORDS[n % 4]} number {n}.", "duration": 10.0} for n in range(rows)]
        path.write_text(json.dumps({"num_captions_per_audio": 1, "data": data}))
        del data
        base = _peak_mib()
        print(f"rows {rows:,}; peak before the first stage {base:,.0f} MiB (imports and the list's making)")
        workspace = Workspace(Path(folder) / "w")
        corpus = CorpusConfig(kind="wavcaps", path=str(path))
        ingest = _StubbedCut(IngestConfig(corpora=(corpus,)), "1")
        for stage in (ingest, MineStage(MineConfig())):
            started = time.perf_counter()
            summary = run_stage(stage, workspace, shard_size=4096)
            took = time.perf_counter() - started
            print(
                f"{stage.name}: {rows / took:,.0f} rows/s, {took:.1f} s, {summary.rows:,} rows written; "
                f"peak {_peak_mib():,.0f} MiB, {_peak_mib() - base:,.0f} above the base",
                flush=True,
            )


if __name__ == "__main__":
    main()
