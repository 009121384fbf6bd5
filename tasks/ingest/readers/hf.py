"""A folder that the `datasets` package's `save_to_disk` wrote: Arrow shards, read by pyarrow from the memory map."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts import ItemError, UsageError
from tasks.corpus.config import CorpusConfig
from tasks.ingest.readers.files import (
    base_name,
    files_by_name,
    is_embedded_audio,
    is_list_of_text,
    is_text,
    json_of,
    refused_column,
    require_regular,
)
from tasks.ingest.recordings import SPLITS, Recording

_BUFFER: Final = 1 << 16  # bytes of a Parquet file that are read at a time
_CAPTIONS: Final = ("caption", "text", "label")


def hf(corpus: CorpusConfig, path: Path, media: Path) -> Iterator[Recording]:
    """Yields one recording per record with `audio` and `caption` (or `text`) [, id, group, licence, split]."""
    files = files_by_name(media)
    for folder, split in _datasets(path):
        for shard in _shards(folder):
            table = _open(shard)
            caption = next((name for name in _CAPTIONS if name in table.column_names), None)
            if caption is None or "audio" not in table.column_names:
                raise UsageError(f"{shard}: needs columns audio and caption; it has {table.column_names}")
            _require_types(shard, table.schema, caption)
            kept = [n for n in (caption, "id", "group", "licence", "split") if n in table.column_names]
            yield from _recordings(table, kept, caption, shard.relative_to(path).as_posix(), split, corpus, files)


def _recordings(
    table: pa.Table, kept: list[str], caption: str, shard: str, split: str, corpus: CorpusConfig, files: Any
) -> Iterator[Recording]:
    position = 0
    for batch in table.select(kept).to_batches(max_chunksize=4096):
        names, embedded = _audio_column(table.slice(position, batch.num_rows))
        for row, name, inside in zip(batch.to_pylist(), names, embedded, strict=True):
            key = str(row.get("id") or f"{shard}-{position}")
            missing = not inside and base_name(name) not in files
            stated = str(row.get("split") or split).lower()
            texts = row[caption] if isinstance(row[caption], list) else [row[caption]]
            for number, text in enumerate(texts or [""], start=1):
                yield Recording(
                    item_id=f"{key}-{number}" if len(texts) > 1 else key, video="", row=position if inside else None,
                    audio=shard if inside else files.get(base_name(name), name or "unnamed"), missing=missing,
                    caption=str(text or ""), group=str(row.get("group") or name or key),
                    split=SPLITS.get(stated, stated), source_id=key,
                    licence=str(row.get("licence") or corpus.licence or "unstated"),
                )  # fmt: skip
            position += 1


def _audio_column(table: pa.Table) -> tuple[list[str], list[bool]]:
    """Returns per record the file name, and whether its bytes are in the shard, without copying them."""
    column = table.column("audio").combine_chunks()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [name or "" for name in column.to_pylist()], [False] * len(column)
    names = column.field("path").to_pylist()
    return [name or "" for name in names], column.field("bytes").is_valid().to_pylist()


def _require_types(shard: Path, schema: pa.Schema, caption: str) -> None:
    """Raises UsageError naming a column whose cells are neither text nor, for the audio, embedded files."""
    kind = schema.field(caption).type
    if not is_text(kind) and not is_list_of_text(kind):
        raise refused_column(shard, caption, kind)
    kind = schema.field("audio").type
    if not is_text(kind) and not is_embedded_audio(kind):
        raise refused_column(shard, "audio", kind)


class OpenShard:
    """Keeps the shard or Parquet table open that was read last: records that follow each other need one opening."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._table: pa.Table | None = None
        self._parquet = _OpenParquet()

    def record_bytes(self, shard: Path, row: int) -> bytes:
        """Returns the audio file inside a record. Raises ItemError `missing_file` when there is none."""
        if shard.suffix == ".parquet":
            return _bytes_in(self._parquet.value(shard, row), shard, row)
        if self._table is None or self._path != shard:
            self._path, self._table = shard, _open(shard)
        table = self._table
        _require_record(shard, row, table.num_rows)
        return _bytes_in(table.column("audio")[row].as_py(), shard, row)


class _OpenParquet:
    """Reads the records of a Parquet table one after the other: a whole row group of audio may not fit into memory.

    A record before the last one begins its row group again.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._starts: list[int] = []
        self._group = -1
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._row, self._column = -1, pa.array([])  # of the record that was read last

    def value(self, table: Path, row: int) -> Any:
        """Returns the cell of `audio` in a row. Raises ItemError `missing_file` where the table has no such row."""
        try:
            if self._path != table:
                self._open(table)
            _require_record(table, row, self._starts[-1])
            group = bisect_right(self._starts, row) - 1
            if group != self._group or row < self._row:
                self._begin(group)
            while self._row < row:
                self._column = next(self._batches).column(0)
                self._row += 1
        except (pa.ArrowException, OSError) as error:
            self._path = None
            raise ItemError("missing_file", f"{table.name}: record {row} cannot be read: {error}") from error
        return self._column[0].as_py()

    def _open(self, table: Path) -> None:
        self._file = pq.ParquetFile(table, buffer_size=_BUFFER, pre_buffer=False)
        metadata = self._file.metadata
        sizes = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
        self._path, self._starts, self._group = table, [0, *accumulate(sizes)], -1

    def _begin(self, group: int) -> None:
        self._batches = self._file.iter_batches(batch_size=1, row_groups=[group], columns=["audio"])
        self._group, self._row = group, self._starts[group] - 1


def _require_record(shard: Path, row: int, count: int) -> None:
    if not 0 <= row < count:
        raise ItemError("missing_file", f"{shard.name} has {count} records; record {row} was asked for")


def _bytes_in(cell: Any, shard: Path, row: int) -> bytes:
    if not isinstance(cell, dict) or not cell.get("bytes"):
        raise ItemError("missing_file", f"{shard.name}: record {row} has no audio")
    return bytes(cell["bytes"])


def _datasets(path: Path) -> list[tuple[Path, str]]:
    if (path / "dataset_dict.json").is_file():
        content = json_of(path / "dataset_dict.json")
        known = {p.name for p in path.iterdir() if p.is_dir()}
        return [(path / name, name) for name in content.get("splits", []) if name in known]
    return [(path, "")]


def _shards(folder: Path) -> list[Path]:
    state = folder / "state.json"
    if not state.is_file():
        raise UsageError(f"{folder} has no state.json; expected a folder that datasets' save_to_disk wrote")
    names = [str(entry["filename"]) for entry in json_of(state).get("_data_files", [])]
    known = {p.name for p in folder.iterdir()}
    if absent := [name for name in names if name not in known]:
        raise UsageError(f"{folder}: shard {absent[0]!r} is missing ({len(absent)} of {len(names)} are)")
    return [folder / name for name in names]


def _open(shard: Path) -> pa.Table:
    require_regular(shard)
    try:
        return pa.ipc.open_stream(pa.memory_map(str(shard))).read_all()
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{shard} is not a readable Arrow stream: {error}") from error
