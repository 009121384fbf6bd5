"""An item that kills its process twice is quarantined, and no other item is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data_contracts import FoleyGenExError, Quarantine, UsageError, read_table
from tasks.engine import Item, read_journal, run_stage
from tasks.engine.attempts import CRASHED, begun_files, begun_items, forget_begun, noted, run_alone
from tasks.engine.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.tasks.engine.deadly import DEADLY, Deadly


def item(number: int) -> Item:
    return Item(f"item-{number:04d}", {"number": number})


def test_the_note_names_the_item_in_work_and_goes_with_the_shard(tmp_path: Path) -> None:
    items = [Item("a long name", {}), Item("b", {}), Item("\u00e9\n", {})]
    with noted(items, tmp_path / "00000.jsonl") as given:
        assert len(given) == 3 and given[1:] == items[1:]
        assert begun_items(tmp_path) == set()  # a slice is not work
        seen = []
        for one in given:
            seen.append(one)
            assert begun_items(tmp_path) == {one.item_id}
    assert seen == items and begun_files(tmp_path) == []


def test_a_damaged_note_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "00000.begun").write_text('"half')
    (tmp_path / "00001.begun").write_text('"whole"   ')
    assert begun_items(tmp_path) == {"whole"}
    forget_begun(begun_files(tmp_path))
    assert begun_files(tmp_path) == []


def fails() -> None:
    raise UsageError("wrong settings")


def breaks() -> None:
    raise ZeroDivisionError("a fault")


def is_stopped() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("work", "kind", "message"),
    [(fails, UsageError, "wrong settings"), (breaks, FoleyGenExError, "ZeroDivisionError: a fault"),
     (is_stopped, FoleyGenExError, "stopped by signal 15; run again")],
)  # fmt: skip
def test_what_is_not_the_items_fault_ends_the_stage(
    work: Callable[[], None], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as error:
        run_alone("tiny item-0001", work)
    assert type(error.value) is kind


def test_an_item_that_kills_its_process_twice_is_quarantined_and_the_others_are_done(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    command = [sys.executable, "-m", "tests.tasks.engine.deadly", str(tmp_path)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == -signal.SIGKILL
    assert begun_items(space.path("tiny", "journal")) == {f"item-{DEADLY:04d}"}
    summary = run_stage(Deadly(count=12), space, shard_size=4)  # in this process, which lives on
    assert (summary.done, summary.reasons) == (11, {CRASHED: 1})
    (row,) = read_table(space.table("tiny", "quarantine"), Quarantine)
    assert row.item_id == f"item-{DEADLY:04d}" and "died twice, the second time by SIGKILL" in row.message
    assert begun_files(space.path("tiny", "journal")) == []
    retried = run_stage(Deadly(count=12), space, retry=True)  # alone again: this process lives on
    assert (retried.new, retried.reasons) == (1, {CRASHED: 1})
    space.path("healed").touch()
    healed = run_stage(Deadly(count=12), space, retry=True)
    assert (healed.done, healed.new, healed.quarantined) == (12, 1, 0)


def test_an_item_that_was_in_work_by_chance_is_done(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    space.path("healed").touch()
    folder = space.stage("tiny") / "journal"
    folder.mkdir()
    (folder / "00002.begun").write_text(json.dumps("item-0003"))
    (folder / "00001.begun").write_text(json.dumps("gone"))  # an item that is not listed any more
    assert run_stage(Deadly(count=6), space).done == 6
    assert read_journal(space, "tiny")["item-0003"]["rows"]
    assert begun_files(folder) == []
