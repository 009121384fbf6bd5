"""SPEC D4: subsets, captions, lineage, and no group on two sides of a split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_contracts import Augmented, Caption, Clip, ContractError, read_table, write_table
from tests.tasks.manifest.build import build, run
from tests.tasks.rows import clip_row


def test_d4_clips_and_augmented_sounds_become_rows(tmp_path: Path) -> None:
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


def test_lineage_reaches_from_the_source_file_to_the_row(tmp_path: Path) -> None:
    row = next(row for row in run(build(tmp_path)) if row.level == "crescendo")
    lineage = json.loads(row.lineage_json)
    assert list(lineage) == ["augmented", "caption", "clip", "mined", "paraphrases", "source"]
    assert lineage["source"] == {"corpus": "test", "path": "loud-0.wav", "sha256": "0" * 64, "start_s": 0.0}
    assert lineage["mined"]["side"] == "loud" and lineage["augmented"]["level"] == "crescendo"
    assert lineage["augmented"]["recipe"] == {"factor": 1.3} and len(lineage["paraphrases"]) == 2


def test_what_is_known_of_a_scene_is_dropped_where_the_change_made_it_false(tmp_path: Path) -> None:
    rows = {row.item_id: json.loads(row.attributes_json) for row in run(build(tmp_path)) if row.subset == "aa"}
    assert "rate_hz" in rows["fast-0~speed~fast"] and "rate_hz" not in rows["fast-0~speed~very_fast"]
    assert "distance_m" not in rows["near-0~distance~far"] and rows["near-0~distance~far"]["material"] == "wood"
    assert "volume" not in rows["loud-0~volume~crescendo"] and "rate_hz" in rows["loud-0~volume~crescendo"]


def test_a_sound_without_a_caption_has_no_row(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("recaption", "captions")
    captions = read_table(path, Caption)
    write_table(path, Caption, captions[1:])
    rows = run(workspace)
    assert captions[0].parent_id not in {row.item_id for row in rows} and len(rows) == 28


def test_a_group_on_two_sides_stops_the_stage(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("ingest", "clips")
    write_table(path, Clip, [*read_table(path, Clip), clip_row("leak", group_id="group-0", split="test")])
    with pytest.raises(ContractError, match="group-0"):
        run(workspace)


def test_a_parent_that_is_gone_is_named(tmp_path: Path) -> None:
    workspace = build(tmp_path)
    path = workspace.table("ingest", "clips")
    write_table(path, Clip, [clip for clip in read_table(path, Clip) if clip.item_id != "near-1"])
    with pytest.raises(ContractError, match="near-1"):
        run(workspace)


def test_a_second_run_gives_the_same_table(tmp_path: Path) -> None:
    assert run(build(tmp_path / "a")) == run(build(tmp_path / "b"))
    paths = [tmp_path / name / "manifest" / "manifest.parquet" for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(read_table(tmp_path / "a" / "augment" / "augmented.parquet", Augmented)) == 20
