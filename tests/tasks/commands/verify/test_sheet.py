"""SPEC A8: the stratified draw, safe in a spreadsheet, and honest about a manifest that has changed."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from data_contracts import ManifestRow, UsageError, read_table, write_table
from tasks.commands.verify.sheet import read_sheet, stale_entries, write_sheet
from tests.tasks.commands.verify.build import verified


def test_a8_the_three_hundred_by_stratum(tmp_path: Path) -> None:
    workspace = verified(tmp_path, per_side=55)
    write_sheet(workspace, 7)
    counts = Counter(entry.stratum for entry in read_sheet(workspace))
    speeds = dict.fromkeys(("speed very_fast", "speed fast", "speed medium", "speed slow", "speed very_slow"), 20)
    assert counts == speeds | dict.fromkeys(("near source", "loud source", "crescendo", "decrescendo"), 50)
    assert counts.total() == 300


def test_a8_fewer_rows_than_asked_are_all_taken_and_the_seed_draws(tmp_path: Path) -> None:
    workspace = verified(tmp_path, per_side=30)
    first = write_sheet(workspace, 1).read_bytes()
    assert Counter(entry.stratum for entry in read_sheet(workspace))["near source"] == 30
    assert write_sheet(workspace, 1).read_bytes() == first != write_sheet(workspace, 2).read_bytes()


def test_an_entry_says_what_was_and_what_is(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    write_sheet(workspace, 1)
    entry = next(entry for entry in read_sheet(workspace) if entry.stratum == "crescendo")
    assert entry.item_id.endswith("~volume~crescendo") and entry.level == "crescendo"
    assert entry.caption_before == "A dog barks" and entry.caption == "A dog barks crescendo"
    assert entry.audio_before.startswith("ingest/audio/loud-") and entry.audio_path.startswith("augment/audio/")


def test_rows_that_changed_since_the_draw_are_named(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    write_sheet(workspace, 1)
    entries = read_sheet(workspace)
    assert stale_entries(workspace, entries) == []
    path = workspace.table("manifest", "manifest")
    rows = read_table(path, ManifestRow)
    changed = [
        ManifestRow(**{**row.__dict__, "audio_sha256": "9" * 64}) if row.item_id == entries[0].item_id else row
        for row in rows
        if row.item_id != entries[1].item_id
    ]
    write_table(path, ManifestRow, changed)
    assert stale_entries(workspace, entries) == entries[:2]


def test_without_augmented_rows_there_is_nothing_to_verify(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    path = workspace.table("manifest", "manifest")
    write_table(path, ManifestRow, [row for row in read_table(path, ManifestRow) if row.subset != "aa"])
    with pytest.raises(UsageError, match="no augmented row"):
        write_sheet(workspace, 1)


def test_hostile_captions_come_back_as_they_were(tmp_path: Path) -> None:
    hostile = '=HYPERLINK("http://x"),"quoted"\nand a line'
    workspace = verified(tmp_path, caption=hostile)
    path = write_sheet(workspace, 1)
    assert read_sheet(workspace)[0].caption_before == hostile
    with path.open(newline="") as file:
        assert all(not cell.startswith("=") for row in csv.reader(file) for cell in row)


def test_a_sheet_without_a_column_is_named(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    path = write_sheet(workspace, 1)
    path.write_text("stratum,item_id\nx,y\n")
    with pytest.raises(UsageError, match="line 2: column 'level' is missing"):
        read_sheet(workspace)
