"""The engine: the same tables whatever the shards, workers, kills and reruns."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data_contracts import Quarantine, UsageError, read_table
from data_contracts.files import hash_file
from tasks.engine import (
    Item,
    ItemResult,
    Shard,
    StageState,
    is_stage_finished,
    read_journal,
    read_quarantine,
    run_shard,
    run_stage,
    stage_state,
)
from tasks.engine import run as engine_run
from tasks.engine.ledger import ledger_of
from tasks.engine.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.tasks.engine.tiny import TinyRow, TinyStage

KILLED = TinyStage(count=60, bad=(7, 31), delay_s=0.01)  # what `python -m tests.tasks.engine.tiny` runs


def workspace(folder: Path) -> Workspace:
    return Workspace(folder)


def content(space: Workspace, stage: str = "tiny") -> dict[str, str]:
    """Everything the stage leaves for others: tables and files, not the journal."""
    folder = space.path(stage)
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix in (".parquet", ".txt")]
    return {space.relative(path): hash_file(path) for path in paths}


def journal_lines(space: Workspace) -> int:
    return sum(path.read_bytes().count(b"\n") for path in space.path("tiny", "journal").glob("*.jsonl"))


def test_a_run_writes_all_rows_in_item_order(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    summary = run_stage(TinyStage(count=10), space, shard_size=3)
    rows = read_table(space.table("tiny", "tinies"), TinyRow)
    assert [row.value for row in rows] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert (summary.done, summary.new, summary.rows, summary.quarantined) == (10, 10, 10, 0)


@pytest.mark.parametrize("shard_size", [1, 7, 1000])
def test_shard_size_does_not_matter(tmp_path: Path, shard_size: int) -> None:
    run_stage(TinyStage(bad=(3,)), workspace(tmp_path / "a"), shard_size=8)
    run_stage(TinyStage(bad=(3,)), workspace(tmp_path / "b"), shard_size=shard_size)
    assert content(workspace(tmp_path / "a")) == content(workspace(tmp_path / "b"))


def pooled(pool: Any) -> Callable[[Callable[[Shard], int], Sequence[Shard]], Iterator[int]]:
    def mapper(function: Callable[[Shard], int], shards: Sequence[Shard]) -> Iterator[int]:
        with pool:
            yield from pool.map(function, shards)

    return mapper


def test_threads_processes_and_serial_give_the_same_bytes(tmp_path: Path) -> None:
    stage = TinyStage(bad=(5, 20))
    run_stage(stage, workspace(tmp_path / "serial"), shard_size=8)
    run_stage(stage, workspace(tmp_path / "threads"), shard_size=8, mapper=pooled(ThreadPoolExecutor(4)))
    processes = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    run_stage(stage, workspace(tmp_path / "processes"), shard_size=8, mapper=pooled(processes))
    expected = content(workspace(tmp_path / "serial"))
    assert content(workspace(tmp_path / "threads")) == expected
    assert content(workspace(tmp_path / "processes")) == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_it_continues_to_the_same_bytes(tmp_path: Path, seed: int) -> None:
    run_stage(KILLED, workspace(tmp_path / "whole"), shard_size=8)
    space, chance = workspace(tmp_path / "killed"), random.Random(seed)
    kills = 0
    for share in sorted(chance.sample(range(1, 55), 3)):
        kills += _run_and_kill(space, at_lines=share)
    lines = journal_lines(space)
    summary = run_stage(KILLED, space, shard_size=8)
    assert kills == 3 and summary.new <= 60 - lines + 3  # at most a half-written line per kill is done again
    assert content(space) == content(workspace(tmp_path / "whole"))


def _run_and_kill(space: Workspace, *, at_lines: int) -> int:
    command = [sys.executable, "-m", "tests.tasks.engine.tiny", str(space.root)]
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    while process.poll() is None and journal_lines(space) < at_lines:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    return int(process.wait() == -signal.SIGKILL)


def test_a_killed_run_leaves_no_table(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    assert _run_and_kill(space, at_lines=10)
    assert not space.table("tiny", "tinies").exists()
    assert (stage_state(KILLED, space).pending or 0) > 0


def test_a_half_journal_line_is_passed_over(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(), space, shard_size=8)
    before = content(space)
    path = space.path("tiny", "journal", "00000.jsonl")
    path.write_bytes(path.read_bytes()[:-25])
    space.table("tiny", "tinies").unlink()
    summary = run_stage(TinyStage(), space, shard_size=8)
    assert summary.new == 1 and content(space) == before
    assert len(read_journal(space, "tiny")) == 40


@pytest.mark.parametrize("garbage", [b"\x00\xff\xfe\n", b"[]\n", b'{"item_id": 1}\n', b"null\n"])
def test_garbage_in_the_journal_is_passed_over(tmp_path: Path, garbage: bytes) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(count=4), space)
    path = space.path("tiny", "journal", "00000.jsonl")
    path.write_bytes(garbage + path.read_bytes())
    space.table("tiny", "tinies").unlink()
    assert run_stage(TinyStage(count=4), space).new == 0


def test_a_finished_stage_returns_at_once(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(), space)
    modified = space.table("tiny", "tinies").stat().st_mtime_ns
    summary = run_stage(TinyStage(), space)
    assert (summary.new, summary.rows) == (0, 40)
    assert space.table("tiny", "tinies").stat().st_mtime_ns == modified
    assert is_stage_finished(TinyStage(), space)


def test_a_changed_setting_redoes_all(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(), space)
    assert not is_stage_finished(TinyStage(factor=3), space)
    assert run_stage(TinyStage(factor=3), space).new == 40
    run_stage(TinyStage(factor=3), workspace(tmp_path / "fresh"))
    assert content(space) == content(workspace(tmp_path / "fresh"))


def test_a_setting_changed_back_is_done_again(tmp_path: Path) -> None:
    """The old journal lines do not count: their files have been replaced."""
    space = workspace(tmp_path)
    run_stage(TinyStage(), space)
    before = content(space)
    run_stage(TinyStage(factor=3), space)
    assert run_stage(TinyStage(), space).new == 40
    assert content(space) == before


def test_a_changed_item_is_redone_alone(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(texts=("a", "b", "c")), space)
    assert run_stage(TinyStage(texts=("a", "changed", "c", "new")), space).new == 2
    assert run_stage(TinyStage(texts=("a",)), space).new == 0
    assert len(read_table(space.table("tiny", "tinies"), TinyRow)) == 1


def test_the_order_of_runs_decides_not_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(count=3), space)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert run_stage(TinyStage(count=3, factor=5), space).new == 3


def test_bad_items_are_quarantined_and_the_rest_completes(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    summary = run_stage(TinyStage(bad=(2, 9)), space)
    assert (summary.done, summary.quarantined, summary.reasons) == (38, 2, {"unlucky": 2})
    failures = read_table(space.table("tiny", "quarantine"), Quarantine)
    assert [(f.item_id, f.reason, f.message) for f in failures] == [
        ("item-0002", "unlucky", "number 2 is bad"),
        ("item-0009", "unlucky", "number 9 is bad"),
    ]
    assert read_quarantine(space) == failures
    assert "2 quarantined, 5 % (2 unlucky)" in summary.line()


def test_retry_runs_just_the_quarantined(tmp_path: Path) -> None:
    space, stage = workspace(tmp_path), TinyStage(bad=(2, 9))
    run_stage(stage, space)
    assert run_stage(stage, space).new == 0
    assert run_stage(stage, space, retry=True).quarantined == 2
    space.path("healed").touch()
    summary = run_stage(stage, space, retry=True)
    assert (summary.new, summary.quarantined, summary.done) == (2, 0, 40)
    run_stage(TinyStage(), workspace(tmp_path / "fresh"))
    assert content(space) == content(workspace(tmp_path / "fresh"))


def test_state_counts(tmp_path: Path) -> None:
    space, stage = workspace(tmp_path), TinyStage(bad=(1,))
    assert stage_state(stage, space) == StageState(name="tiny", pending=40)
    with ledger_of(stage, space, tmp_path / "ledger.sqlite") as ledger:
        shards = ledger.shards(size=15, retry=False)
        assert [shard.size for shard in shards] == [15, 15, 10]
        assert run_shard(stage, space, shards[0]) == 15
    assert not (tmp_path / "ledger.sqlite").exists()
    assert stage_state(stage, space) == StageState(name="tiny", done=14, quarantined=1, pending=25)


def test_duplicate_ids_are_refused(tmp_path: Path) -> None:
    class Twice(TinyStage):
        def items(self, workspace: Workspace) -> list[Item]:
            return [Item("same", {"number": 0, "text": ""})] * 2

    with pytest.raises(UsageError, match="'same' repeats"):
        run_stage(Twice(), workspace(tmp_path))


def test_an_item_without_a_result_is_unfinished(tmp_path: Path) -> None:
    class Forgetful(TinyStage):
        def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
            yield from super().process(items[1:], workspace)

    with pytest.raises(UsageError, match="item-0000 is unfinished"):
        run_stage(Forgetful(), workspace(tmp_path))
    assert not workspace(tmp_path).table("tiny", "tinies").exists()


def test_an_unexpected_error_stops_the_stage_and_keeps_what_is_done(tmp_path: Path) -> None:
    class Broken(TinyStage):
        def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
            yield from super().process(items[:5], workspace)
            raise ZeroDivisionError

    space = workspace(tmp_path)
    with pytest.raises(ZeroDivisionError):
        run_stage(Broken(), space)
    assert run_stage(TinyStage(), space).new == 35


def test_only_one_process_runs_a_stage(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    process = subprocess.Popen([sys.executable, "-m", "tests.tasks.engine.tiny", str(tmp_path)], cwd=REPOSITORY)
    try:
        while journal_lines(space) < 2 and process.poll() is None:
            time.sleep(0.005)
        with pytest.raises(UsageError, match="another process"):
            run_stage(KILLED, space)
    finally:
        process.kill()
        process.wait()
    assert run_stage(KILLED, space).quarantined == 2


def test_an_empty_stage_writes_empty_tables(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    assert run_stage(TinyStage(count=0), space).rows == 0
    assert read_table(space.table("tiny", "tinies"), TinyRow) == []


def test_untrusted_text_survives_the_journal(tmp_path: Path) -> None:
    texts = ("ein Hünd bellt 犬", "line\nbreak \r\u2028 end", '"quoted" \\ {}', "🔊 " * 50)
    space = workspace(tmp_path)
    run_stage(TinyStage(texts=texts), space)
    rows = read_table(space.table("tiny", "tinies"), TinyRow)
    assert [row.words for row in rows] == [tuple(text.split()) for text in texts]


def test_journal_lines_are_json(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    run_stage(TinyStage(count=3, bad=(1,)), space)
    lines = space.path("tiny", "journal", "00000.jsonl").read_text().splitlines()
    assert [("error" in entry, "rows" in entry) for entry in map(json.loads, lines)] == [
        (False, True),
        (True, False),
        (False, True),
    ]


@dataclass(frozen=True)
class Endless(TinyStage):
    """Items that are nowhere but in the ledger, and rows of no file."""

    row_wise: ClassVar[bool] = True

    def items(self, workspace: Workspace) -> Iterator[Item]:
        return (Item(f"item-{n:06d}", {"number": n, "text": "x" * 500}) for n in range(self.count))

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        for item in items:
            row = TinyRow(item_id=item.item_id, value=item.payload["number"], share=0.5, words=("x",), note=None)
            yield ItemResult(item.item_id, rows=(row.to_dict(),))


def test_memory_does_not_grow_with_the_number_of_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an item of 500 bytes and its row only the id stays: 3,000 items more cost under 150 bytes each."""
    monkeypatch.setattr(engine_run, "_BATCH_ROWS", 250)
    peaks = []
    for count in (300, 1000, 4000):  # the first loads modules
        tracemalloc.start()
        assert run_stage(Endless(count=count), workspace(tmp_path / str(count)), shard_size=100).rows == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 150 * 3000


@pytest.mark.parametrize("name", ["a b", "100%", "what?#now", "søt;1"])
def test_a_workspace_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert run_stage(TinyStage(count=5), workspace(tmp_path / name), shard_size=2).rows == 5


def test_a_run_leaves_no_ledger_even_after_a_kill(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    assert _run_and_kill(space, at_lines=10)
    run_stage(KILLED, space, shard_size=8)
    assert not list(space.path("tiny").glob(".ledger*"))


def test_a_stages_note_is_part_of_its_line_also_the_second_time(tmp_path: Path) -> None:
    class Noting(TinyStage):
        def on_finished(self, workspace: Workspace) -> str:
            return "two files missing"

    lines = [run_stage(Noting(count=3), workspace(tmp_path)).line() for _ in range(2)]
    assert [line.endswith("3 rows; two files missing") for line in lines] == [True, True]
