"""What several processes do to one file at the same time; apart from other helpers because every process imports it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_contracts import BudgetError
from tasks.llm.budget import Budget
from tasks.llm.cache import CompletionCache
from tasks.llm.completion import Completion
from tasks.llm.config import LLMConfig


def in_processes(target: Callable[..., None], *arguments: tuple[Any, ...]) -> None:
    """Runs a function in one process per tuple of arguments, at the same time."""
    context = multiprocessing.get_context("spawn")  # a test process has threads, which a fork would break
    workers = [context.Process(target=target, args=one) for one in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(worker.exitcode == 0 for worker in workers)


def put_many(path: Path, name: str) -> None:
    """Puts 200 completions of one token in and one out, longer than a disk block."""
    cache = CompletionCache(path)
    for number in range(200):
        cache.put(f"{name}{number}", Completion(text="x" * 5000, cut_off=False, tokens_in=1, tokens_out=1))


def reserve_all(path: Path) -> None:
    """Reserves five tokens in and five out until a budget of 1,000 is used up."""
    budget = Budget(LLMConfig(max_tokens_total=1000), CompletionCache(path))
    try:
        while True:
            budget.reserve(5, 5)
    except BudgetError:
        return
