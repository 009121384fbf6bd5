"""The recaption stage: a new caption for every augmented clip; each row says who wrote it. Source: SPEC A6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data_contracts import Augmented, Caption, ItemError, Row, iter_table, read_table, to_json
from data_contracts.adverbs import LEVELS, degree_of
from tasks.engine import Item
from tasks.engine.workspace import Workspace
from tasks.language.cues import CuedCaption
from tasks.llm.backend import RULES_NAME
from tasks.llm.client import LLMClient
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import plain
from tasks.llm.selection import select_evenly
from tasks.llm.stage import CaptionStage
from tasks.recaption.request import example_set
from tasks.recaption.variety import variety_text
from tasks.recaption.writer import Repair, WrittenCaption, by_model, by_rule


@dataclass(frozen=True)
class RecaptionStage(CaptionStage):
    """Rewrites captions by the configured backend; originals keep theirs. Reads `augment/augmented`."""

    name: ClassVar[str] = "recaption"
    version: ClassVar[int] = 7
    prompt_number: ClassVar[int] = 3
    row_type: ClassVar[type[Row]] = Caption

    @property
    def repair(self) -> Repair:
        """How refused captions are tried again."""
        return repair_of(self.config, self.kind)

    def settings(self) -> dict[str, Any]:
        """Returns the writer's identity, the prompt version and the repair rounds. Asks no server."""
        repair = {"rounds": self.repair.rounds, "feedback": self.repair.feedback}
        return {**self.identity(), "prompt": self.templates.version, "rules": RULES_NAME, "repair": repair}

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per augmented row; `by_llm` marks those that the model writes."""
        rows = read_table(workspace.table("augment", "augmented"), Augmented)
        chosen = select_evenly([row.item_id for row in rows if not _is_original(row)], self.config.max_recaptions)
        return [
            Item(
                row.item_id,
                {
                    "caption": row.caption,
                    "side": row.side,
                    "cue_start": row.cue_start,
                    "cue_end": row.cue_end,
                    "cue_pos": row.cue_pos,
                    "level": row.level,
                    "degree": degree_of(row.recipe_json),
                    "original": _is_original(row),
                    "by_llm": row.item_id in chosen,
                },
            )
            for row in rows
        ]

    def prefix_of(self, item: Item) -> tuple[str, int]:
        """Returns the level and the draw of the examples."""
        return item.payload["level"], example_set(_cued(item).cleaned(plain), item.payload["level"])

    def by_rules(self, item: Item) -> list[Caption]:
        """Returns the row of an original, or the rules'. Raises ItemError for a level without a wording."""
        caption, level = _cued(item), item.payload["level"]
        if item.payload["original"]:
            return [_row(item, WrittenCaption(caption=caption, source="original"), "", "")]
        _check_level(level)
        return [_row(item, by_rule(caption, level, item.payload["degree"]), "", "")]

    def on_finished(self, workspace: Workspace) -> str:
        """Returns how varied the captions are, by model and by rule."""
        return variety_text(iter_table(workspace.table(self.name, "captions"), Caption))

    async def by_model(self, item: Item, client: LLMClient) -> tuple[Sequence[Row], str]:
        """Returns the chain's row. Raises ItemError when not even the rules have a caption."""
        caption, level = _cued(item), item.payload["level"]
        _check_level(level)
        written = await by_model(
            caption,
            level,
            client,
            self.templates,
            self.repair,
            degree=item.payload["degree"],
            parse=self.parse,
            min_similarity=self.config.min_similarity,
        )
        return [_row(item, written, self.backend.model, self.templates.version)], written.unavailable


def repair_of(config: LLMConfig, kind: str) -> Repair:
    """Returns how a kind of writer tries again. The embedded model is not told why: it is too small to use it."""
    feedback = config.repair == "feedback" or (config.repair == "auto" and kind == "endpoint")
    return Repair(rounds=config.repair_rounds, feedback=feedback)


def _is_original(row: Augmented) -> bool:
    return row.operation == "original"


def _cued(item: Item) -> CuedCaption:
    values = item.payload
    return CuedCaption.at(
        values["caption"], values["side"], values["cue_start"], values["cue_end"], values["cue_pos"]
    ).with_degrees()


def _check_level(level: str) -> None:
    if level not in LEVELS:
        raise ItemError("unknown_level", f"level {level!r} has no wording; known are {sorted(LEVELS)}")


def _row(item: Item, written: WrittenCaption, model: str, prompt_version: str) -> Caption:
    rule = written.source == "rule"
    return Caption(
        item_id=f"{item.item_id}-cap",
        parent_id=item.item_id,
        caption_before=item.payload["caption"],
        caption=written.caption.text,
        cue_start=written.caption.cue.start,
        cue_end=written.caption.cue.end,
        level=item.payload["level"],
        source=written.source,
        writer=RULES_NAME if rule else model,
        prompt_version=prompt_version,
        attempts=written.attempts,
        rejected_json=to_json(list(written.rejected)),
    )
