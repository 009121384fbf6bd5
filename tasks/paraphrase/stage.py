"""The paraphrase stage: key tokens and N paraphrases of every augmented caption. Source: SPEC A7.

One call asks for two more than wanted; the validator keeps the good ones and the rules fill up what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from data_contracts import Caption, Paraphrase, Row, read_table
from tasks.engine import Item, Outcome, each, rows_from_dicts
from tasks.llm.backend import RULES_NAME, Backend, choose_backend, log_choice
from tasks.llm.cache import ANSWERS, AnswerCache
from tasks.llm.client import Client
from tasks.llm.config import LLMConfig
from tasks.llm.prompts import PromptSet
from tasks.llm.share import first_by_hash
from tasks.llm.workers import as_finished
from tasks.paraphrase.writer import Written, by_model, by_rule
from tasks.workspace import Workspace

log = logging.getLogger(__name__)

PROMPT_NUMBER: Final = 1


@dataclass(frozen=True)
class ParaphraseStage:
    """Paraphrases captions by the configured backend. Reads `recaption/captions`.

    The backend is chosen at its first use and then stays, in every worker the stage is sent to.
    """

    config: LLMConfig
    name: str = "paraphrase"
    version: int = 1

    @property
    def row_type(self) -> type[Row]:
        """The row of the stage's table."""
        return Paraphrase

    @cached_property
    def backend(self) -> Backend:
        """The writer. Raises UsageError or WeightsError as `choose_backend` does."""
        return choose_backend(self.config)

    @cached_property
    def prompts(self) -> PromptSet:
        """The prompt files beside this module."""
        return PromptSet.load(Path(__file__).parent / "prompts", PROMPT_NUMBER)

    def settings(self) -> dict[str, Any]:
        """Returns the writer's identity, the prompt version and the count. Asks no server."""
        return {
            **self.backend.identity(),
            "prompt": self.prompts.version,
            "rules": RULES_NAME,
            "paraphrases": self.config.paraphrases,
        }

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per caption; `by_llm` marks those that the model paraphrases."""
        log_choice(self.name, self.backend)
        rows = read_table(workspace.table("recaption", "captions"), Caption)
        chosen = first_by_hash([row.item_id for row in rows], self.config.max_paraphrased)
        return [Item(row.item_id, {"caption": row.caption, "by_llm": row.item_id in chosen}) for row in rows]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[Outcome]:
        """Yields rule rows at once, then the model's as they come.

        Raises UsageError when the endpoint refuses key or model, BudgetError before a call beyond the budget.
        """
        count = self.config.paraphrases
        possible = self.backend.kind != "rules" and count > 0
        asked = [item for item in items if possible and item.payload["by_llm"]]
        ids = {item.item_id for item in asked}
        rest = [item for item in items if item.item_id not in ids]
        yield from each(rest, lambda item: self._rows(item, by_rule(item.payload["caption"], count)))
        if asked:
            yield from self._ask(asked, workspace.path(*ANSWERS))

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:  # noqa: ARG002
        """Returns the rows; says how many each source wrote."""
        by_llm = sum(row["source"] == "llm" for row in rows)
        log.info("paraphrase: %d paraphrases by the LLM, %d by rules", by_llm, len(rows) - by_llm)
        return rows_from_dicts(Paraphrase, rows)

    def _ask(self, items: Sequence[Item], answers: Path) -> Iterator[Outcome]:
        client = Client(self.backend, self.config, AnswerCache(answers))

        async def work(item: Item) -> tuple[Outcome, str]:
            written = await by_model(item.payload["caption"], self.config.paraphrases, client, self.prompts)
            rows = tuple(row.to_dict() for row in self._rows(item, written))
            return Outcome(item.item_id, rows=rows), written.unavailable

        lost, trouble = 0, ""
        at_once = self.backend.slots(self.config.concurrency)
        for outcome, unavailable in as_finished(items, work, at_once=at_once, close=client.close):
            if unavailable:
                lost, trouble = lost + 1, unavailable
            yield outcome
        if lost:
            log.warning(
                "paraphrase: the LLM was not available for %d of %d captions, rules wrote them: %s",
                lost,
                len(items),
                trouble,
            )

    def _rows(self, item: Item, written: Written) -> list[Paraphrase]:
        return [
            Paraphrase(
                item_id=f"{item.item_id}-p{number}",
                parent_id=item.item_id,
                caption=caption,
                key_tokens=written.key_tokens,
                source=source,
                writer=self.backend.model if source == "llm" else RULES_NAME,
                prompt_version=self.prompts.version if source == "llm" else "",
            )
            for number, (caption, source) in enumerate(written.paraphrases)
        ]
