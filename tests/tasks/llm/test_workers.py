"""Async work behind a plain generator."""

from __future__ import annotations

import asyncio

import pytest

from tasks.llm.selection import select_evenly
from tasks.llm.workers import as_finished


class Watch:
    """Counts what is in flight and remembers whether it was closed."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.closed = False

    async def work(self, item: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        if item < 0:
            raise ValueError("negative")
        return item * 2

    async def close(self) -> None:
        self.closed = True


def test_every_item_comes_out_once_and_no_more_than_allowed_run_at_once():
    watch = Watch()
    assert sorted(as_finished(range(20), watch.work, at_once=3, close=watch.close)) == [2 * n for n in range(20)]
    assert watch.most == 3
    assert watch.closed


def test_an_error_reaches_the_caller_and_closes():
    watch = Watch()
    with pytest.raises(ValueError, match="negative"):
        list(as_finished([1, -1, *range(100)], watch.work, at_once=2, close=watch.close))
    assert watch.closed


def test_leaving_early_closes():
    watch = Watch()
    results = as_finished(range(1000), watch.work, at_once=2, close=watch.close)
    next(results)
    results.close()
    assert watch.closed


def test_it_works_inside_a_running_loop():
    async def inside() -> list[int]:
        watch = Watch()
        return list(as_finished([1, 2], watch.work, at_once=2, close=watch.close))

    assert sorted(asyncio.run(inside())) == [2, 4]


def test_the_share_of_the_model_is_stable_and_grows():
    ids = [f"item{number}" for number in range(100)]
    ten, twenty = select_evenly(ids, 10), select_evenly(list(reversed(ids)), 20)
    assert len(ten) == 10
    assert ten < twenty
    assert select_evenly(ids, None) == frozenset(ids)
    assert select_evenly(ids, 0) == frozenset()
