"""CPU seconds that ingest takes for a video that has to be cut: copied packet by packet, and encoded again.

Run: `python -m benchmarks.video_ingest FOLDER [--seconds 8]`, a folder of videos that are longer than that.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

from data_contracts import Clip, read_table
from tasks.corpus.config import CorpusConfig
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.ingest.config import IngestConfig
from tasks.ingest.stage import IngestStage

_SUFFIXES = (".mp4", ".webm", ".mkv", ".mov")


def ingest_s(videos: list[Path], root: Path, *, clip_s: float, copy_side: int) -> tuple[float, int, int]:
    """Returns the CPU seconds of ingesting the videos, the number of clips, and their videos' bytes."""
    root.mkdir(parents=True)
    table = root / "videos.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "video", "caption"))
        writer.writerows((f"v{number}", str(path), "A video") for number, path in enumerate(videos))
    corpus = CorpusConfig(kind="table", path=str(table))
    config = IngestConfig(corpus=corpus, clip_s=clip_s, split_from_s=2 * clip_s, copy_side=copy_side)
    workspace = Workspace(root / "workspace")
    started = time.process_time()
    run_stage(IngestStage(config, "1"), workspace)
    used = time.process_time() - started
    clips = read_table(workspace.table("ingest", Clip.TABLE), Clip)
    return used, len(clips), sum(workspace.path(str(clip.video_path)).stat().st_size for clip in clips)


def main() -> None:
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a clip")
    options = parser.parse_args()
    videos = sorted(path.absolute() for path in options.folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    default = IngestConfig().copy_side
    with tempfile.TemporaryDirectory(prefix="video-ingest-") as folder:
        for way, side in (("copied", default), ("encoded", 0)):
            used, clips, size = ingest_s(videos, Path(folder) / way, clip_s=options.seconds, copy_side=side)
            print(
                f"{way:8} {clips} clips: {used / max(1, clips):.2f} CPU s and {size / max(1, clips) / 1e3:.0f} kB each"
            )


if __name__ == "__main__":
    main()
