"""Runs async work behind a plain generator: results come out in order of completion, in any thread or event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def as_finished(
    items: Sequence[ItemT],
    work: Callable[[ItemT], Coroutine[Any, Any, ResultT]],
    *,
    at_once: int,
    close: Callable[[], Awaitable[None]],
) -> Iterator[ResultT]:
    """Yields `work(item)` for each item in order of completion, at most `at_once` in flight, started in their order.

    `close` is awaited in the same event loop at the end, whatever happened.

    After an exception of `work` nothing new starts; what is in flight is finished and yielded, because it is paid for,
    and then the exception is raised here. The loop runs in a thread of its own, because the caller may be inside
    another loop; closing the generator cancels what is in flight.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    waiting = iter(items)

    def start(count: int) -> set[Future[ResultT]]:
        return {asyncio.run_coroutine_threadsafe(work(item), loop) for item in islice(waiting, count)}

    try:
        running, failure = start(max(1, at_once)), None
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            failure = failure or next(filter(None, (future.exception() for future in done)), None)
            if failure is None:
                running |= start(len(done))
            yield from (future.result() for future in done if future.exception() is None)
        if failure is not None:
            raise failure
    finally:
        asyncio.run_coroutine_threadsafe(_end(close), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(close: Callable[[], Awaitable[None]]) -> None:
    """Cancels what is in flight, then closes."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await close()
