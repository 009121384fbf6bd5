"""Which augmented rows a person listens to: a stratified draw, kept as a CSV that opens safely in a spreadsheet.

Source: SPEC A8. `manifest/verification/sheet.csv` has the drawn rows; each rater's answers are in a file of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from data_contracts import Augmented, Clip, ContractError, ManifestRow, UsageError, iter_table
from data_contracts.adverbs import CHANGES, LEVELS
from tasks.commands.spreadsheet import read_cells, write_cells
from tasks.engine.workspace import Workspace, hash_text

_FOLDER: Final = ("manifest", "verification")
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
    """One row to check: audio and caption before and after the change. Paths are relative to the workspace.

    `audio_sha256` is the changed audio's, so that answers to audio that has been made again never count.
    """

    stratum: str
    item_id: str
    level: str
    audio_before: str
    audio_path: str
    audio_sha256: str
    caption_before: str
    caption: str

    @property
    def identity(self) -> dict[str, str]:
        """What a rater judged: an answer counts only while these cells are the same."""
        return {"audio_sha256": self.audio_sha256, "stratum": self.stratum, "caption": self.caption}


_COLUMNS: Final = [field.name for field in fields(Entry)]


def write_sheet(workspace: Workspace, seed: int) -> Path:
    """Writes the sheet: up to 20 rows per speed level, 50 per Near, Loud, Crescendo, Decrescendo. Source: SPEC A8.

    Rows are drawn by the hash of seed and id, so the same manifest gives the same sheet. Raises ContractError
    when the manifest has not been made, UsageError when it has no augmented row.
    """
    captions = {
        row.item_id: row.caption
        for row in iter_table(workspace.table("manifest", "manifest"), ManifestRow)
        if row.subset == "aa"
    }
    if not captions:
        raise UsageError(f"the manifest of {workspace.root} has no augmented row; there is nothing to verify")
    known = [row for row in iter_table(workspace.table("augment", "augmented"), Augmented) if row.item_id in captions]
    drawn = [
        (stratum, row)
        for stratum, size in STRATA.items()
        for row in _drawn((row for row in known if stratum_of(row) == stratum), size, seed)
    ]
    sources = _clip_audio(workspace, {row.clip_id for _, row in drawn})
    entries = [_entry(stratum, row, captions[row.item_id], sources) for stratum, row in drawn]
    path = sheet_path(workspace)
    write_cells(path, _COLUMNS, map(asdict, entries))
    return path


def read_sheet(workspace: Workspace) -> list[Entry]:
    """Returns the sheet's rows. Raises UsageError when there is none or a column is missing."""
    rows = read_cells(sheet_path(workspace), _COLUMNS, "`foleygenex verify WORKSPACE` writes the sheet")
    return [Entry(**{name: cells[name] for name in _COLUMNS}) for _, cells in rows]


def stale_entries(workspace: Workspace, entries: Sequence[Entry]) -> list[Entry]:
    """Returns the entries that no longer describe the manifest: removed, or with other audio or another caption."""
    rows = iter_table(workspace.table("manifest", "manifest"), ManifestRow)
    now = {row.item_id: (row.audio_sha256, row.caption) for row in rows if row.subset == "aa"}
    return [entry for entry in entries if now.get(entry.item_id) != (entry.audio_sha256, entry.caption)]


def sheet_path(workspace: Workspace) -> Path:
    """Returns the sheet's path."""
    return workspace.path(*_FOLDER, "sheet.csv")


def ratings_folder(workspace: Workspace) -> Path:
    """Returns the folder of the raters' files."""
    return workspace.path(*_FOLDER, "ratings")


def stratum_of(row: Augmented) -> str:
    """Returns the stratum of an augmented row: its speed level, the side it was moved away from, or its trend."""
    return _stratum(row.operation, row.side, row.level)


def _clip_audio(workspace: Workspace, wanted: set[str]) -> dict[str, str]:
    table = iter_table(workspace.table("ingest", "clips"), Clip)
    return {clip.item_id: clip.audio_path for clip in table if clip.item_id in wanted}


def _entry(stratum: str, row: Augmented, caption: str, sources: dict[str, str]) -> Entry:
    if row.clip_id not in sources:
        raise ContractError(
            f"{row.item_id} was made from {row.clip_id}, which is no longer in the clips table; run augment again"
        )
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
