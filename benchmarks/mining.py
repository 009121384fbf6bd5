"""Captions per second of `foleygenex mine-captions`, file to file: `python -m benchmarks.mining CAPTIONS.csv [ROWS]`.

The table's captions are repeated to ROWS (450,000 by default), a chunk of the miner never holding one twice, so that
nothing is saved by parsing a repeated caption once. Beside wall time stands CPU time of all processes, which a busy
machine stretches less, and the peak memory of the largest process.
"""

from __future__ import annotations

import csv
import resource
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from tasks.language.finder import may_match
from tasks.mine.files import CHUNK, mine_file, read_captions

ROWS = 450_000
WORKERS = 2


def tiled(source: Path, rows: int, target: Path, id_column: str, caption_column: str) -> list[str]:
    """Writes the table's distinct captions over and over, to `rows`. Returns the distinct ones."""
    distinct = list(dict.fromkeys(caption for _, caption in read_captions(source, id_column, caption_column)))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "caption"])
        writer.writerows(enumerate(islice(cycle(distinct), rows)))
    return distinct


def cpu_s() -> float:
    """Returns the CPU time so far of this process and of children that ended."""
    return sum(
        u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main(arguments: list[str]) -> int:
    """Prints one line per way of mining."""
    source, rows = Path(arguments[0]), int(arguments[1]) if len(arguments) > 1 else ROWS
    id_column = arguments[2] if len(arguments) > 2 else "audiocap_id"
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "in.csv"
        distinct = tiled(source, rows, table, id_column, "caption")
        print(f"{rows:,} rows of {len(distinct):,} distinct captions, chunks of {CHUNK}, {WORKERS} processes")
        print(f"{sum(map(may_match, distinct)) / len(distinct):.1%} of the distinct captions hold a stem to look at")
        for choice in ("rules", "spacy"):
            started, before = time.perf_counter(), cpu_s()
            summary = mine_file(table, Path(folder) / "out.parquet", choice=choice, workers=WORKERS)
            wall, cpu = time.perf_counter() - started, cpu_s() - before
            peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            print(
                f"{choice:<6} {rows / wall:>8,.0f} captions/s  {wall:>6.1f} s  {cpu:>6.1f} CPU s "
                f"({rows / cpu:,.0f} captions per CPU s)  peak {peak / 1024:,.0f} MiB  {summary.line()}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
