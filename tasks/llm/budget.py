"""The hard limit on tokens and money: a call that may break it is not made.

The sum of the answer file is what was spent, so the limit holds for a workspace over all its stages, shards and
reruns. Calls in flight in *other* processes are not seen: such a run may pass the limit by their one call each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from data_contracts import BudgetError
from tasks.llm.cache import AnswerCache
from tasks.llm.config import LLMConfig


@dataclass(slots=True)
class Budget:
    """Checks every call against `max_tokens_total` and `max_cost`, counting calls in flight at their estimate."""

    config: LLMConfig
    cache: AnswerCache
    _in_flight: list[int] = field(default_factory=lambda: [0, 0])

    @contextmanager
    def reserved(self, tokens_in: int, tokens_out: int) -> Iterator[None]:
        """Holds an estimate while a call is made. Raises BudgetError when it may exceed the budget."""
        self._check(tokens_in, tokens_out)
        self._in_flight[0] += tokens_in
        self._in_flight[1] += tokens_out
        try:
            yield
        finally:
            self._in_flight[0] -= tokens_in
            self._in_flight[1] -= tokens_out

    def _check(self, tokens_in: int, tokens_out: int) -> None:
        tokens, cost = self.config.max_tokens_total, self.config.max_cost
        if tokens is None and cost is None:
            return
        spent_in, spent_out = self.cache.spent()
        after_in = spent_in + self._in_flight[0] + tokens_in
        after_out = spent_out + self._in_flight[1] + tokens_out
        if tokens is not None and after_in + after_out > tokens:
            raise BudgetError(
                f"the next LLM call may bring the tokens to {after_in + after_out}; llm.max_tokens_total is {tokens} "
                f"({spent_in + spent_out} spent): raise it, or lower llm.max_recaptions and llm.max_paraphrased"
            )
        money = (after_in * self.config.price_in + after_out * self.config.price_out) / 1e6
        if cost is not None and money > cost:
            raise BudgetError(
                f"the next LLM call may bring the cost to {money:.4f}; llm.max_cost is {cost:.4f}: "
                "raise it, or lower llm.max_recaptions and llm.max_paraphrased"
            )
