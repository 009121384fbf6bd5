"""Recordings: the rows of a corpus, and how they are read from a CSV, TSV or Parquet of one's own.

A recording is an audio file or a video, with a caption. Only the table is opened here. What is wrong with a single row
is found when its item is processed, so that the other rows go on.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts import ItemError, UsageError
from tasks.engine.workspace import hash_text, safe_name
from tasks.ingest.readers.files import (
    UTF_8,
    dicts_of,
    did_you_mean,
    is_embedded_audio,
    is_list_of_text,
    is_text,
    refused_column,
)

_READERS: Final = (".csv", ".tsv", ".parquet")
SPLITS: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "eval": "test",
}
SPLIT_RANK: Final = {"test": 0, "val": 1, "train": 2}
"""Splits by how far they are kept apart from training."""
COLUMNS: Final = ("audio", "video", "caption", "split", "group", "id", "licence")
_SAMPLE_BYTES: Final = 4096
_CAPTION_LIMIT: Final = 1000
_EMBEDDED: Final = "audio.bytes"  # a cell with the number of the record that has its audio inside
_PART_ROWS: Final = 8192
_LISTING: Final = ("missing", "source_id")  # only the listing needs these: no result depends on them


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One row of a corpus. Paths are as written in the table; empty means none."""

    item_id: str
    audio: str
    video: str
    caption: str
    group: str
    split: str  # train, val or test; anything else is refused when the item is processed
    split_stated: bool = False  # by the list, not by the hash of the group
    licence: str
    corpus: str = ""  # its name; empty for a single table of one's own
    row: int | None = None  # the record that has its audio inside, in the shard or Parquet table that `audio` names
    portions: int | None = None  # at most this many portions of the audio; None is the stage's own rule
    filtered: bool = False  # the caption has to pass the text rules of WavCaps (SPEC D3)
    events: tuple[tuple[float, str, str], ...] = ()  # (seconds, material, action), where the corpus has them
    missing: bool = False  # the list names a file that the folder does not have
    source_id: str = ""  # as the corpus writes it, and as test_ids may

    def payload(self, folder: Path, identity: Callable[[Path], str] | None = None) -> dict[str, Any]:
        """Returns what the item's result depends on: the row and the identities of the files it names."""
        identity = identity or file_identity
        return {
            **{name: value for name, default in _PAYLOAD if (value := getattr(self, name)) != default},
            "audio_identity": identity(folder / self.audio) if self.audio else "",
            "video_identity": identity(folder / self.video) if self.video else "",
        }


# The fields that a result depends on, with their defaults, which are left out of the payload.
_PAYLOAD: Final = tuple((f.name, f.default) for f in fields(Recording) if f.name not in _LISTING)


def read_recordings(
    table: Path, *, val_share: float, test_share: float, version: str, encoding: str = UTF_8
) -> Iterator[Recording]:
    """Yields the rows of a CSV, TSV or Parquet with `caption` and `audio` or `video` [, split, group, id, licence].

    In Parquet, `audio` may also have the files' bytes, as `datasets` embeds them; they are not read here. Rows without
    an id get one from their content; without a group, their file is the group; without a split, the group's split, else
    the hash of the group; one whose table states two splits is marked `conflict`. The table is read twice, a part at a
    time. Raises UsageError naming the table, the column and what was expected.
    """
    stated: dict[str, set[str]] = {}
    for recording in _recordings(table, encoding):
        if recording.split:
            stated.setdefault(recording.group, set()).add(recording.split)
    for recording in _recordings(table, encoding):
        known = stated.get(recording.group, set())
        if len(known) > 1:
            split = "conflict"
        elif known:
            split = next(iter(known))
        else:
            split = split_of(recording.group, val_share=val_share, test_share=test_share, version=version)
        yield replace(recording, split=split, split_stated=bool(recording.split))


def clean_caption(text: str) -> str:
    """Returns the caption with control characters and runs of white space replaced by single spaces.

    Raises ItemError `invalid_caption` for text that is empty, has no letter, is over 1,000 characters or was not UTF-8.
    """
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    caption = " ".join(text.split())
    if not caption:
        raise ItemError("invalid_caption", "the caption is empty")
    if "�" in caption:
        raise ItemError("invalid_caption", f"the caption is not valid text in its list's encoding: {caption[:60]!r}")
    if not any(c.isalpha() for c in caption):
        raise ItemError("invalid_caption", f"the caption has no letter: {caption[:60]!r}")
    if len(caption) > _CAPTION_LIMIT:
        raise ItemError("invalid_caption", f"the caption has {len(caption)} characters; {_CAPTION_LIMIT} at most")
    return caption


def split_of(group: str, *, val_share: float, test_share: float, version: str) -> str:
    """Returns train, val or test by the hash of the group: the same group always gets the same split."""
    position = int(hash_text("split", version, group)[:12], 16) / 16**12
    if position < test_share:
        return "test"
    return "val" if position < test_share + val_share else "train"


