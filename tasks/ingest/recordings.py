"""Recordings: the rows of a corpus, and how they are read from a CSV, TSV or Parquet of one's own.

A recording is an audio file or a video, with a caption. Only the table is opened here. What is wrong with a single row
is found when its item is processed, so that the other rows go on.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts import ItemError, UsageError
from tasks.engine.workspace import hash_text, safe_name
from tasks.ingest.readers.files import UTF_8, dicts_of, did_you_mean

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
COLUMNS: Final = ("audio", "video", "caption", "split", "group", "id", "licence")
_SAMPLE_BYTES: Final = 4096
_CAPTION_LIMIT: Final = 1000
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
    licence: str
    corpus: str = ""  # its name; empty for a single table of one's own
    row: int | None = None  # hf: the record within the shard that `audio` names
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
) -> list[Recording]:
    """Returns the rows of a CSV, TSV or Parquet with `caption` and `audio` or `video` [, split, group, id, licence].

    Rows without an id get one from their content; without a group, their file is the group; without a split, the
    group's split, else the hash of the group. Raises UsageError naming the table, the column and what was expected.
    """
    rows = _read_rows(table, encoding)
    return _with_splits([_recording(row) for row in _with_ids(rows)], val_share, test_share, version)


def clean_caption(text: str) -> str:
    """Returns the caption with control characters and runs of white space replaced by single spaces.

    Raises ItemError `invalid_caption` for text that is empty, has no letter, is over 1,000 characters or was not UTF-8.
    """
    caption = " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).split())
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
        size = path.stat().st_size
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for position in (0, max(0, size // 2), max(0, size - _SAMPLE_BYTES)):
                file.seek(position)
                digest.update(file.read(_SAMPLE_BYTES))
    except (OSError, ValueError):
        return "absent"
    return f"{size}-{digest.hexdigest()[:24]}"


def _read_rows(table: Path, encoding: str) -> list[dict[str, str]]:
    if not table.is_file():
        raise UsageError(f"table {table} does not exist; set ingest.corpus.path to a CSV or Parquet file")
    if table.suffix not in _READERS:
        raise UsageError(f"table {table}: unknown kind {table.suffix!r}; expected one of {', '.join(_READERS)}")
    rows = _parquet_rows(table) if table.suffix == ".parquet" else list(dicts_of(table, ("caption",), encoding))
    if not rows:
        raise UsageError(f"table {table} has no rows")
    _require_columns(table, set(rows[0]))
    return rows


def _parquet_rows(table: Path) -> list[dict[str, str]]:
    try:
        schema, frame = pq.read_schema(table), pd.read_parquet(table)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise UsageError(f"table {table} cannot be read: {error}".replace("\n", " ")) from error
    _require_columns(table, set(map(str, frame.columns)))
    several = _has_several_captions(table, schema)
    rows = []
    for record in frame.to_dict("records"):
        captions = list(record["caption"]) if several and record["caption"] is not None else [record["caption"]]
        row = {str(name): _text(value) for name, value in record.items() if name != "caption"}
        for number, caption in enumerate(captions or [""], start=1):
            numbered = {"id": f"{row['id']}-{number}"} if len(captions) > 1 and row.get("id") else {}
            rows.append({**row, **numbered, "caption": _text(caption)})
    return rows


def _has_several_captions(table: Path, schema: pa.Schema) -> bool:
    """Returns whether the captions are lists of text. Raises UsageError for a known column that is not text."""
    for field in schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if field.name == "caption" and pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
            continue
        if field.name in COLUMNS and not (plain or (number and field.name in ("id", "group"))):
            raise UsageError(f"table {table}: column {field.name!r} has cells of type {field.type}; expected text")
    return pa.types.is_list(schema.field("caption").type)


def _require_columns(table: Path, columns: set[str]) -> None:
    if "caption" not in columns or not {"audio", "video"} & columns:
        missing = "caption" if "caption" not in columns else "audio"
        raise UsageError(
            f"table {table}: column {missing!r} is missing; it has {sorted(columns)}, "
            f"and needs audio, caption [, video, split, group, id, licence]{did_you_mean(missing, columns)}"
        )


def _text(value: Any) -> str:
    """Returns a cell as text: empty for None and NaN, the printed value for others that are not text."""
    if isinstance(value, str):
        return value
    return "" if value is None or pd.isna(value) is True else str(value)


def _with_ids(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Gives every row a file-name-safe id; equal rows without an id are numbered."""
    seen: dict[str, int] = {}
    named = []
    for row in rows:
        if given := row.get("id", "").strip():
            named.append(row | {"id": safe_name(given)})
            continue
        media = row.get("audio", "") or row.get("video", "")
        name = f"{safe_name(Path(media).stem, limit=40)}-{hash_text(*(row[k] for k in sorted(row)))[:8]}"
        seen[name] = seen.get(name, 0) + 1
        named.append(row | {"id": name if seen[name] == 1 else f"{name}-{seen[name]}"})
    return named


def _recording(row: dict[str, str]) -> Recording:
    audio, video = row.get("audio", "").strip(), row.get("video", "").strip()
    split = row.get("split", "").strip()
    return Recording(
        item_id=row["id"],
        audio=audio,
        video=video,
        caption=row["caption"],
        group=row.get("group", "").strip() or audio or video or row["id"],
        split=SPLITS.get(split.lower(), split),
        licence=row.get("licence", "").strip() or "unstated",
    )


def _with_splits(recordings: Sequence[Recording], val_share: float, test_share: float, version: str) -> list[Recording]:
    """Fills in missing splits. A group for which the table itself states two splits is marked `conflict`."""
    stated: dict[str, set[str]] = {}
    for recording in recordings:
        if recording.split:
            stated.setdefault(recording.group, set()).add(recording.split)
    result = []
    for recording in recordings:
        known = stated.get(recording.group, set())
        if len(known) > 1:
            split = "conflict"
        elif known:
            split = next(iter(known))
        else:
            split = split_of(recording.group, val_share=val_share, test_share=test_share, version=version)
        result.append(replace(recording, split=split))
    return result
