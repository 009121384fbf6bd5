"""The mining stage: rows for training captions that name a side; captions that name none are done, without rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import Clip, Mined, WeightsError, read_table, write_table
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.mine.config import MineConfig
from tasks.mine.miner import RuleMiner
from tasks.mine.parser import ParseMiner
from tasks.mine.stage import MineStage
from tests.tasks.rows import clip_row


def test_only_training_captions_that_name_a_side_become_rows(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    captions = {
        "a": ("A dog barks loudly nearby", "train"),
        "b": ("A dog barks", "train"),
        "c": ("A cat meows slowly", "test"),
        "d": ("A loud horn and a quiet horn", "train"),
    }
    clips = [clip_row(name, caption=caption, split=split) for name, (caption, split) in captions.items()]
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    summary = run_stage(MineStage(MineConfig()), workspace)
    rows = read_table(workspace.table("mine", "mined"), Mined)
    assert (summary.done, summary.quarantined) == (3, 0)
    assert [(r.item_id, r.parent_id, r.side, r.words) for r in rows] == [
        ("a~volume", "a", "loud", "loudly"),
        ("a~distance", "a", "near", "nearby"),
    ]
    everything = MineStage(MineConfig(splits=("train", "test")))
    assert run_stage(everything, workspace).new == 1


def test_a_changed_caption_is_mined_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for caption, side in (("A fast drum", "fast"), ("A slow drum", "slow")):
        write_table(workspace.table("ingest", "clips"), Clip, [clip_row("a", caption=caption)])
        run_stage(MineStage(MineConfig()), workspace)
        assert [r.side for r in read_table(workspace.table("mine", "mined"), Mined)] == [side]


def test_a_shard_is_mined_in_one_batch_and_rows_say_by_what(parser: ParseMiner, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    captions = ["A quiet room with a loud clock", "A dog barks", "Nothing loud happens", "Slow steps far off"]
    clips = [clip_row(f"c{number}", caption=caption) for number, caption in enumerate(captions)]
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    run_stage(MineStage(MineConfig(parser="spacy")), workspace)
    rows = read_table(workspace.table("mine", "mined"), Mined)
    assert [(r.parent_id, r.side) for r in rows] == [("c0", "loud"), ("c3", "slow"), ("c3", "far")]
    assert {r.method for r in rows} == {parser.method}
    summary = run_stage(MineStage(MineConfig(parser="rules")), workspace)
    assert summary.new == len(captions)  # another method mines again
    assert {r.method for r in read_table(workspace.table("mine", "mined"), Mined)} == {RuleMiner.method}


@pytest.mark.parametrize("choice", ["spacy", "rules"])
def test_a_row_has_the_place_of_its_words_whatever_mined_it(parser: ParseMiner, tmp_path: Path, choice: str) -> None:
    workspace = Workspace(tmp_path)
    captions = ["Distant thunder", "A dog barks\tvery  LOUDLY nearby", "İstanbul’s clock ticks at a slow pace."]
    clips = [clip_row(f"c{number}", caption=caption) for number, caption in enumerate(captions)]
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    run_stage(MineStage(MineConfig(parser=choice)), workspace)
    rows = read_table(workspace.table("mine", "mined"), Mined)
    assert [row.side for row in rows] == ["far", "loud", "near", "slow"]
    for row in rows:
        assert row.caption[row.start : row.end] == row.words
        assert row.pos in ("adverb", "adjective", "phrase")
        assert row.item_id == f"{row.parent_id}~{row.dimension}"


def test_without_the_model_auto_mines_by_rules_and_says_so(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    workspace = Workspace(tmp_path)
    write_table(workspace.table("ingest", "clips"), Clip, [clip_row("a", caption="A loud bang")])
    with caplog.at_level("WARNING"):
        run_stage(MineStage(MineConfig()), workspace)
    assert "mined by rules" in caplog.text
    (row,) = read_table(workspace.table("mine", "mined"), Mined)
    assert row.method == RuleMiner.method
    with pytest.raises(WeightsError, match="fetch-parser"):
        run_stage(MineStage(MineConfig(parser="spacy")), workspace)
