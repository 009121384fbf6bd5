"""`clean` removes what no table names, never what one does, and nothing while a run uses the workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts import Clip, read_table
from data_contracts.files import hash_file
from flows.cli import exit_code
from tasks.commands import clean
from tasks.commands.clean import find_unused, remove, unused_text
from tasks.config import PipelineConfig, store
from tasks.engine import read_journal
from tasks.engine.journal import journal_files
from tasks.engine.workspace import Workspace, write_json
from tasks.engine.workspace_lock import acquire
from tasks.evaluate.kept import kept_scores
from tasks.pipeline import find_step
from tasks.steps import run_step, step_state
from tests.tasks.sounds import tone, write_wav

INGEST = find_step("ingest")


def config(folder: Path, *names: str, captions: str = "A dog barks") -> PipelineConfig:
    rows = "".join(f"{name}.wav,{captions}\n" for name in names)
    (folder / "clips.csv").write_text(f"audio,caption\n{rows}")
    corpus = {"kind": "table", "path": str(folder / "clips.csv")}
    settings = {"ingest": {"corpus": corpus}, "llm": {"backend": "rules"}, "mine": {"parser": "rules"}}
    return PipelineConfig.model_validate(settings)


@pytest.fixture
def made(tmp_path: Path) -> tuple[PipelineConfig, Workspace]:
    """A workspace in which a recording was taken out of the list, and another one in it for the second time."""
    space = Workspace(tmp_path / "w")
    for number, name in enumerate("abc"):
        write_wav(tmp_path / f"{name}.wav", tone(1.0, 300 + 40 * number))
    run_step(INGEST, config(tmp_path, "a", "b", "c"), space)
    last = config(tmp_path, "a", "b")
    run_step(INGEST, last, space)
    store(last, space)
    return last, space


def files(space: Workspace) -> set[str]:
    return {space.relative(path) for path in space.root.rglob("*") if path.is_file() and ".run" not in path.parts}


def kinds(unused: list[clean.Unused]) -> Iterator[tuple[str, str]]:
    return ((one.kind, one.path.name) for one in unused)


def test_files_of_rows_that_are_gone_go_and_all_that_a_table_names_stays(
    made: tuple[PipelineConfig, Workspace],
) -> None:
    settings, space = made
    clips = read_table(space.table("ingest", "clips"), Clip)
    unused = find_unused(settings, space)
    orphans = [one for one in unused if one.kind == clean.ORPHANS]
    assert len(orphans) == 1 and orphans[0].path.name.startswith("c-") and orphans[0].size > 1000
    remove(unused, space)
    assert len(clips) == 2
    assert all(hash_file(space.path(clip.audio_path)) == clip.audio_sha256 for clip in clips)
    assert step_state(INGEST, settings, space).finished
    assert run_step(INGEST, settings, space, verify_files=True).new == 0
    assert find_unused(settings, space) == []


def test_superseded_lines_of_a_journal_go_and_the_others_stay(made: tuple[PipelineConfig, Workspace]) -> None:
    settings, space = made
    (journal,) = journal_files(space, "ingest")
    before = {name: entry for name, entry in read_journal(space, "ingest").items() if not name.startswith("c-")}
    (found,) = [one for one in find_unused(settings, space) if one.kind == clean.JOURNALS]
    size = journal.stat().st_size
    remove([found], space)
    assert read_journal(space, "ingest") == before
    assert journal.stat().st_size == size - found.size


def test_a_file_that_any_table_names_stays(made: tuple[PipelineConfig, Workspace]) -> None:
    settings, space = made
    other = space.stage("ablations") / "named.parquet"
    (orphan,) = [one for one in find_unused(settings, space) if one.kind == clean.ORPHANS]
    pq.write_table(pa.table({"audio_path": [space.relative(orphan.path), None]}), other)
    assert not [one for one in find_unused(settings, space) if one.kind == clean.ORPHANS]


def test_a_stage_that_is_not_finished_keeps_its_files(made: tuple[PipelineConfig, Workspace], tmp_path: Path) -> None:
    _, space = made
    write_wav(tmp_path / "d.wav", tone(1.0, 500))
    assert find_unused(config(tmp_path, "a", "b", "d"), space) == []


def test_a_stage_that_reads_rows_which_are_gone_is_passed_over(
    made: tuple[PipelineConfig, Workspace], tmp_path: Path
) -> None:
    _, space = made
    settings = config(tmp_path, "a", "b", captions="A dog barks loudly")
    for name in ("ingest", "mine"):
        run_step(find_step(name), settings, space)
    fewer = config(tmp_path, "a", captions="A dog barks loudly")
    run_step(INGEST, fewer, space)  # the mined row of b is still there
    assert clean.ORPHANS in {one.kind for one in find_unused(fewer, space)}


def test_leftovers_of_killed_runs_and_old_trainings(made: tuple[PipelineConfig, Workspace]) -> None:
    settings, space = made
    remove(find_unused(settings, space), space)
    for name in ("ingest/.tmp-x/a", "ingest/audio/.tmp-y.flac", "ingest/.ledger.sqlite", "ingest/journal/00003.begun"):
        space.path(name).parent.mkdir(parents=True, exist_ok=True)
        space.path(name).write_bytes(b"12345")
    space.path("ingest", "old.parquet").write_bytes(b"12")
    last = space.path("train", "last")
    for name in ("old", "before", "current"):
        (last / name).mkdir(parents=True)
        (last / name / "step_3.safetensors").write_bytes(b"123")
    (last / "current" / "step_1.safetensors.damaged").write_bytes(b"1")
    os.link(last / "old" / "step_3.safetensors", last / "current" / "shared.safetensors")
    write_json(last / "latest.json", {"folders": ["old", "before", "current"]})
    hashes = {name: name[0] * 64 for name in ("old", "before", "current")}
    write_json(space.path("train", "train.json"), {"key": "current", "checkpoint_sha256": hashes["current"]})
    for name in ("old", "before"):
        write_json(last / name / "train.json", {"key": name, "checkpoint_sha256": hashes[name]})
    for sha256 in hashes.values():
        kept_scores(space, sha256).parent.mkdir(parents=True, exist_ok=True)
        kept_scores(space, sha256).write_bytes(b"no table")
    unused = find_unused(settings, space)
    assert set(kinds(unused)) == {
        (clean.TEMPORARY, ".tmp-x"), (clean.TEMPORARY, ".tmp-y.flac"), (clean.TEMPORARY, ".ledger.sqlite"),
        (clean.TEMPORARY, "00003.begun"), (clean.SUPERSEDED, "old.parquet"), (clean.TRAININGS, "old"),
        (clean.TRAININGS, "step_1.safetensors.damaged"), (clean.TRAININGS, kept_scores(space, hashes["old"]).name),
    }  # fmt: skip
    assert {one.path.name: one.size for one in unused}["old"] < 200  # its state has a second name
    assert "old" in unused_text(unused, space) and "in all" in unused_text(unused, space)
    remove(unused, space)
    assert {path.name for path in last.iterdir() if path.is_dir()} == {"before", "current"}
    assert kept_scores(space, hashes["before"]).exists()  # the report compares with the training before
    assert (last / "current" / "shared.safetensors").read_bytes() == b"123"
    assert find_unused(settings, space) == [] and unused_text([], space) == "nothing to remove"


def test_the_only_training_stays_whatever_its_record_says(made: tuple[PipelineConfig, Workspace]) -> None:
    settings, space = made
    (space.path("train", "last") / "somewhere").mkdir(parents=True)
    assert not [one for one in find_unused(settings, space) if one.kind == clean.TRAININGS]


def test_the_command_removes_with_yes_alone_and_waits_for_no_run(
    made: tuple[PipelineConfig, Workspace], capsys: pytest.CaptureFixture[str]
) -> None:
    _, space = made
    before = files(space)
    assert exit_code(["clean", str(space.root)]) == 0
    out = capsys.readouterr().out
    assert clean.ORPHANS in out and "nothing is removed; --yes removes all of it" in out
    assert files(space) == before
    with acquire(space.root, "a run"):
        assert exit_code(["clean", str(space.root), "--yes"]) == 2
    assert "is in use by a run" in capsys.readouterr().err and files(space) == before
    assert exit_code(["clean", str(space.root), "--yes"]) == 0
    assert capsys.readouterr().out.endswith("removed\n")
    assert len(before - files(space)) == 1
    assert exit_code(["clean", str(space.root)]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"


def test_a_folder_that_is_no_workspace_is_one_line(tmp_path: Path) -> None:
    assert exit_code(["clean", str(tmp_path / "none")]) == 2
