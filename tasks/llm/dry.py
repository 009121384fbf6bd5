"""Answers from the cache alone: what is known already, and which question would have to be asked next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tasks.llm.cache import AnswerCache
from tasks.llm.client import parse
from tasks.llm.question import Question

ResultT = TypeVar("ResultT")


class NotCachedError(Exception):
    """A question without an answer in the cache."""

    def __init__(self, key: str, question: Question) -> None:
        super().__init__(key)
        self.key = key
        self.question = question


@dataclass(frozen=True, slots=True)
class CacheOnly:
    """Answers as a client would, without a call."""

    model: str
    cache: AnswerCache

    async def ask(self, question: Question) -> dict[str, Any]:
        """Returns the answer's JSON object. Raises AnswerError as a client does, NotCachedError when there is none."""
        key = question.key(self.model)
        answer = self.cache.get(key)
        if answer is None:
            raise NotCachedError(key, question)
        return parse(answer)


def finished(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Returns the result of async work that waits for nothing, which all work with `CacheOnly` is."""
    steps = work().__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the work waited for something")
