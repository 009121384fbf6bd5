"""The recaption stage: a new caption for every augmented sound, each labelled with who wrote it. Source: SPEC A6."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from data_contracts import Augmented, Caption, ItemError, Row, read_table, to_json
from tasks.engine import Item, Outcome, each, rows_from_dicts
from tasks.llm.backend import RULES_NAME, Backend, choose_backend, log_choice
from tasks.llm.cache import ANSWERS, AnswerCache
from tasks.llm.client import Client
from tasks.llm.config import LLMConfig
from tasks.llm.prompts import PromptSet
from tasks.llm.share import first_by_hash
from tasks.llm.workers import as_finished
from tasks.recaption.lexicon import LEVELS
from tasks.recaption.writer import Written, by_model, by_rule
from tasks.workspace import Workspace

log = logging.getLogger(__name__)

PROMPT_NUMBER: Final = 1


@dataclass(frozen=True)
class RecaptionStage:
    """Rewrites captions by the configured backend; originals keep theirs. Reads `augment/augmented`.

    The backend is chosen at its first use and then stays, in every worker the stage is sent to.
    """

    config: LLMConfig
    name: str = "recaption"
    version: int = 1

    @property
    def row_type(self) -> type[Row]:
        """The row of the stage's table."""
        return Caption

    @cached_property
    def backend(self) -> Backend:
        """The writer. Raises UsageError or WeightsError as `choose_backend` does."""
        return choose_backend(self.config)

    @cached_property
    def prompts(self) -> PromptSet:
        """The prompt files beside this module."""
        return PromptSet.load(Path(__file__).parent / "prompts", PROMPT_NUMBER)

    def settings(self) -> dict[str, Any]:
        """Returns the writer's identity and the prompt version. Asks no server."""
        return {**self.backend.identity(), "prompt": self.prompts.version, "rules": RULES_NAME}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per augmented row; `by_llm` marks those that the model writes."""
        log_choice(self.name, self.backend)
        rows = read_table(workspace.table("augment", "augmented"), Augmented)
        chosen = first_by_hash([row.item_id for row in rows if not _is_original(row)], self.config.max_recaptions)
        return [
            Item(
                row.item_id,
                {
                    "caption": row.caption,
                    "level": row.level,
                    "original": _is_original(row),
                    "by_llm": row.item_id in chosen,
                },
            )
            for row in rows
        ]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[Outcome]:
        """Yields rule and original rows at once, then the model's as they come.

        Raises UsageError when the endpoint refuses key or model, BudgetError before a call beyond the budget.
        """
        asked = [item for item in items if item.payload["by_llm"] and self.backend.kind != "rules"]
        ids = {item.item_id for item in asked}
        yield from each([item for item in items if item.item_id not in ids], _without_model)
        if asked:
            yield from self._ask(asked, workspace.path(*ANSWERS))

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:  # noqa: ARG002
        """Returns the rows; says how many each source wrote."""
        counts: dict[str, int] = {}
        for row in rows:
            counts[row["source"]] = counts.get(row["source"], 0) + 1
        log.info("recaption: captions by source %s", ", ".join(f"{k} {n}" for k, n in sorted(counts.items())) or "none")
        return rows_from_dicts(Caption, rows)

    def _ask(self, items: Sequence[Item], answers: Path) -> Iterator[Outcome]:
        client = Client(self.backend, self.config, AnswerCache(answers))

        async def work(item: Item) -> tuple[Outcome, str]:
            caption, level = item.payload["caption"], item.payload["level"]
            try:
                written = await by_model(caption, level, client, self.prompts)
            except ItemError as error:
                return Outcome(item.item_id, error=error), ""
            row = _row(item, written, self.backend.model, self.prompts.version)
            return Outcome(item.item_id, rows=(row.to_dict(),)), written.unavailable

        # By level: requests that share their shots share the server's prefix cache.
        ordered = sorted(items, key=lambda item: (item.payload["level"], item.item_id))
        lost, trouble = 0, ""
        for outcome, unavailable in as_finished(
            ordered, work, at_once=self.backend.slots(self.config.concurrency), close=client.close
        ):
            if unavailable:
                lost, trouble = lost + 1, unavailable
            yield outcome
        if lost:
            log.warning(
                "recaption: the LLM was not available for %d of %d captions, rules wrote them: %s",
                lost,
                len(items),
                trouble,
            )


def _is_original(row: Augmented) -> bool:
    return row.operation == "original"


def _without_model(item: Item) -> list[Caption]:
    caption, level = item.payload["caption"], item.payload["level"]
    if item.payload["original"]:
        return [_row(item, Written(caption=caption, source="original"), "", "")]
    if level not in LEVELS:
        raise ItemError("unknown_level", f"level {level!r} has no wording; known are {sorted(LEVELS)}")
    return [_row(item, by_rule(caption, level), "", "")]


def _row(item: Item, written: Written, model: str, prompt_version: str) -> Caption:
    rule = written.source == "rule"
    return Caption(
        item_id=f"{item.item_id}-cap",
        parent_id=item.item_id,
        caption_before=item.payload["caption"],
        caption=written.caption,
        level=item.payload["level"],
        source=written.source,
        writer=RULES_NAME if rule else model,
        prompt_version=prompt_version,
        attempts=written.attempts,
        rejected_json=to_json(list(written.rejected)),
    )
