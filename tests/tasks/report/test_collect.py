"""What the report reads: every table that is there, a note for every other one, weights and tool versions."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from data_contracts import Generated, Row, read_table, write_table
from tasks.engine.workspace import Workspace
from tasks.report.collect import STAGES, Collected, collect, parse_json
from tests.tasks.rows import augmented_row, clip_row


@pytest.fixture
def copy(workspace: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(workspace.root, tmp_path / "copy")))


def test_every_stage_has_its_table_in_a_field_of_the_input() -> None:
    fields = {field.name for field in dataclasses.fields(Collected)}
    assert {name for name, _, _ in STAGES.values()} <= fields
    assert all(issubclass(row_type, Row) and does for _, row_type, does in STAGES.values())


def test_all_tables_of_a_finished_run_are_read_without_a_note(found: Collected) -> None:
    assert found.notes == {}
    assert all(getattr(found, name) for name, _, _ in STAGES.values())
    assert [row.step for row in found.metrics] == sorted(row.step for row in found.metrics)
    assert {row.stage for row in found.quarantine} == {"ingest", "augment"}


def test_an_empty_workspace_has_a_note_per_stage(tmp_path: Path) -> None:
    found = collect(Workspace(tmp_path))
    for stage, (_, row_type, _) in STAGES.items():
        assert found.note(row_type.TABLE) == f"The {stage} stage has not run yet."
    assert all(stage.rows is None and stage.done is None for stage in found.stages)
    assert (found.weights, found.tools, found.quarantine) == ([], [], [])


def test_the_first_of_several_notes_is_given() -> None:
    found = Collected(notes={"captions": "first", "paraphrases": "second"})
    assert found.note("augmented", "captions", "paraphrases") == "first"
    assert found.note("augmented") is None


def test_a_broken_table_is_a_note_without_the_workspaces_folder(copy: Workspace) -> None:
    copy.table("mine", "mined").write_bytes(b"not parquet")
    copy.table("ingest", "quarantine").write_bytes(b"not parquet")
    found = collect(copy)
    for name in ("mined", "quarantine"):
        assert "cannot be read" in found.notes[name] and str(copy.root) not in found.notes[name]
    assert found.mined == [] and found.quarantine == [] and found.clips


def test_an_empty_table_is_told_from_a_missing_one(copy: Workspace) -> None:
    _, row_type, _ = STAGES["paraphrase"]
    write_table(copy.table("paraphrase", row_type.TABLE), row_type, [])
    found = collect(copy)
    assert found.note("paraphrases") == "The paraphrase stage has finished and its table is empty."
    assert next(stage.rows for stage in found.stages if stage.name == "paraphrase") == 0


@pytest.mark.parametrize("marker", ["", "[]", "{", '{"summary": 3}', '{"summary": {"done": "many"}}', "\x00"])
def test_counts_fall_back_to_the_table_when_the_summary_cannot_be_read(copy: Workspace, marker: str) -> None:
    copy.path("mine", "stage.json").write_text(marker)
    (mine,) = [stage for stage in collect(copy).stages if stage.name == "mine"]
    assert mine.done is None and mine.rows == 8


def test_counts_come_from_the_summary_and_the_quarantine(found: Collected) -> None:
    counts = {stage.name: stage for stage in found.stages}
    assert list(counts) == list(STAGES)
    assert (counts["ingest"].rows, counts["ingest"].done, counts["ingest"].quarantined) == (8, 8, 3)
    assert counts["augment"].quarantined == 1 and counts["mine"].quarantined == 0


def test_each_component_is_listed_once_with_the_network(found: Collected) -> None:
    assert [(weights.role, weights.placeholder) for weights in found.weights] == [
        ("clip", True), ("codec", True), ("network", False), ("sync", True), ("text", True),
    ]  # fmt: skip


def test_the_networks_weights_are_named_as_everywhere_in_the_report(copy: Workspace) -> None:
    path = copy.table("generate", "generated")
    rows = read_table(path, Generated)
    other = dataclasses.replace(rows[0], item_id="other", checkpoint="builtin", checkpoint_sha256="f" * 64)
    write_table(path, Generated, [*rows, other])
    networks = [(weights.name, weights.sha256[0]) for weights in collect(copy).weights if weights.role == "network"]
    assert networks == [("shipped weights", "f"), ("trained in this run", "d")]


def test_a_component_used_with_two_hashes_is_listed_twice(copy: Workspace) -> None:
    header = copy.path("precompute", "features.json")
    specs = json.loads(header.read_text())
    specs["specs"]["codec"]["weights_sha256"] = "e" * 64
    header.write_text(json.dumps(specs))
    assert [weights.sha256[0] for weights in collect(copy).weights if weights.role == "codec"] == ["a", "e"]


def test_tools_used_in_two_versions_have_both(copy: Workspace) -> None:
    clip = clip_row("a", tools_json='{"ffmpeg": "5.1", "sox": "14.4"}')
    _, clip_type, _ = STAGES["ingest"]
    _, augmented_type, _ = STAGES["augment"]
    write_table(copy.table("ingest", "clips"), clip_type, [clip, clip_row("b", tools_json="broken")])
    rows = [augmented_row(clip, "speed", "fast", "fast", tools_json='{"ffmpeg": "6.0"}')]
    write_table(copy.table("augment", "augmented"), augmented_type, rows)
    assert collect(copy).tools == [("ffmpeg", "5.1, 6.0"), ("sox", "14.4")]


@pytest.mark.parametrize(("text", "value"), [('{"a": 1}', {"a": 1}), ("plain", "plain"), ("", ""), (None, None)])
def test_text_that_is_not_json_stays_text(text: str | None, value: object) -> None:
    assert parse_json(text) == value
