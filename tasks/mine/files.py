"""Mining a table of captions: rows in, cues out, in chunks, so that memory stays small. Source: SPEC A1."""

from __future__ import annotations

import csv
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.language.cues import Cue
from tasks.mine.parser import make_miner

CHUNK: Final = 8192
SCHEMA: Final = pa.schema(
    [(name, pa.string()) for name in ("id", "dimension", "side", "text")]
    + [(name, pa.int64()) for name in ("start", "end")]
    + [("pos", pa.string()), ("change", pa.bool_())]
)
Captioned = tuple[str, str]
"""An id and its caption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """Counts of a mined table. `matches` are its cues."""

    captions: int
    with_a_side: int
    matches: int
    method: str

    def line(self) -> str:
        """Returns the one line a person reads."""
        return (
            f"{self.captions:,} captions, {self.with_a_side:,} name a side, {self.matches:,} matches; "
            f"mined by {self.method}"
        )


def mine_file(
    source: Path,
    out: Path,
    *,
    choice: str = "auto",
    workers: int = 2,
    id_column: str = "id",
    caption_column: str = "caption",
    on_progress: Callable[[int], None] | None = None,
) -> FileSummary:
    """Mines a CSV or Parquet table of captions into Parquet, one row per cue, in the table's order.

    Weaker cues (trends, verbs of change, "background") make no row. Raises UsageError for a table without the columns,
    WeightsError when `choice` is spacy and its model is missing. Written whole or not at all.
    """
    if out.suffix.lower() != ".parquet":
        raise UsageError(f"{out}: the matches are written as Parquet; give a name that ends in .parquet")
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the table to read; give another name to write")
    method = make_miner(choice).method
    captions = named = matches = 0
    schema = SCHEMA.with_metadata({"method": method, "source": source.name})
    with atomic_path(out) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        chunks = _chunks(read_captions(source, id_column, caption_column))
        for rows, found in _mined(chunks, "rules" if method.startswith("rules") else "spacy", workers):
            values = [(key, cue) for (key, _), many in zip(rows, found, strict=True) for cue in many]
            writer.write_table(_table(values, schema))
            captions += len(rows)
            named += sum(map(bool, found))
            matches += len(values)
            if on_progress:
                on_progress(captions)
    return FileSummary(captions=captions, with_a_side=named, matches=matches, method=method)


def read_captions(source: Path, id_column: str = "id", caption_column: str = "caption") -> Iterator[Captioned]:
    """Yields ids and captions of a CSV, TSV or Parquet table, streaming; an empty caption is an empty text."""
    if not source.is_file():
        raise UsageError(f"{source} is not a file; expected a CSV or Parquet table with id and caption")
    wanted = (id_column, caption_column)
    if source.suffix == ".parquet":
        try:
            with pq.ParquetFile(source) as file:
                _check_columns(source, wanted, file.schema_arrow.names)
                for batch in file.iter_batches(batch_size=CHUNK, columns=list(wanted)):
                    for row in batch.to_pylist():
                        yield str(row[id_column]), str(row[caption_column] or "")
        except (pa.ArrowInvalid, OSError) as error:
            raise UsageError(f"{source} is not a readable table ({error})") from error
        return
    try:
        with source.open(encoding="utf-8-sig", newline="") as text:
            table = csv.DictReader(text, delimiter="\t" if source.suffix == ".tsv" else ",")
            _check_columns(source, wanted, table.fieldnames or ())
            for row in table:
                yield str(row[id_column]), row[caption_column] or ""
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{source} is not a readable table ({error})") from error


def _check_columns(source: Path, wanted: Iterable[str], found: Iterable[str]) -> None:
    if missing := [name for name in wanted if name not in found]:
        raise UsageError(f"{source}: no column {missing[0]!r}; it has {', '.join(found) or 'none'}")


def _chunks(rows: Iterator[Captioned]) -> Iterator[list[Captioned]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _mined(
    chunks: Iterator[list[Captioned]], choice: str, workers: int
) -> Iterator[tuple[list[Captioned], list[list[Cue]]]]:
    """Yields each chunk with its matches, in order; a table of one chunk, or mined by rules, starts no process."""
    first = list(islice(chunks, 2))
    if len(first) < 2 or workers < 2 or choice == "rules":
        for rows in (*first, *chunks):
            yield rows, _find(choice, [caption for _, caption in rows])
        return
    waiting: deque[tuple[list[Captioned], Future[list[list[Cue]]]]] = deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for rows in (*first, *chunks):
            waiting.append((rows, pool.submit(_find, choice, [caption for _, caption in rows])))
            if len(waiting) > 2 * workers:  # no more in memory than keeps the workers busy
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()


def _find(choice: str, captions: list[str]) -> list[list[Cue]]:
    return make_miner(choice).find(captions)


def _table(values: list[tuple[str, Cue]], schema: pa.Schema) -> pa.Table:
    columns = [
        [key for key, _ in values],
        [cue.dimension for _, cue in values],
        [cue.side for _, cue in values],
        [cue.words for _, cue in values],
        [cue.start for _, cue in values],
        [cue.end for _, cue in values],
        [cue.pos for _, cue in values],
        [cue.change for _, cue in values],
    ]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
