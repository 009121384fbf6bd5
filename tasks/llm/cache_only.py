"""Answers from the cache alone: which items are complete without a call, and which prompt comes next for others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tasks.llm.cache import CompletionCache
from tasks.llm.prompt import Prompt

ResultT = TypeVar("ResultT")


class NotCachedError(Exception):
    """A prompt whose completion is not in the cache."""

    def __init__(self, key: str, prompt: Prompt) -> None:
        super().__init__(key)
        self.key = key
        self.prompt = prompt


@dataclass(frozen=True, slots=True)
class CacheOnlyClient:
    """An `LLMClient` that never calls a server. Without a cache no prompt has a completion."""

    model: str
    cache: CompletionCache | None

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object. Raises NotCachedError, or CompletionError as other clients do."""
        key = prompt.key(self.model)
        completion = self.cache.get(key) if self.cache else None
        if completion is None:
            raise NotCachedError(key, prompt)
        return completion.answer()


def run_without_loop(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Returns the result of async work that never waits, as all work with a `CacheOnlyClient`; also inside a loop."""
    steps = work().__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the work waited for something")
