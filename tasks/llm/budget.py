"""The hard limit on tokens and money: a call that may exceed it is not made.

The upper bound of a call is reserved in the completions' file before the call, in one step with the check of the sum.
So the limit is kept for a workspace over all its stages, shards, processes and reruns, whatever the concurrency.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from data_contracts import BudgetError
from tasks.llm.cache import CompletionCache, Spent
from tasks.llm.config import LLMConfig


@dataclass(frozen=True, slots=True)
class Budget:
    """Checks every call against `max_tokens_total` and `max_cost`. Without either it does nothing."""

    config: LLMConfig
    cache: CompletionCache

    def reserve(self, tokens_in: int, tokens_out: int, price_share: float = 1.0, name: str = "") -> str:
        """Reserves the upper bound of a call; returns the reservation's name (given, or new), empty without a limit.

        Raises BudgetError when the call may exceed the budget; nothing is reserved then.
        """
        if self.config.max_tokens_total is None and self.config.max_cost is None:
            return ""
        name = name or uuid.uuid4().hex
        with self.cache.exclusive():
            self._check(Spent.at(tokens_in, tokens_out, price_share))
            self.cache.reserve(name, tokens_in, tokens_out, price_share)
        return name

    def release(self, reservation: str) -> None:
        """Ends the reservation of a call that cost nothing."""
        if reservation:
            self.cache.release(reservation)

    def _check(self, call: Spent) -> None:
        now = self.cache.committed()
        after = now + call
        limit, most = self.config.max_tokens_total, self.config.max_cost
        if limit is not None and after.tokens > limit:
            raise BudgetError(
                f"the next LLM call may bring the tokens to {after.tokens}; llm.max_tokens_total is {limit} "
                f"({now.tokens} spent or reserved): raise it, "
                "or lower llm.max_recaptions and llm.max_paraphrased"
            )
        cost = self.config.cost(after.priced_in, after.priced_out)
        if most is not None and cost > most:
            raise BudgetError(
                f"the next LLM call may bring the cost to {cost:.4f}; llm.max_cost is {most:.4f}: "
                "raise it, or lower llm.max_recaptions and llm.max_paraphrased"
            )
