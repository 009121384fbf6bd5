"""Which augmented rows a person listens to: a stratified draw, kept as a CSV that no spreadsheet can misread.

Source: SPEC A8. `manifest/verification/sheet.csv` holds the draw; each rater's answers stand in a file of their own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Self

from data_contracts import Augmented, Clip, ContractError, ManifestRow, UsageError, iter_table, read_table
from data_contracts.adverbs import CHANGES, LEVELS
from data_contracts.files import atomic_path
from tasks.commands.verify.cells import plain_cell, typed_cell
from tasks.engine.workspace import Workspace, hash_text

FOLDER: Final = ("manifest", "verification")
_SPEED_SIZE: Final = 20
_OTHER_SIZE: Final = 50


def _stratum(operation: str, side: str, level: str) -> str:
    if LEVELS[level].dimension == "speed":
        return f"speed {level}"
    return f"{side} source" if operation == "distance" else level


STRATA: Final = {
    **{f"speed {name}": _SPEED_SIZE for name, level in LEVELS.items() if level.dimension == "speed"},
    **{
        _stratum(change.operation, change.side, change.level): _OTHER_SIZE
        for change in CHANGES
        if LEVELS[change.level].dimension != "speed"
    },
}
"""Stratum -> how many rows are drawn: 300 in all (SPEC A8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row to check: the sound before and after, the caption before and after. Paths are relative to the workspace.

    `audio_sha256` is the changed sound's, so that answers are never counted for a sound that was made anew.
    """

    stratum: str
    item_id: str
    level: str
    audio_before: str
    audio_path: str
    audio_sha256: str
    caption_before: str
    caption: str

    @classmethod
    def from_cells(cls, cells: dict[str, str | None], where: str) -> Self:
        """Builds an entry from CSV cells. Raises UsageError naming the column that is missing."""
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if cells.get(name) is None]:
            raise UsageError(f"{where}: column {missing[0]!r} is missing; expected {', '.join(names)}")
        return cls(**{name: typed_cell(str(cells[name])) for name in names})


def write_sheet(workspace: Workspace, seed: int) -> Path:
    """Writes the sheet: up to 20 rows per speed level, 50 per Near, Loud, Crescendo, Decrescendo. Source: SPEC A8.

    Rows are drawn by the hash of seed and id, so the same manifest gives the same sheet. Raises ContractError
    when the manifest has not been made, UsageError when it holds no augmented row.
    """
    captions = {
        row.item_id: row.caption
        for row in iter_table(workspace.table("manifest", "manifest"), ManifestRow)
        if row.subset == "aa"
    }
    if not captions:
        raise UsageError(f"the manifest of {workspace.root} holds no augmented row; there is nothing to verify")
    known = [row for row in _augmented(workspace) if row.item_id in captions]
    drawn = [
        (stratum, row)
        for stratum, size in STRATA.items()
        for row in _drawn((row for row in known if stratum_of(row) == stratum), size, seed)
    ]
    sources = _clip_sounds(workspace, {row.clip_id for _, row in drawn})
    entries = [_entry(stratum, row, captions[row.item_id], sources) for stratum, row in drawn]
    return write_cells(sheet_path(workspace), [field.name for field in fields(Entry)], map(asdict, entries))


def read_sheet(workspace: Workspace) -> list[Entry]:
    """Returns the sheet's rows. Raises UsageError when there is none or a column is missing."""
    path = sheet_path(workspace)
    return [Entry.from_cells(cells, f"{path}, line {line}") for line, cells in read_cells(path)]


def stale_entries(workspace: Workspace, entries: Sequence[Entry]) -> list[Entry]:
    """Returns the entries that no longer describe the manifest: gone, or with another sound or caption."""
    rows = iter_table(workspace.table("manifest", "manifest"), ManifestRow)
    now = {row.item_id: (row.audio_sha256, row.caption) for row in rows if row.subset == "aa"}
    return [entry for entry in entries if now.get(entry.item_id) != (entry.audio_sha256, entry.caption)]


def sheet_path(workspace: Workspace) -> Path:
    """Returns where the sheet stands."""
    return workspace.path(*FOLDER, "sheet.csv")


def stratum_of(row: Augmented) -> str:
    """Returns the stratum of an augmented row: its speed level, the side it was moved away from, or its trend."""
    return _stratum(row.operation, row.side, row.level)


def write_cells(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Path:
    """Writes a CSV atomically, every cell safe in a spreadsheet."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([plain_cell(row[column]) for column in columns] for row in rows)
    return path


def read_cells(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    """Returns (line number, cells) per row. Raises UsageError when the file is missing or is not a UTF-8 CSV."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return [(reader.line_num, dict(cells)) for cells in reader]
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing; `foleygenex verify WORKSPACE` writes the sheet") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a UTF-8 CSV ({error})") from error


def _augmented(workspace: Workspace) -> list[Augmented]:
    return read_table(workspace.table("augment", "augmented"), Augmented)


def _clip_sounds(workspace: Workspace, wanted: set[str]) -> dict[str, str]:
    table = iter_table(workspace.table("ingest", "clips"), Clip)
    return {clip.item_id: clip.audio_path for clip in table if clip.item_id in wanted}


def _entry(stratum: str, row: Augmented, caption: str, sources: dict[str, str]) -> Entry:
    if row.clip_id not in sources:
        raise ContractError(f"{row.item_id} was made from {row.clip_id}, which is no longer there; run augment again")
    return Entry(
        stratum=stratum,
        item_id=row.item_id,
        level=row.level,
        audio_before=sources[row.clip_id],
        audio_path=row.audio_path,
        audio_sha256=row.audio_sha256,
        caption_before=row.caption,
        caption=caption,
    )


def _drawn(rows: Iterable[Augmented], size: int, seed: int) -> list[Augmented]:
    ranked = sorted(rows, key=lambda row: hash_text("verification", str(seed), row.item_id))
    return ranked[:size]
