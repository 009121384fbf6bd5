"""Async work behind a plain generator."""

from __future__ import annotations

import asyncio

import pytest

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


def test_every_item_comes_out_once_and_no_more_than_allowed_run_at_once() -> None:
    watch = Watch()
    assert sorted(as_finished(range(20), watch.work, at_once=3, close=watch.close)) == [2 * n for n in range(20)]
    assert watch.most == 3
    assert watch.closed


def test_an_error_reaches_the_caller_and_closes() -> None:
    watch = Watch()
    with pytest.raises(ValueError, match="negative"):
        list(as_finished([1, -1, *range(100)], watch.work, at_once=2, close=watch.close))
    assert watch.closed


def test_leaving_early_closes() -> None:
    watch = Watch()
    results = as_finished(range(1000), watch.work, at_once=2, close=watch.close)
    next(results)
    results.close()
    assert watch.closed


def test_it_works_inside_a_running_loop() -> None:
    async def inside() -> list[int]:
        watch = Watch()
        return list(as_finished([1, 2], watch.work, at_once=2, close=watch.close))

    assert sorted(asyncio.run(inside())) == [2, 4]


def test_nothing_new_starts_after_an_error_and_what_is_in_flight_is_yielded() -> None:
    started: list[int] = []

    async def work(item: int) -> int:
        started.append(item)
        await asyncio.sleep(0.02 if item else 0.001)
        if item == 0:
            raise ValueError("zero")
        return item

    watch, found = Watch(), []
    with pytest.raises(ValueError, match="zero"):
        found.extend(as_finished([1, 0, 2, 3, 4], work, at_once=3, close=watch.close))
    assert started == [1, 0, 2]
    assert watch.closed


def test_leaving_early_cancels_what_is_in_flight_before_closing() -> None:
    ends: list[str] = []

    async def work(item: int) -> int:
        try:
            await asyncio.sleep(30 * item)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return item

    async def close() -> None:
        ends.append("closed")

    results = as_finished([0, 1, 1], work, at_once=3, close=close)
    assert next(results) == 0
    results.close()
    assert ends == ["cancelled", "cancelled", "closed"]


def test_without_items_nothing_runs_but_close() -> None:
    watch = Watch()
    assert list(as_finished([], watch.work, at_once=4, close=watch.close)) == []
    assert watch.closed
    assert watch.most == 0
