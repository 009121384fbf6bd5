"""SPEC D4: subsets, captions, lineage, and no group in two splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import Augmented, Caption, Clip, ContractError, Mined, read_table, write_table
from tasks.manifest.rows import clip_row as manifest_row
from tasks.manifest.stage import require_one_split
from tests.tasks.manifest.build import build, run
from tests.tasks.rows import clip_row


def test_d4_clips_and_augmented_audio_become_rows(tmp_path: Path) -> None:
    rows = run(build(tmp_path))
    subsets = {name: [row for row in rows if row.subset == name] for name in ("vta", "tta", "aa")}
    assert [len(part) for part in subsets.values()] == [1, 8, 20]
    assert subsets["vta"][0].video_path and all(row.video_path is None for row in subsets["aa"])
    row = next(row for row in subsets["aa"] if row.level == "very_fast")
    assert (row.caption, row.caption_source, row.dimension) == ("A dog barks very_fast", "llm", "speed")
    assert row.paraphrases == ("A dog barks very_fast, version 1", "A dog barks very_fast, version 2")
    assert {row.level for row in subsets["aa"] if row.caption_source == "original"} == {"fast", "slow"}


def test_augmented_rows_can_be_left_out(tmp_path: Path) -> None:
    assert {row.subset for row in run(build(tmp_path), include_augmented=False)} == {"vta", "tta"}


def test_split_and_group_come_from_the_clip(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    clips = {clip.item_id: clip for clip in read_table(workspace.table("ingest", "clips"), Clip)}
    for row in run(workspace):
        assert (row.split, row.group_id) == (clips[row.clip_id].split, clips[row.clip_id].group_id)


def test_audio_without_a_caption_has_no_row(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("recaption", "captions")
    captions = read_table(path, Caption)
    write_table(path, Caption, captions[1:])
    rows = run(workspace)
    assert captions[0].parent_id not in {row.item_id for row in rows} and len(rows) == 28


def test_a_group_in_two_splits_stops_the_stage(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("ingest", "clips")
    write_table(path, Clip, [*read_table(path, Clip), clip_row("leak", group_id="group-0", split="test")])
    with pytest.raises(ContractError, match=r"group 'group-0' is in train .* and in test .leak.; give it one split"):
        run(workspace)
    assert not workspace.table("manifest", "manifest").exists()


def test_a_parent_that_is_gone_is_named(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("ingest", "clips")
    write_table(path, Clip, [clip for clip in read_table(path, Clip) if clip.item_id != "near-1"])
    with pytest.raises(ContractError, match=r"near-1~distance~far was made from near-1, .* run augment again"):
        run(workspace)


def test_a_mined_row_that_is_gone_is_named(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("mine", "mined")
    write_table(path, Mined, [row for row in read_table(path, Mined) if row.item_id != "fast-0~speed"])
    with pytest.raises(ContractError, match=r"was made from fast-0~speed, .* run augment again"):
        run(workspace)


def test_rows_come_clips_first_in_the_order_of_their_tables(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    clips = [clip.item_id for clip in read_table(workspace.table("ingest", "clips"), Clip)]
    augmented = [row.item_id for row in read_table(workspace.table("augment", "augmented"), Augmented)]
    assert [row.item_id for row in run(workspace)] == clips + augmented


def test_a_changed_caption_changes_its_row_alone(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    before = {row.item_id: row for row in run(workspace)}
    path = workspace.table("recaption", "captions")
    captions = read_table(path, Caption)
    captions[3] = replace(captions[3], caption="A cat meows")
    write_table(path, Caption, captions)
    changed = [row for row in run(workspace) if row != before[row.item_id]]
    assert [(row.item_id, row.caption) for row in changed] == [(captions[3].parent_id, "A cat meows")]


def test_a_manifest_of_nothing_is_empty(tmp_path: Path) -> None:
    workspace = build(tmp_path, per_side=0)
    rows = run(workspace)
    assert [row.subset for row in rows] == ["vta"]
    write_table(workspace.table("ingest", "clips"), Clip, [])
    assert run(workspace) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["train", "val", "test"])), max_size=8))
def test_a_group_is_refused_exactly_when_it_is_in_two_splits(members: list[tuple[int, str]]) -> None:
    rows = [
        manifest_row(clip_row(f"clip-{number}", group_id=f"group-{group}", split=split))
        for number, (group, split) in enumerate(members)
    ]
    splits = {group: {split for other, split in members if other == group} for group, _ in members}
    if all(len(found) == 1 for found in splits.values()):
        require_one_split(rows)
    else:
        with pytest.raises(ContractError, match="give it one split"):
            require_one_split(rows)


def test_a_second_run_gives_the_same_table(tmp_path: Path) -> None:
    assert run(build(tmp_path / "a")) == run(build(tmp_path / "b"))
    paths = [tmp_path / name / "manifest" / "manifest.parquet" for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(read_table(tmp_path / "a" / "augment" / "augmented.parquet", Augmented)) == 20
