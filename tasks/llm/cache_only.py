"""Answers from the cache alone: what is known already, and which prompt would have to be asked next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tasks.llm.cache import CompletionCache
from tasks.llm.client import parse
from tasks.llm.prompt import Prompt

ResultT = TypeVar("ResultT")


class NotCachedError(Exception):
    """A prompt without an answer in the cache."""

    def __init__(self, key: str, prompt: Prompt) -> None:
        super().__init__(key)
        self.key = key
        self.prompt = prompt


@dataclass(frozen=True, slots=True)
class CacheOnlyClient:
    """Answers as a client would, without a call."""

    model: str
    cache: CompletionCache

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object. Raises CompletionError as a client does, NotCachedError without one."""
        key = prompt.key(self.model)
        answer = self.cache.get(key)
        if answer is None:
            raise NotCachedError(key, prompt)
        return parse(answer)


def finished(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Returns the result of async work that waits for nothing, which all work with `CacheOnlyClient` is."""
    steps = work().__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the work waited for something")
