"""What counts as finished: the files are whole and of the items as they are now; a rerun then writes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data_contracts import Row
from data_contracts.files import hash_file
from tasks.engine import (
    SingleItemStage,
    Stage,
    StageSummary,
    check_stage,
    is_stage_finished,
    run_stage,
    stage_state,
)
from tasks.engine.marker import damaged_files, marker_path, read_marker, table_paths
from tasks.engine.workspace import Workspace, read_json, write_json
from tests.tasks.engine.damage import DAMAGES, delete, flip
from tests.tasks.engine.tiny import TinyRow, TinyStage


@dataclass(frozen=True)
class WithFiles(TinyStage):
    """A stage whose rows name a file each, and which leaves a list of them."""

    count: int = 6

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        name = f"tiny/files/{row['item_id']}.txt"
        return {name: row["note"]}

    def _row(self, item: Any, workspace: Workspace) -> list[TinyRow]:
        (row,) = super()._row(item, workspace)
        sha256 = hash_file(workspace.path("tiny", "files", f"{item.item_id}.txt"))
        return [TinyRow(**{**row.to_dict(), "words": row.words, "note": sha256})]

    def outputs(self, workspace: Workspace) -> dict[str, None]:
        return {"list.txt": None}

    def on_finished(self, workspace: Workspace) -> str:
        workspace.path("tiny", "list.txt").write_text(f"{self.count} files\n")
        return ""


@dataclass(frozen=True, kw_only=True)
class Single(SingleItemStage):
    """One piece of work: writes a file and a row, and counts how often it did."""

    text: str = "hello"
    made: list[str] = field(default_factory=list, compare=False)
    name: ClassVar[str] = "single"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = TinyRow

    def settings(self) -> dict[str, Any]:
        return {"text": self.text}

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        return {}

    def make(self, workspace: Workspace) -> list[TinyRow]:
        self.made.append(self.text)
        self.on_progress(1, 1, self.text)
        workspace.path("single", "out.txt").write_text(self.text)
        return [TinyRow(item_id="one", value=1, share=0.5, words=(self.text,), note=None)]

    def outputs(self, workspace: Workspace) -> dict[str, None]:
        return {"out.txt": None}


STAGES: tuple[Callable[[], Stage], ...] = (WithFiles, Single)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder, with its time, except the lock."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def file_bytes(folder: Path) -> dict[str, bytes]:
    """The bytes of what a stage leaves for others."""
    return {
        name: data
        for name, (data, _) in contents(folder).items()
        if "journal" not in name and not name.endswith("stage.json")
    }


@pytest.mark.parametrize("make", STAGES)
def test_a_finished_stage_is_left_alone(tmp_path: Path, make: Callable[[], Stage]) -> None:
    space, stage = Workspace(tmp_path), make()
    assert not is_stage_finished(stage, space)
    first = run_stage(stage, space)
    before = contents(tmp_path)
    assert is_stage_finished(stage, space) and stage_state(stage, space).finished
    again = run_stage(stage, space)
    assert (again.new, again.rows, again.line().split(",")[1:]) == (0, first.rows, first.line().split(",")[1:])
    assert run_stage(stage, space, verify_files=True).new == 0 and check_stage(stage, space) == []
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("make", STAGES)
def test_a_damaged_file_makes_a_stage_unfinished_and_a_rerun_heals_it(
    tmp_path: Path, make: Callable[[], Stage], damage: Callable[[Path], None]
) -> None:
    space, stage = Workspace(tmp_path), make()
    run_stage(stage, space)
    before = file_bytes(tmp_path)
    outputs = [path.relative_to(tmp_path).as_posix() for path in table_paths(stage, space)]
    for name in [*outputs, *(f"{stage.name}/{name}" for name in stage.outputs(space))]:
        damage(tmp_path / name)
        state = stage_state(stage, space)
        assert not is_stage_finished(stage, space) and not state.finished, name
        assert bool(state.pending) == stage.single and (stage.single or "written again" in state.note)
        summary = run_stage(stage, space)
        assert summary.new == int(stage.single) and is_stage_finished(stage, space)
        assert file_bytes(tmp_path) == before, name


def test_a_flipped_byte_behind_an_old_time_is_found_by_the_hash(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), WithFiles()
    run_stage(stage, space)
    before = file_bytes(tmp_path)
    table, file = space.table("tiny", "tinies"), space.path("tiny", "files", "item-0003.txt")
    for path in (table, file):
        flip(path, keep_time=True)
    assert is_stage_finished(stage, space)  # a look reads no file
    assert check_stage(stage, space) == [table, file]
    assert run_stage(stage, space, verify_files=True).new == 1  # the item of the file; the table is from the journal
    assert file_bytes(tmp_path) == before and check_stage(stage, space) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_files_of_items_are_made_again_on_demand(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    space, stage = Workspace(tmp_path), WithFiles()
    run_stage(stage, space)
    before = file_bytes(tmp_path)
    broken = [space.path("tiny", "files", f"item-000{n}.txt") for n in (1, 4)]
    for path in broken:
        damage(path)
    assert check_stage(stage, space) == broken
    assert run_stage(stage, space).new == 0
    assert run_stage(stage, space, verify_files=True).new == 2
    assert file_bytes(tmp_path) == before


def test_a_copied_workspace_is_finished_and_its_times_are_recorded_anew(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), WithFiles()
    run_stage(stage, space)
    for path in space.path("tiny").rglob("*.*"):
        os.utime(path, ns=(0, 1))
    assert is_stage_finished(stage, space) and run_stage(stage, space).new == 0
    marker = read_marker(stage, space)
    assert marker is not None and {file["mtime_ns"] for file in marker["files"].values()} == {1}
    assert damaged_files(stage, space, marker) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"fingerprint": "f", "summary": {"stage": "tiny"}}'])
def test_a_marker_of_another_release_or_a_broken_one_counts_as_unfinished(tmp_path: Path, content: str) -> None:
    space, stage = Workspace(tmp_path), WithFiles()
    run_stage(stage, space)
    before = file_bytes(tmp_path)
    marker_path(space, "tiny").write_text(content)
    assert not is_stage_finished(stage, space) and not stage_state(stage, space).finished
    assert run_stage(stage, space).new == 0  # the journal has every item
    assert file_bytes(tmp_path) == before and is_stage_finished(stage, space)


@pytest.mark.parametrize("make", STAGES)
def test_a_marker_with_any_broken_key_or_value_counts_as_unfinished(tmp_path: Path, make: Callable[[], Stage]) -> None:
    space, stage = Workspace(tmp_path), make()
    run_stage(stage, space)
    path = marker_path(space, stage.name)
    text = path.read_text()
    parts = sorted(set(re.findall(r'"\w+(?=":)', text)) | set(re.findall(r'": .', text)))
    assert '"bytes' in parts and '"sha256' in parts and '": {' in parts
    for part in parts:
        path.write_text(text.replace(part, f"{part[:-1]}?", 1))
        state = stage_state(stage, space)
        assert read_marker(stage, space) is None and not state.finished, path.read_text()
        assert run_stage(stage, space).new == int(stage.single) and is_stage_finished(stage, space)


@pytest.mark.parametrize("count", ["done", "new", "quarantined", "rows"])
def test_a_marker_with_a_negative_count_counts_as_unfinished(tmp_path: Path, count: str) -> None:
    space, stage = Workspace(tmp_path), WithFiles()
    run_stage(stage, space)
    path = marker_path(space, "tiny")
    whole = read_json(path)
    for changed in ({count: -5}, {"reasons": {"too short": -5}}):
        write_json(path, {**whole, "summary": {**whole["summary"], **changed}})
        assert read_marker(stage, space) is None and not is_stage_finished(stage, space)
    write_json(path, whole)
    assert is_stage_finished(stage, space)


def test_a_marker_that_names_a_file_outside_counts_as_unfinished(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), WithFiles()
    run_stage(stage, space)
    path = marker_path(space, "tiny")
    path.write_text(path.read_text().replace('"list.txt"', '"../../list.txt"'))
    assert read_marker(stage, space) is None


def test_a_damaged_journal_line_never_reaches_the_table(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), TinyStage(count=6)
    run_stage(stage, space)
    before = file_bytes(tmp_path)
    journal = space.path("tiny", "journal", "00000.jsonl")
    journal.write_text(journal.read_text().replace('["text","3"]', '["tezxt","3"]'))
    assert is_stage_finished(stage, space) and check_stage(stage, space) == [journal.parent]
    delete(space.table("tiny", "tinies"))
    assert stage_state(stage, space).pending == 1
    assert run_stage(stage, space).new == 1 and file_bytes(tmp_path) == before


def test_damage_is_removed_before_anything_is_made_from_it(tmp_path: Path) -> None:
    seen: list[bool] = []

    class Looking(WithFiles):
        def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> Any:
            seen.append(workspace.path("tiny", "list.txt").exists())
            return super().assemble(rows, workspace)

    space, stage = Workspace(tmp_path), Looking()
    run_stage(stage, space)
    flip(space.path("tiny", "list.txt"))
    run_stage(stage, space)
    assert seen == [False, False]


def test_one_piece_of_work_is_done_again_for_a_change_or_after_a_kill(tmp_path: Path) -> None:
    space, stage = Workspace(tmp_path), Single()
    notes: list[str] = []
    summary = run_stage(stage.with_progress(lambda done, total, note: notes.append(note)), space)
    assert (summary, notes) == (StageSummary(stage="single", done=1, new=1, rows=1), ["hello"])
    marker_path(space, "single").unlink()  # killed between its item and its marker
    assert stage_state(stage, space).pending == 1
    assert run_stage(stage, space).new == 1 and stage.made == ["hello", "hello"]
    other = Single(text="other")
    assert run_stage(other, space).new == 1 and space.path("single", "out.txt").read_text() == "other"
    assert not space.table("single", "quarantine").exists()
