"""The hard limit on tokens and money: a call that may break it is not made.

Before a call its upper bound is set aside in the answer file, in one step with the look at the sum, so the limit holds
for a workspace over all its stages, shards, processes and reruns, whatever the concurrency.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from data_contracts import BudgetError
from tasks.llm.cache import CompletionCache
from tasks.llm.config import LLMConfig


@dataclass(frozen=True, slots=True)
class Budget:
    """Checks every call against `max_tokens_total` and `max_cost`. Without either it does nothing."""

    config: LLMConfig
    cache: CompletionCache

    def reserve(self, tokens_in: int, tokens_out: int, price: float = 1.0, name: str = "") -> str:
        """Reserves the upper bound of a call; returns the reservation's name (given, or new), empty without a limit.

        Raises BudgetError when the call may exceed the budget; nothing is set aside then.
        """
        if self.config.max_tokens_total is None and self.config.max_cost is None:
            return ""
        name = name or uuid.uuid4().hex
        with self.cache.alone():
            self._check(tokens_in, tokens_out, price)
            self.cache.reserve(name, tokens_in, tokens_out, price)
        return name

    def release(self, reservation: str) -> None:
        """Gives back what a call set aside that cost nothing."""
        if reservation:
            self.cache.release(reservation)

    def _check(self, tokens_in: int, tokens_out: int, price: float) -> None:
        limit, most = self.config.max_tokens_total, self.config.max_cost
        now = self.cache.committed()
        after = now.plus(tokens_in, tokens_out, price)
        tokens = after.tokens_in + after.tokens_out
        if limit is not None and tokens > limit:
            raise BudgetError(
                f"the next LLM call may bring the tokens to {tokens}; llm.max_tokens_total is {limit} "
                f"({now.tokens_in + now.tokens_out} spent or set aside): raise it, "
                "or lower llm.max_recaptions and llm.max_paraphrased"
            )
        money = (after.priced_in * self.config.price_in + after.priced_out * self.config.price_out) / 1e6
        if most is not None and money > most:
            raise BudgetError(
                f"the next LLM call may bring the cost to {money:.4f}; llm.max_cost is {most:.4f}: "
                "raise it, or lower llm.max_recaptions and llm.max_paraphrased"
            )
