"""The base of the two caption stages: the backend, the prompt templates, and how completions become items' results.

Source: SPEC A6, A7.
"""

from __future__ import annotations

import inspect
import logging
import uuid
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from data_contracts import ItemError, Row
from tasks.engine import Item, ItemResult, Stage, each
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace
from tasks.language.parse import require_parser, uses_parser
from tasks.llm.backend import Backend, choose_backend, identity_of, kind_of, log_choice
from tasks.llm.batch import fetch_batches
from tasks.llm.cache import COMPLETIONS, CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError, run_without_loop
from tasks.llm.client import LLMClient, OpenAIClient, UnavailableError
from tasks.llm.config import LLMConfig
from tasks.llm.groups import GroupRequest, grouped
from tasks.llm.prompt import Prompt
from tasks.llm.prompt_templates import PromptTemplates
from tasks.llm.workers import as_finished

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaptionStage(Stage):
    """A stage whose items are written by a model or by the rules; subclasses define the prompts and the rules.

    Every item's payload has `level` and `by_llm`. The backend is chosen at its first use and stays the same in every
    worker that the stage is sent to, as does `run`, by which the cache knows what this run has paid for.
    """

    config: LLMConfig
    run: str = field(default_factory=lambda: uuid.uuid4().hex, compare=False, repr=False)
    prompt_number: ClassVar[int] = 1
    large_shards: ClassVar[bool] = True

    @cached_property
    def kind(self) -> str:
        """The kind of writer, whether or not it is available here."""
        return kind_of(self.config)

    @cached_property
    def parse(self) -> bool:
        """Whether the validator compares the subjects of verbs by the dependency parse."""
        return uses_parser(self.config.parser)

    @cached_property
    def backend(self) -> Backend:
        """The writer. Raises UsageError or WeightsError as `choose_backend` does."""
        return choose_backend(self.config)

    @cached_property
    def templates(self) -> PromptTemplates:
        """The prompt files beside the stage's module."""
        return PromptTemplates.load(Path(inspect.getfile(type(self))).parent / "prompts", self.prompt_number)

    @abstractmethod
    def by_rules(self, item: Item) -> Sequence[Row]:
        """Returns an item's rows without the model. Raises ItemError."""

    @abstractmethod
    async def by_model(self, item: Item, client: LLMClient) -> tuple[Sequence[Row], str]:
        """Returns an item's rows, and why the server gave no completion ("" when it did). Raises ItemError."""

    def limits(self) -> list[Limit]:
        """Returns how many captions the rules may write in the model's place, and how many may fail."""
        return [
            limit(self.config, "llm", "accept_rules", "written by rules in the model's place", fallbacks=True),
            limit(self.config, "llm", "accept_quarantined", "quarantined"),
        ]

    def prefix_of(self, item: Item) -> tuple[str, int]:
        """Returns what is equal for prompts that begin alike: sent in turn, they share the server's prefix cache."""
        return item.payload["level"], 0

    def identity(self) -> dict[str, Any]:
        """Returns what results depend on of the writer: its kind and model, whether captions are sent together, and
        whether the validator has the parse of the model's captions and how similar they must be."""
        identity: dict[str, Any] = dict(identity_of(self.config))
        if self.kind == "rules":
            return identity
        together = self.config.captions_per_request
        grouped_by = {"together": together} if together > 1 else {}
        return {**identity, **grouped_by, "parse": self.parse, "min_similarity": self.config.min_similarity}

    def needs_model(self, item: Item) -> bool:
        """Whether the model writes an item."""
        return bool(item.payload["by_llm"]) and self.kind != "rules"

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Yields the results of the rules at once, then the model's as they come.

        Raises UsageError when the endpoint refuses key or model, BudgetError before a call beyond the budget,
        ServiceError when the endpoint is down and rules are not wanted.
        """
        for_model = [item for item in items if self.needs_model(item)]
        ids = {item.item_id for item in for_model}
        yield from each([item for item in items if item.item_id not in ids], self.by_rules)
        if not for_model:
            return
        log_choice(self.name, self.backend)
        if self.parse:
            require_parser("llm.parser", "none")
        cache = CompletionCache(workspace.path(*COMPLETIONS), self.run)
        if self.config.is_batched(self.backend.kind):
            # All of the stage by the first shard: the others find their completions in the cache.
            whole = [item for item in self.items(workspace) if self.needs_model(item)]
            client = OpenAIClient(self.backend, self.config, cache)
            fetch_batches(workspace.path("llm", "batches", self.name), client, lambda: self.missing(whole, cache))
        yield from self._two_passes(for_model, self._groups(for_model, workspace), cache)

    def missing(self, items: Sequence[Item], cache: CompletionCache) -> Iterator[tuple[str, Prompt]]:
        """Yields, with its key, the next prompt of each item whose completions are not all in the cache."""
        yield from self._next_prompts(items, CacheOnlyClient(self.backend.model, cache))

    def _next_prompts(self, items: Sequence[Item], client: CacheOnlyClient) -> Iterator[tuple[str, Prompt]]:
        seen = set()
        for item in items:
            try:
                run_without_loop(lambda item=item: self.by_model(item, client))  # type: ignore[misc]
            except NotCachedError as error:
                if error.key not in seen:
                    seen.add(error.key)
                    yield error.key, error.prompt
            except ItemError:
                continue  # the item's result, once its shard processes it

    def _groups(self, items: Sequence[Item], workspace: Workspace) -> list[tuple[Item, ...]]:
        """Returns the groups of `items` that are sent together, whose other members may have their results already."""
        together = self.config.captions_per_request
        if together == 1 or self.config.is_batched(self.backend.kind):
            return grouped(items, 1, self.prefix_of)
        unfinished = {item.item_id for item in items}
        whole = grouped(filter(self.needs_model, self.items(workspace)), together, self.prefix_of)
        return [group for group in whole if any(item.item_id in unfinished for item in group)]

    def _two_passes(
        self, items: Sequence[Item], groups: Sequence[tuple[Item, ...]], cache: CompletionCache
    ) -> Iterator[ItemResult]:
        """Yields all results; an item without a completion, though the server is up, is tried once more at the end."""
        unfinished = {item.item_id: item for item in items}
        postponed: dict[str, tuple[ItemResult, str]] = {}
        reasons: list[str] = []
        down = False
        for result, unavailable, down in self._pass(groups, unfinished, cache):
            if unavailable and not down:
                postponed[result.item_id] = (result, unavailable)
            else:
                reasons.append(unavailable)
                yield result
        alone = grouped((unfinished[item_id] for item_id in postponed), 1, self.prefix_of)
        again = self._pass(alone, postponed, cache)
        for result, unavailable in postponed.values() if down else ((one, reason) for one, reason, _ in again):
            reasons.append(unavailable)
            yield result
        if lost := [reason for reason in reasons if reason]:
            log.warning(
                "%s: the LLM was not available for %d of %d captions, rules wrote them: %s",
                self.name,
                len(lost),
                len(items),
                lost[-1],
            )

    def _pass(
        self, groups: Sequence[tuple[Item, ...]], wanted: Collection[str], cache: CompletionCache
    ) -> Iterator[tuple[ItemResult, str, bool]]:
        """Yields the results of the wanted items as they come, with the reason why there was no completion and whether
        the server is down."""
        client = OpenAIClient(self.backend, self.config, cache)

        async def work(group: tuple[Item, ...]) -> list[tuple[ItemResult, str, bool]]:
            with suppress(UnavailableError):  # then each item finds out and says so
                await GroupRequest(client, self.backend.model, cache).send(self._first_prompts(group))
            return [await one(item) for item in group if item.item_id in wanted]

        async def one(item: Item) -> tuple[ItemResult, str, bool]:
            asked = _Asked(client)
            try:
                rows, unavailable = await self.by_model(item, asked)
            except ItemError as error:
                return ItemResult(item.item_id, error=error), "", client.breaker.down
            written = tuple(row.to_dict() for row in rows)
            result = ItemResult(item.item_id, rows=written, fallback=_mostly_by_rules(written))
            if result.fallback:  # a retry is to ask again, not to find the same answers
                for prompt in asked.prompts:
                    cache.doubt(prompt.key(self.backend.model))
            return result, unavailable, client.breaker.down

        at_once = self.backend.slots(self.config.concurrency)
        if groups:
            for results in as_finished(groups, work, at_once=at_once, close=client.close):
                yield from results

    def _first_prompts(self, group: Sequence[Item]) -> list[Prompt]:
        """Returns the first prompt of each item of a group that is sent together; of those that have one."""
        without = CacheOnlyClient(self.backend.model, None)
        return [prompt for _, prompt in self._next_prompts(group, without)] if len(group) > 1 else []

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> Sequence[Row]:
        """Returns the table's rows; logs how many each source wrote."""
        table = super().assemble(rows, workspace)
        counts = Counter(row["source"] for row in rows)
        text = ", ".join(f"{source} {count}" for source, count in sorted(counts.items()))
        log.info("%s: rows by source: %s", self.name, text or "none")
        return table


def _mostly_by_rules(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rules wrote most of the rows that the model was to write."""
    return 2 * sum(row["source"] == "rule" for row in rows) > len(rows)


@dataclass(slots=True)
class _Asked:
    """A client that remembers the prompts that were completed."""

    client: LLMClient
    prompts: list[Prompt] = field(default_factory=list)

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        answer = await self.client.complete(prompt)
        self.prompts.append(prompt)
        return answer