def file_identity(path: Path) -> str:
    """Returns a cheap identity of a file's content: its size and the hash of 4 KiB at its beginning, middle and end.

    It does not depend on the modification time, so a copied corpus is not processed again; the full SHA-256 is in the
    clip's row. It is "absent" for a file that cannot be read, and its item is processed again when the file appears.
    """
    try:
        if not path.is_file():  # opening a named pipe would wait for ever
            return "absent"
        size = path.stat().st_size
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for position in (0, max(0, size // 2), max(0, size - _SAMPLE_BYTES)):
                file.seek(position)
                digest.update(file.read(_SAMPLE_BYTES))
    except (OSError, ValueError):
        return "absent"
    return f"{size}-{digest.hexdigest()[:24]}"


def _recordings(table: Path, encoding: str) -> Iterator[Recording]:
    return (_recording(row, table) for row in _with_ids(_read_rows(table, encoding)))


def _read_rows(table: Path, encoding: str) -> Iterator[dict[str, str]]:
    if not table.is_file():
        raise UsageError(f"table {table} does not exist; set ingest.corpus.path to a CSV or Parquet file")
    if table.suffix not in _READERS:
        raise UsageError(f"table {table}: unknown kind {table.suffix!r}; expected one of {', '.join(_READERS)}")
    rows = _parquet_rows(table) if table.suffix == ".parquet" else dicts_of(table, ("caption",), encoding)
    first = next(rows, None)
    if first is None:
        raise UsageError(f"table {table} has no rows")
    _require_columns(table, set(first))
    yield from chain([first], rows)


def _parquet_rows(table: Path) -> Iterator[dict[str, str]]:
    try:
        schema = pq.read_schema(table)
        _require_columns(table, set(map(str, schema.names)))
        _require_types(table, schema)
        embedded = _embeds_audio(table, schema)
        names = ["audio.path" if name == "audio" and embedded is not None else name for name in schema.names]
        with pq.ParquetFile(table) as file:
            records = (record for part in file.iter_batches(_PART_ROWS, columns=names) for record in part.to_pylist())
            for position, record in enumerate(records):
                if embedded is not None:
                    record["audio"] = (record["audio"] or {}).get("path")
                if embedded:
                    record[_EMBEDDED] = str(position)
                yield from _rows_of(record)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise UsageError(f"table {table} cannot be read: {error}".replace("\n", " ")) from error


def _rows_of(record: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yields a row for each caption of a record."""
    several = record["caption"] if isinstance(record["caption"], list) else [record["caption"]]
    row = {str(name): _text(value) for name, value in record.items() if name != "caption"}
    for number, caption in enumerate(several or [""], start=1):
        numbered = {"id": f"{row['id']}-{number}"} if len(several) > 1 and row.get("id") else {}
        yield {**row, **numbered, "caption": _text(caption)}


def _require_types(table: Path, schema: pa.Schema) -> None:
    """Raises UsageError for a known column whose cells cannot be used, such as dates as captions."""
    for field in schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        usable = (
            is_text(field.type)
            or (number and field.name in ("id", "group"))
            or (field.name == "caption" and is_list_of_text(field.type))
            or (field.name == "audio" and is_embedded_audio(field.type))
        )
        if field.name in COLUMNS and not usable:
            raise refused_column(table, field.name, field.type)


def _embeds_audio(table: Path, schema: pa.Schema) -> bool | None:
    """Returns whether a struct column of audio has bytes, or only the names of files; None for a column of text."""
    if "audio" not in schema.names or not is_embedded_audio(schema.field("audio").type):
        return None
    if pa.types.is_null(schema.field("audio").type.field("bytes").type):
        return False
    with pq.ParquetFile(table) as file:
        place = [file.schema.column(n).path for n in range(file.metadata.num_columns)].index("audio.bytes")
        chunks = [file.metadata.row_group(n).column(place) for n in range(file.metadata.num_row_groups)]
    counts = [chunk.statistics.null_count if chunk.is_stats_set else None for chunk in chunks]
    return any(count is None or count < chunk.num_values for count, chunk in zip(counts, chunks, strict=True))


def _require_columns(table: Path, columns: set[str]) -> None:
    if "caption" not in columns or not {"audio", "video"} & columns:
        missing = "caption" if "caption" not in columns else "audio"
        raise UsageError(
            f"table {table}: column {missing!r} is missing; it has {sorted(columns)}, "
            f"and needs audio, caption [, video, split, group, id, licence]{did_you_mean(missing, columns)}"
        )


def _text(value: Any) -> str:
    """Returns a cell as text: empty for nothing and NaN, the printed value for others that are not text."""
    if isinstance(value, str):
        return value
    return "" if value is None or value != value else str(value)


def _with_ids(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Gives every row a file-name-safe id; equal rows without an id are numbered."""
    seen: dict[str, int] = {}
    for row in rows:
        if given := row.get("id", "").strip():
            yield row | {"id": safe_name(given)}
            continue
        media = row.get("audio", "") or row.get("video", "")
        content = hash_text(*(row[k] for k in sorted(row) if k != _EMBEDDED))
        name = f"{safe_name(Path(media).stem, limit=40)}-{content[:8]}"
        seen[name] = seen.get(name, 0) + 1
        yield row | {"id": name if seen[name] == 1 else f"{name}-{seen[name]}"}


def _recording(row: dict[str, str], table: Path) -> Recording:
    audio, video = row.get("audio", "").strip(), row.get("video", "").strip()
    record = row.get(_EMBEDDED)
    split = row.get("split", "").strip()
    return Recording(
        item_id=row["id"],
        audio=audio if record is None else table.name,
        video=video,
        row=None if record is None else int(record),
        caption=row["caption"],
        group=row.get("group", "").strip() or audio or video or row["id"],
        split=SPLITS.get(split.lower(), split),
        licence=row.get("licence", "").strip() or "unstated",
    )
