"""Runs async work behind a plain generator: results come out in order of completion, in any thread or event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def as_finished(
    items: Sequence[ItemT],
    work: Callable[[ItemT], Awaitable[ResultT]],
    *,
    at_once: int,
    close: Callable[[], Awaitable[None]],
) -> Iterator[ResultT]:
    """Yields `work(item)` for each item in order of completion, at most `at_once` in flight, started in their order.

    `close` is awaited in the same loop at the end, whatever happened.

    After an exception of `work` nothing new starts; what is in flight is finished and yielded, because it is paid for,
    and then the exception is raised here. The loop runs in a thread of its own, because the caller may be inside
    another loop; closing the generator cancels what is in flight.
    """
    results: queue.Queue[tuple[bool, Any]] = queue.Queue()
    stop = threading.Event()
    main = _main(items, work, at_once, close, results, stop)
    thread = threading.Thread(target=_run, args=(main, results), daemon=True)
    thread.start()
    try:
        for _ in items:
            succeeded, value = results.get()
            if not succeeded:
                raise value
            yield value
    finally:
        stop.set()
        thread.join()


def _run(main: Coroutine[Any, Any, None], results: queue.Queue) -> None:
    try:
        asyncio.run(main)
    except BaseException as error:  # passed to the caller's thread, which raises it
        results.put((False, error))


async def _main(
    items: Sequence[Any],
    work: Callable[[Any], Awaitable[Any]],
    at_once: int,
    close: Callable[[], Awaitable[None]],
    results: queue.Queue,
    stop: threading.Event,
) -> None:
    waiting = iter(items)
    failed: list[BaseException] = []

    async def worker() -> None:
        for item in waiting:
            try:
                results.put((True, await work(item)))
            except Exception as error:  # raised once the others have finished theirs
                failed.append(error)
            if failed:
                return

    workers = [asyncio.ensure_future(worker()) for _ in range(max(1, at_once))]
    stopper = asyncio.ensure_future(_until(stop))
    try:
        done = asyncio.gather(*workers)
        ends: list[asyncio.Future[Any]] = [done, stopper]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            await done
            if failed:
                raise failed[0]
    finally:
        for task in (*workers, stopper):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*workers, stopper, return_exceptions=True)
        await close()


async def _until(stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.2)
