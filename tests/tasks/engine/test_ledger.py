"""The ledger: which items are unfinished, in which shards, and where the results of the others are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_contracts import ItemError, UsageError
from tasks.engine import ItemResult, run_shard
from tasks.engine.journal import appended, line_of
from tasks.engine.ledger import Ledger, fingerprint_of, items_of, ledger_of
from tasks.engine.workspace import Workspace
from tests.tasks.engine.tiny import TinyStage

STAGE = TinyStage(count=5)


@contextmanager
def made(folder: Path, stage: TinyStage = STAGE) -> Iterator[Ledger]:
    with ledger_of(stage, Workspace(folder), folder / "ledger.sqlite") as ledger:
        yield ledger


def record(folder: Path, name: str, *, key: str = "", failed: bool = False, run: int = 1) -> None:
    """Adds an item's result to the journal, under its right key unless one is given."""
    with made(folder) as ledger:
        (known,) = ledger.base.execute("SELECT key FROM item WHERE item_id = ?", (name,)).fetchone()
    error = ItemError("bad", "why") if failed else None
    with appended(Workspace(folder).stage("tiny") / "journal" / f"{run}.jsonl") as journal:
        journal.write(line_of(ItemResult(name, rows=({"n": name},), error=error), key or known, run))


def test_only_results_under_the_items_key_count(tmp_path: Path) -> None:
    record(tmp_path, "item-0001")
    record(tmp_path, "item-0002", key="of other settings")
    record(tmp_path, "item-0003", failed=True)
    with made(tmp_path) as ledger:
        assert ledger.counts() == {"done": 1, "quarantined": 1, "pending": 3}
        assert [entry["item_id"] for entry in ledger.entries()] == ["item-0001"]
        assert [entry["item_id"] for entry in ledger.failures()] == ["item-0003"]
        with pytest.raises(UsageError, match="stage tiny: item item-0000 is unfinished; run the stage again"):
            ledger.require_complete()


@pytest.mark.parametrize("retry", [False, True])
def test_shards_are_the_unfinished_items_in_order(tmp_path: Path, retry: bool) -> None:
    record(tmp_path, "item-0001")
    record(tmp_path, "item-0003", failed=True, run=4)
    with made(tmp_path) as ledger:
        shards = ledger.shards(size=2, retry=retry)
        items, keys = zip(*(items_of(shard) for shard in shards), strict=True)
        names = [item.item_id for part in items for item in part]
        assert names == ["item-0000", "item-0002", *(["item-0003"] if retry else []), "item-0004"]
        assert {shard.run for shard in shards} == {5} and [name for part in keys for name in part] == names
        assert items[0][0].payload == {"number": 0, "text": "text 0"}


def test_forgotten_items_are_unfinished_until_they_are_done_again(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    with made(tmp_path) as ledger:
        for shard in ledger.shards(size=5, retry=False):
            run_shard(STAGE, space, shard)
        ledger.update()
        ledger.require_complete()
        ledger.forget(["item-0002", "unknown"])
        assert ledger.counts() == {"done": 4, "quarantined": 0, "pending": 1}
        (shard,) = ledger.shards(size=5, retry=False)
        assert run_shard(STAGE, space, shard) == 1
        ledger.update()
        assert ledger.counts()["pending"] == 0
        assert [entry["run"] for entry in ledger.entries()] == [1, 1, 2, 1, 1]


def test_the_fingerprint_is_that_of_the_items_in_their_order(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    with made(tmp_path) as ledger:
        assert ledger.fingerprint == fingerprint_of(STAGE, space)
    stages = [
        STAGE,
        TinyStage(count=4),
        TinyStage(count=5, factor=3),
        TinyStage(texts=("b", "a")),
        TinyStage(texts=("a", "b")),
    ]
    assert len({fingerprint_of(stage, space) for stage in stages}) == len(stages)


def test_the_file_goes_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), made(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
