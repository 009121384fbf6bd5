"""What the two caption stages share: the backend, the prompts, who is asked, and how answers become outcomes.

Source: SPEC A6, A7.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from data_contracts import ItemError, Row
from tasks.engine import Item, ItemResult, each
from tasks.engine.workspace import Workspace
from tasks.llm.backend import Backend, choose_backend
from tasks.llm.batch import fetch_batches
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError, finished
from tasks.llm.client import LLMClient, OpenAIClient
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import Prompt
from tasks.llm.prompt_templates import PromptTemplates
from tasks.llm.workers import as_finished

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaptionStage:
    """A stage whose items a model or the rules write. Subclasses say what is asked and what the rules make.

    The backend is chosen at its first use and then stays, in every worker the stage is sent to.
    """

    config: LLMConfig
    prompt_number: ClassVar[int] = 1
    name: ClassVar[str]

    @cached_property
    def backend(self) -> Backend:
        """The writer. Raises UsageError or WeightsError as `choose_backend` does."""
        return choose_backend(self.config)

    @cached_property
    def templates(self) -> PromptTemplates:
        """The prompt files beside the stage's module."""
        return PromptTemplates.load(Path(inspect.getfile(type(self))).parent / "prompts", self.prompt_number)

    def by_rules(self, item: Item) -> Sequence[Row]:
        """Returns an item's rows without the model. Raises ItemError."""
        raise NotImplementedError

    async def by_model(self, item: Item, client: LLMClient) -> tuple[Sequence[Row], str]:
        """Returns an item's rows, and why the server did not answer ("" when it did). Raises ItemError."""
        raise NotImplementedError

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns the stage's items; the payload holds `level` and `by_llm`."""
        raise NotImplementedError

    def asks(self, item: Item) -> bool:
        """Whether the model is asked about an item."""
        return bool(item.payload["by_llm"]) and self.backend.kind != "rules"

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Yields rule rows at once, then the model's as they come.

        Raises UsageError when the endpoint refuses key or model, BudgetError before a call beyond the budget,
        ServiceError when the endpoint is down and rules are not wanted.
        """
        asked = [item for item in items if self.asks(item)]
        ids = {item.item_id for item in asked}
        yield from each([item for item in items if item.item_id not in ids], self.by_rules)
        if not asked:
            return
        cache = CompletionCache(workspace.path(*COMPLETIONS))
        if self.config.batch and self.backend.kind == "endpoint":
            # All of the stage at once, whichever shard comes first: the others find their answers in the cache.
            whole = [item for item in self.items(workspace) if self.asks(item)]
            fetch_batches(self.name, workspace, self.backend, self.config, cache, lambda: self.unanswered(whole, cache))
        yield from self._ask(asked, cache)

    def unanswered(self, items: Sequence[Item], cache: CompletionCache) -> Iterator[tuple[str, Prompt]]:
        """Yields, with their keys, the prompts that come next for items whose answers are not all in the cache."""
        client, seen = CacheOnlyClient(self.backend.model, cache), set()
        for item in items:
            try:
                finished(lambda item=item: self.by_model(item, client))  # type: ignore[misc]
            except NotCachedError as error:
                if error.key not in seen:
                    seen.add(error.key)
                    yield error.key, error.prompt
            except ItemError:
                continue  # its outcome, when the shard comes to it

    def _ask(self, items: Sequence[Item], cache: CompletionCache) -> Iterator[ItemResult]:
        """Asks in two passes: what found no answer although the server was up is asked once more at the end."""
        # By level: requests that share their shots share the server's prefix cache.
        ordered = sorted(items, key=lambda item: (item.payload["level"], item.item_id))
        later: dict[str, tuple[ItemResult, str]] = {}
        lost: list[str] = []
        gone = False
        for outcome, unavailable, down in self._pass(ordered, cache):
            gone = gone or down
            if unavailable and not gone:
                later[outcome.item_id] = (outcome, unavailable)
                continue
            lost += [unavailable] * bool(unavailable)
            yield outcome
        again = [] if gone else [item for item in ordered if item.item_id in later]
        results = ((outcome, reason) for outcome, reason, _down in self._pass(again, cache))
        for outcome, unavailable in list(later.values()) if gone else results:
            lost += [unavailable] * bool(unavailable)
            yield outcome
        if lost:
            log.warning(
                "%s: the LLM was not available for %d of %d captions, rules wrote them: %s",
                self.name,
                len(lost),
                len(items),
                lost[-1],
            )

    def _pass(self, items: Sequence[Item], cache: CompletionCache) -> Iterator[tuple[ItemResult, str, bool]]:
        """Yields outcomes as they come, with the reason why the server did not answer and whether it is down."""
        client = OpenAIClient(self.backend, self.config, cache)

        async def work(item: Item) -> tuple[ItemResult, str, bool]:
            try:
                rows, unavailable = await self.by_model(item, client)
            except ItemError as error:
                return ItemResult(item.item_id, error=error), "", False
            rows_ = tuple(row.to_dict() for row in rows)
            return ItemResult(item.item_id, rows=rows_), unavailable, client.breaker.down

        at_once = self.backend.slots(self.config.concurrency)
        if items:
            yield from as_finished(items, work, at_once=at_once, close=client.close)


def count_by_source(rows: Sequence[dict[str, Any]]) -> str:
    """Returns "llm 3, rule 1": how many rows each source wrote."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["source"]] = counts.get(row["source"], 0) + 1
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"
