"""A folder that the `datasets` package's `save_to_disk` wrote: Arrow shards, read by pyarrow from the memory map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from data_contracts import ItemError, UsageError
from tasks.corpus.config import CorpusConfig
from tasks.ingest.readers.files import base_name, files_by_name, json_of
from tasks.ingest.recordings import SPLITS, Recording

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
            yield Recording(
                item_id=key, audio=shard if inside else files.get(base_name(name), name or "unnamed"), video="",
                row=position if inside else None, missing=missing, caption=str(row[caption] or ""),
                group=str(row.get("group") or name or key), split=SPLITS.get(stated, stated),
                licence=str(row.get("licence") or corpus.licence or "unstated"), source_id=key,
            )  # fmt: skip
            position += 1


def _audio_column(table: pa.Table) -> tuple[list[str], list[bool]]:
    """Returns per record the file name, and whether its bytes are in the shard, without copying them."""
    column = table.column("audio").combine_chunks()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [name or "" for name in column.to_pylist()], [False] * len(column)
    names = column.field("path").to_pylist()
    return [name or "" for name in names], column.field("bytes").is_valid().to_pylist()


class OpenShard:
    """Keeps the shard open that was read last, so that records that follow each other need one opening."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._table: pa.Table | None = None

    def record_bytes(self, shard: Path, row: int) -> bytes:
        """Returns the audio file inside a record. Raises ItemError `missing_file` when there is none."""
        if self._table is None or self._path != shard:
            self._path, self._table = shard, _open(shard)
        table = self._table
        if not 0 <= row < table.num_rows:
            raise ItemError("missing_file", f"{shard.name} has {table.num_rows} records; record {row} was asked for")
        value = table.column("audio")[row].as_py()
        if not isinstance(value, dict) or not value.get("bytes"):
            raise ItemError("missing_file", f"{shard.name}: record {row} has no audio")
        return bytes(value["bytes"])


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
    try:
        return pa.ipc.open_stream(pa.memory_map(str(shard))).read_all()
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{shard} is not a readable Arrow stream: {error}") from error
