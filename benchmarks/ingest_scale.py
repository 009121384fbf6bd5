"""Ingest and mine at WavCaps scale: time, CPU and peak memory, with recordings cut by a stub that writes no audio.

Listing, files' identities, journal, tables and mining are the real ones, and every recording has a (tiny) file. A
twentieth of the rows is run first, so that the memory of what is loaded once is in the base and the growth per row is
that of the other rows. Each stage is then run again, with everything done.

Run: `python -m benchmarks.ingest_scale --rows 400000`
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
from typing import Final

import numpy as np

from tasks.corpus.config import CorpusConfig
from tasks.engine import Item, ItemResult, StageSummary, each, run_stage
from tasks.engine.workspace import Workspace, hash_text
from tasks.ingest.config import IngestConfig
from tasks.ingest.duplicates import IngestedClip
from tasks.ingest.stage import IngestStage
from tasks.media.fingerprint import text_of
from tasks.mine.config import MineConfig
from tasks.mine.stage import MineStage

_CAPTIONS: Final = (  # one in five names a side, as in AudioCaps
    "A dog barks loudly", "Rain falls on a roof", "A woman speaks", "Water is poured into a glass", "A door closes",
)  # fmt: skip
_FOLDERS: Final = 400


@dataclass(frozen=True)
class _StubbedCut(IngestStage):
    """Ingest without cutting: listing, journal and table are left."""

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:  # noqa: ARG002
        yield from each(items, partial(_clip))


def _clip(item: Item) -> list[IngestedClip]:
    row, own = item.payload, hash_text(item.item_id)
    drawn = np.random.default_rng(int(own[:8], 16))
    peaks = np.sort(drawn.integers(0, 1 << 17, 112))  # as many as real audio of 8 s has
    return [
        IngestedClip(
            item_id=item.item_id, source=row["corpus"], source_path=row["audio"], source_sha256=own,
            source_start_s=0.0, group_id=row["group"], subset="tta", split=row["split"], caption=row["caption"],
            audio_path=f"ingest/audio/{item.item_id}.flac", audio_sha256=own[::-1], sample_rate_hz=32_000,
            source_channels=1, source_duration_s=10.0, duration_s=8.0, video_path=None, video_sha256=None,
            event_times_s=None, attributes_json="{}", licence=row["licence"], seed=1, tools_json="{}",
            fingerprint=text_of(peaks),
        )
    ]  # fmt: skip


def _make_corpus(folder: Path, rows: int) -> Path:
    """Writes a WavCaps list and its files, row by row."""
    folder.mkdir()
    for number in range(_FOLDERS):
        (folder / f"{number:03d}").mkdir()
    path = folder / "list.json"
    with path.open("w") as file:
        file.write('{"num_captions_per_audio": 1, "data": [')
        for n in range(rows):
            entry = {"id": f"{n:06d}", "caption": f"{_CAPTIONS[n % 5]} number {n}.", "duration": 10.0}
            file.write((", " if n else "") + json.dumps(entry))
            (folder / f"{n % _FOLDERS:03d}" / f"{n:06d}.flac").write_bytes(b"%d" % n)
        file.write("]}")
    return path


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _stages(corpus: Path) -> tuple[IngestStage, MineStage]:
    listed = CorpusConfig(kind="wavcaps", path=str(corpus))
    return _StubbedCut(IngestConfig(corpora=(listed,)), "1"), MineStage(MineConfig())


def _timed(stage: IngestStage | MineStage, workspace: Workspace) -> tuple[StageSummary, str]:
    """Runs a stage; returns its summary, and its seconds as text."""
    started, cpu = time.perf_counter(), time.process_time()
    summary = run_stage(stage, workspace, shard_size=512)
    return summary, f"{time.perf_counter() - started:.1f} s ({time.process_time() - cpu:.1f} s of CPU)"


def main() -> None:
    """Prints two lines per stage: of the first run, and of a second one with everything done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    rows = parser.parse_args().rows
    few = max(1, rows // 20)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for stage in _stages(_make_corpus(place / "few", few)):
            run_stage(stage, Workspace(place / "w_few"), shard_size=512)
        base, peak = _peak_mib(), 0.0
        print(f"rows {rows:,}; peak after {few:,} rows, the base: {base:,.0f} MiB", flush=True)
        workspace = Workspace(place / "w")
        for stage in _stages(_make_corpus(place / "all", rows)):
            summary, took = _timed(stage, workspace)
            peak = _peak_mib()
            growth = (peak - base) * 1024**2 / (rows - few)
            print(f"{stage.name}: {took}, {summary.rows:,} rows written", end="; ")
            print(f"peak {peak:,.0f} MiB, {growth:,.0f} bytes per row above the base", flush=True)
        for stage in _stages(place / "all" / "list.json"):
            summary, took = _timed(stage, workspace)
            print(f"{stage.name} again: {took}, {summary.new} items; peak {_peak_mib():,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
