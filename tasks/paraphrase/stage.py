"""The paraphrase stage: key tokens and N paraphrases of every augmented caption. Source: SPEC A7.

One call requests one more than wanted, each in a form of its own (`forms`), and the validator keeps the good ones. What
is missing is requested again in other forms or words, at most `llm.repair_rounds` times; the rules write the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data_contracts import Caption, Paraphrase, Row, read_table
from data_contracts.adverbs import LEVELS
from tasks.engine import Item
from tasks.engine.workspace import Workspace
from tasks.language.cues import CuedCaption
from tasks.llm.backend import RULES_NAME
from tasks.llm.client import LLMClient
from tasks.llm.selection import select_evenly
from tasks.llm.stage import CaptionStage
from tasks.paraphrase.writer import WrittenParaphrases, by_model, by_rule


@dataclass(frozen=True)
class ParaphraseStage(CaptionStage):
    """Paraphrases captions by the configured backend. Reads `recaption/captions`."""

    name: ClassVar[str] = "paraphrase"
    version: ClassVar[int] = 8
    prompt_number: ClassVar[int] = 4
    row_type: ClassVar[type[Row]] = Paraphrase

    def settings(self) -> dict[str, Any]:
        """Returns the writer's identity, the prompt version and the count. Asks no server."""
        return {
            **self.identity(),
            "prompt": self.templates.version,
            "rules": RULES_NAME,
            "paraphrases": self.config.paraphrases,
            "rounds": self.config.repair_rounds,
        }

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per caption; `by_llm` marks those that the model paraphrases."""
        rows = read_table(workspace.table("recaption", "captions"), Caption)
        chosen = select_evenly([row.item_id for row in rows], self.config.max_paraphrased)
        return [
            Item(
                row.item_id,
                {
                    "caption": row.caption,
                    "cue_start": row.cue_start,
                    "cue_end": row.cue_end,
                    "level": row.level,
                    "by_llm": row.item_id in chosen,
                },
            )
            for row in rows
        ]

    def needs_model(self, item: Item) -> bool:
        """Whether the model writes an item: not when no paraphrases are wanted."""
        return self.config.paraphrases > 0 and super().needs_model(item)

    def by_rules(self, item: Item) -> list[Paraphrase]:
        """Returns the rules' paraphrases."""
        return self._rows(item, by_rule(_cued(item), self.config.paraphrases))

    async def by_model(self, item: Item, client: LLMClient) -> tuple[Sequence[Row], str]:
        """Returns the model's valid paraphrases, filled up by the rules."""
        wanted = self.config.paraphrases
        written = await by_model(
            _cued(item),
            wanted,
            client,
            self.templates,
            rounds=self.config.repair_rounds,
            parse=self.parse,
            min_similarity=self.config.min_similarity,
        )
        return self._rows(item, written), written.unavailable

    def _rows(self, item: Item, written: WrittenParaphrases) -> list[Paraphrase]:
        return [
            Paraphrase(
                item_id=f"{item.item_id}-p{number}",
                parent_id=item.item_id,
                caption=caption,
                key_tokens=written.key_tokens,
                source=source,
                writer=self.backend.model if source == "llm" else RULES_NAME,
                prompt_version=self.templates.version if source == "llm" else "",
            )
            for number, (caption, source) in enumerate(written.paraphrases)
        ]


def _cued(item: Item) -> CuedCaption:
    values = item.payload
    return CuedCaption.at(values["caption"], LEVELS[values["level"]].side, values["cue_start"], values["cue_end"])
