"""The base class of the steps: its stated defaults, how items become results, and the line of a summary."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from data_contracts import ItemError
from tasks.engine import Item, Stage, StageState, StageSummary, each, hashed_files
from tasks.engine.progress import silent
from tasks.engine.quality import Share
from tasks.engine.workspace import Workspace
from tests.tasks.engine.test_marker import Single
from tests.tasks.engine.tiny import TinyRow, TinyStage


def test_a_stage_must_say_what_it_does() -> None:
    with pytest.raises(TypeError, match=r"abstract methods? items, process, settings"):
        Stage()  # type: ignore[abstract]


def test_the_defaults_are_a_plain_stage_of_items(tmp_path: Path) -> None:
    stage, space = TinyStage(), Workspace(tmp_path)
    assert (stage.row_wise, stage.large_shards, stage.single) == (False, False, False)
    assert (stage.outputs(space), stage.item_files({}), stage.programs(), stage.on_finished(space)) == ({}, {}, (), "")
    row = TinyRow(item_id="a", value=1, share=0.5, words=("x",), note=None)
    assert stage.assemble([row.to_dict()], space) == [row]
    assert stage.with_progress(lambda *_: None) is stage


def test_stages_can_be_sent_to_other_processes() -> None:
    for stage in (TinyStage(bad=(1,)), Single(text="x")):
        assert pickle.loads(pickle.dumps(stage)) == stage


def test_a_single_item_is_the_whole_work(tmp_path: Path) -> None:
    seen: list[Any] = []
    stage = Single(text="x").with_progress(lambda *given: seen.append(given))
    stage_folder = Workspace(tmp_path).stage("single")
    (item,) = stage.items(Workspace(tmp_path))
    (result,) = stage.process([item], Workspace(tmp_path))
    assert (item.item_id, result.item_id, len(result.rows)) == ("single", "single", 1)
    assert seen == [(1, 1, "x")] and (stage_folder / "out.txt").exists()
    assert Single().on_progress is silent


def test_an_item_error_is_a_result_and_any_other_error_stops() -> None:
    def work(item: Item) -> list[TinyRow]:
        if item.item_id == "bad":
            raise ItemError("silent", "nothing can be heard")
        if item.item_id == "bug":
            raise ZeroDivisionError
        return [TinyRow(item_id=item.item_id, value=1, share=0.5, words=(), note=None)]

    results = each([Item(name, {}) for name in ("good", "bad", "bug")], work)
    good, bad = next(results), next(results)
    assert good.error is None and [row["item_id"] for row in good.rows] == ["good"]
    assert bad.rows == () and bad.error is not None and bad.error.reason == "silent"
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_files_of_a_row_are_those_of_its_columns() -> None:
    row = {"audio_path": "a.flac", "audio_sha256": "1", "video_path": None, "video_sha256": None, "other_path": "x"}
    assert hashed_files(row, "audio", "video") == {"a.flac": "1"}
    assert hashed_files({**row, "video_path": "v.mp4", "video_sha256": "2"}, "audio", "video") == {
        "a.flac": "1",
        "v.mp4": "2",
    }


def test_a_summary_is_one_line() -> None:
    summary = StageSummary(stage="mine", done=3, new=2, rows=4)
    assert summary.line() == "mine: 3 of 3 items done (2 now), 4 rows"
    summary = StageSummary(stage="mine", done=3, quarantined=3, reasons={"silent": 1, "not_audio": 2}, note="a note")
    failed = "3 quarantined, 50 % (2 not_audio, 1 silent)"
    assert summary.line() == f"mine: 3 of 6 items done (0 now), 0 rows; {failed}; a note"
    by_rules = Share("written by rules", 1, 4, 0.5, "llm.accept_rules", fallbacks=True)
    summary = StageSummary(stage="recaption", done=4, rows=4, shares=[by_rules, Share("quarantined", 0, 4, 0.5, "x.y")])
    assert summary.line() == "recaption: 4 of 4 items done (0 now), 4 rows; 1 of 4 written by rules (25 %)"
    assert StageSummary(stage="train", done=1, rows=1).line() == "train: 1 of 1 item done (0 now), 1 row"


@pytest.mark.parametrize(
    ("pending", "note", "finished"),
    [(0, "", True), (1, "", False), (None, "", False), (0, "table to be written", False)],
)
def test_finished_is_nothing_pending_and_nothing_to_say(pending: int | None, note: str, finished: bool) -> None:
    assert StageState(name="mine", pending=pending, note=note).finished is finished
