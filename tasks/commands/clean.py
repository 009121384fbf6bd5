"""What a workspace has that no table needs, and its removal: `foleygenex clean`.

Never removed: what a table names, the journal's line of an item as it is now, the current training and its states.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.quantities import counted, size_text
from tasks.choices import with_choices
from tasks.config import PipelineConfig
from tasks.engine import Stage
from tasks.engine.attempts import begun_files
from tasks.engine.leftovers import compact, leftovers
from tasks.engine.workspace import Workspace
from tasks.evaluate.kept import FOLDER as KEPT_SCORES
from tasks.evaluate.kept import kept_scores
from tasks.pipeline import STEPS, find_step
from tasks.steps import pipeline_states
from tasks.train.places import RECORD, kept_trainings, read_record, trainings_folder

TEMPORARY: Final = "temporary files"
ORPHANS: Final = "files of rows that are gone"
SUPERSEDED: Final = "tables and features of an earlier result"
TRAININGS: Final = "states, checkpoints, samples and scores of earlier trainings"
JOURNALS: Final = "superseded lines of journals"
_SHOWN: Final = 5  # names of each kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Something to remove: its kind, its path, its bytes. Of a journal (`stage` is set) only superseded lines go."""

    kind: str
    path: Path
    size: int
    stage: Stage | None = None


def find_unused(config: PipelineConfig, workspace: Workspace) -> list[Unused]:
    """Returns what can be removed. A stage that is not finished keeps its files: it goes on from its journal."""
    found = list(_temporary(workspace))
    named = frozenset(_named(workspace))
    chosen = with_choices(config, workspace)
    for state in pipeline_states(config, workspace):
        if not state.finished:
            continue
        stage = find_step(state.name).make(chosen)
        left = leftovers(stage, workspace, named)
        found += [_unused(ORPHANS, path) for path in left.orphans]
        found += [_unused(SUPERSEDED, path) for path in left.superseded]
        found += [Unused(kind=JOURNALS, path=path, size=size, stage=stage) for path, size in left.journals]
    return found + list(_trainings(workspace))


def remove(unused: list[Unused], workspace: Workspace) -> None:
    """Removes what was found. Call it while no run can use the workspace."""
    for one in unused:
        if one.stage is not None:
            compact(one.stage, workspace, one.path)
        elif one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)


def unused_text(unused: list[Unused], workspace: Workspace) -> str:
    """Returns one line per kind with its size, and the first names."""
    kinds: dict[str, list[Unused]] = defaultdict(list)
    for one in unused:
        kinds[one.kind].append(one)
    lines = []
    for kind, several in kinds.items():
        size = size_text(sum(one.size for one in several))
        lines.append(f"{size:>10}  {kind} ({counted(len(several), 'entry', 'entries')})")
        lines += [f"{'':>12}{workspace.relative(one.path)}" for one in several[:_SHOWN]]
        lines += [f"{'':>12}and {len(several) - _SHOWN:,} more"] if len(several) > _SHOWN else []
    total = sum(one.size for one in unused)
    return "\n".join([*lines, f"{size_text(total):>10}  in all" if unused else "nothing to remove"])


def _temporary(workspace: Workspace) -> Iterator[Unused]:
    """Yields what killed runs have left: no run is using the workspace."""
    inside: set[Path] = set()
    for path in sorted(workspace.root.rglob(".tmp-*")):
        if not inside & set(path.parents):
            inside.add(path)
            yield _unused(TEMPORARY, path)
    for path in sorted(workspace.root.glob("*/.ledger.sqlite")):
        yield _unused(TEMPORARY, path)
    for step in STEPS:
        if _is_finished_journal(workspace, step.name):
            yield from (_unused(TEMPORARY, path) for path in begun_files(workspace.path(step.name, "journal")))


def _is_finished_journal(workspace: Workspace, stage: str) -> bool:
    return workspace.path(stage, "stage.json").exists()  # else a note says which item has to run alone


def _trainings(workspace: Workspace) -> Iterator[Unused]:
    kept = kept_trainings(workspace)
    for folder in (trainings_folder(workspace), workspace.path("train", "samples")):
        for path in sorted(folder.glob("*")):
            if path.is_dir() and kept and path.name not in kept:
                yield _unused(TRAININGS, path)
    records = [workspace.path("train", RECORD), *((trainings_folder(workspace) / name / RECORD) for name in kept)]
    compared = {kept_scores(workspace, read_record(path)["checkpoint_sha256"]) for path in records if path.exists()}
    if compared:
        tables = sorted(workspace.path(*KEPT_SCORES).glob("*.parquet"))
        yield from (_unused(TRAININGS, path) for path in tables if path not in compared)
    for name in kept:
        yield from (_unused(TRAININGS, path) for path in sorted((trainings_folder(workspace) / name).glob("*.damaged")))


def _named(workspace: Workspace) -> Iterator[Path]:
    """Yields the files that any table of the workspace names: the columns `..._path`."""
    for table in sorted(workspace.root.rglob("*.parquet")):
        if any(part.startswith(".") for part in table.relative_to(workspace.root).parts):
            continue
        try:
            columns = [name for name in pq.read_schema(table).names if name.endswith("_path")]
            values = pq.read_table(table, columns=columns).columns if columns else []
        except (OSError, pa.ArrowException):  # damaged: `status` says so, and its stage is not finished
            continue
        for column in values:
            yield from (workspace.root.resolve() / str(value) for value in column.unique().to_pylist() if value)


def _unused(kind: str, path: Path) -> Unused:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    # A file with a second name, e.g. a state that a later training took over, frees nothing.
    size = sum(one.lstat().st_size for one in files if one.is_file() and one.lstat().st_nlink == 1)
    return Unused(kind=kind, path=path, size=size)
