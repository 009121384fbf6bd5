"""What a stage's folder has that nothing needs: files that no row names, and superseded lines of its journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_contracts.files import atomic_path
from tasks.engine.journal import journal_files
from tasks.engine.ledger import Ledger
from tasks.engine.marker import read_marker
from tasks.engine.run import temporary_ledger
from tasks.engine.stage import Stage
from tasks.engine.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Files of items that are gone, files of an earlier result, and (journal file, bytes of superseded lines)."""

    orphans: tuple[Path, ...] = ()
    superseded: tuple[Path, ...] = ()
    journals: tuple[tuple[Path, int], ...] = ()


def leftovers(stage: Stage, workspace: Workspace, named: frozenset[Path]) -> Leftovers:
    """Returns what a finished stage has over. `named` are files that some table of the workspace names: never those."""
    marker = read_marker(stage, workspace)
    if marker is None:
        return Leftovers()
    with temporary_ledger(stage, workspace) as ledger:
        paths = (path for entry in ledger.entries() for row in entry["rows"] for path in stage.item_files(row))
        kept = {workspace.path(path) for path in paths}
        journals = tuple(
            (path, size) for path in journal_files(workspace, stage.name) if (size := _waste(ledger, path))
        )
    folders = {path.parent for path in kept if path.is_relative_to(workspace.path(stage.name))}
    current = {workspace.path(stage.name, name) for name in marker["files"]}
    top = workspace.path(stage.name).glob("*")
    return Leftovers(
        orphans=_without((path for folder in folders for path in folder.iterdir()), kept | named),
        superseded=_without((path for path in top if path.suffix in (".parquet", ".bin")), current | named),
        journals=journals,
    )


def compact(stage: Stage, workspace: Workspace, path: Path) -> None:
    """Rewrites a journal file without its superseded lines. A kill leaves it as it was."""
    with temporary_ledger(stage, workspace) as ledger:
        starts = ledger.current_lines(path)
    if not starts:
        path.unlink()
        return
    with path.open("rb") as old, atomic_path(path) as temporary, temporary.open("wb") as new:
        for start in starts:
            old.seek(start)
            new.write(old.readline())


def _waste(ledger: Ledger, path: Path) -> int:
    """Returns the bytes of a journal file's lines that no current item has."""
    used = 0
    with path.open("rb") as journal:
        for start in ledger.current_lines(path):
            journal.seek(start)
            used += len(journal.readline())
    return path.stat().st_size - used


def _without(paths: Iterable[Path], kept: set[Path]) -> tuple[Path, ...]:
    found = (path for path in paths if path.is_file() and not path.is_symlink() and not path.name.startswith("."))
    return tuple(sorted(path for path in found if path.resolve() not in kept))
