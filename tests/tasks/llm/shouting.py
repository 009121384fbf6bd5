"""A small caption stage that writes captions in capitals, for tests of what all caption stages do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from data_contracts import Caption, ItemError, Row
from tasks.engine import Item
from tasks.engine.workspace import Workspace
from tasks.llm.client import LLMClient, UnavailableError
from tasks.llm.completion import CompletionError
from tasks.llm.prompt import Prompt
from tasks.llm.prompt_templates import PromptTemplates, data_turn
from tasks.llm.stage import CaptionStage
from tests.tasks.llm.fake_server import Reply, says
from tests.tasks.llm.harness import SCHEMA
from tests.tasks.rows import augmented_row, caption_row, clip_row

NUMBERS = range(7)
"""Of the stage's items."""
ODD = 8
"""The number of an item that has no row by the rules."""


def item(number: int, *, by_llm: bool = True) -> Item:
    return Item(f"i{number}", {"caption": f"caption {number}", "level": f"l{number % 2}", "by_llm": by_llm})


def prompt(caption: str, level: str, attempt: int = 1) -> Prompt:
    fields = {"caption": caption}
    return Prompt(
        prompt_version="1",
        fields={**fields, "level": level},
        attempt=attempt,
        prefix=({"role": "system", "content": f"Answer as {level}."},),
        turns=(data_turn(fields),),
        schema=SCHEMA,
        max_tokens=50,
        temperature=0.0 if attempt == 1 else 0.7,
    )


@dataclass(frozen=True)
class Shouting(CaptionStage):
    """Accepts captions in capitals; after two tries writes them as they are."""

    name: ClassVar[str] = "shouting"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = Caption

    @cached_property
    def templates(self) -> PromptTemplates:
        return PromptTemplates(version="1", by_name={})

    def settings(self) -> dict[str, Any]:
        return self.identity()

    def items(self, workspace: Workspace) -> list[Item]:
        return [item(number) for number in NUMBERS]

    def by_rules(self, item: Item) -> list[Row]:
        if item.payload["caption"] == f"caption {ODD}":
            raise ItemError("odd", "this caption is odd")
        return [row(item, item.payload["caption"], "rule")]

    async def by_model(self, item: Item, client: LLMClient) -> tuple[Sequence[Row], str]:
        for attempt in (1, 2):
            try:
                answer = await client.complete(prompt(item.payload["caption"], item.payload["level"], attempt))
            except CompletionError:
                continue
            except UnavailableError as error:
                return self.by_rules(item), str(error)
            if str(answer.get("caption")).isupper():
                return [row(item, answer["caption"], "llm")], ""
        return self.by_rules(item), ""


def row(item: Item, caption: str, source: str) -> Caption:
    parent = augmented_row(clip_row(item.item_id), "speed", "fast", "fast")
    return caption_row(parent, caption, source)


def sent(request: dict[str, Any]) -> dict[str, Any]:
    """The data of a request: a caption's, or those of several by number."""
    return json.loads(request["messages"][-1]["content"].split("\n")[-1])


def shout(request: dict[str, Any], _number: int = 0) -> Reply:
    data = sent(request)
    if "caption" in data:
        return says({"caption": data["caption"].upper()})
    return says({number: {"caption": one["caption"].upper()} for number, one in data.items()})
