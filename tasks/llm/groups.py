"""Several captions in one request: numbered inputs, numbered answers, each judged as if it had come alone.

A group's members are chosen from all items of the stage, done or not, so that a run that was killed sends the same
requests as one that was not. Each answer is kept in the cache under its caption's own prompt; its cost is kept with the
group's. What a group does not answer is sent alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Protocol

from data_contracts import to_json
from tasks.engine import Item
from tasks.llm.cache import CompletionCache
from tasks.llm.completion import Completion, CompletionError
from tasks.llm.prompt import Message, Prompt, object_schema
from tasks.llm.prompt_templates import data_turn

MOST_CHARS: Final = 600
"""Of all captions of a group: with their answers they must fit into the embedded model's context."""
_INSTRUCTION: Final = (
    "Do this for each of the following, one independent of the other. "
    "Answer with one JSON object that has an answer under each number."
)
_TOKENS_PER_NUMBER: Final = 8  # of the answer: a number, its quotes and braces


class Completes(Protocol):
    """What completes a prompt: a client of `tasks.llm.client`."""

    async def complete(self, prompt: Prompt) -> dict[str, Any]:
        """Returns the answer's JSON object. Raises CompletionError."""


def grouped(items: Iterable[Item], most: int, prefix_of: Callable[[Item], tuple[str, int]]) -> list[tuple[Item, ...]]:
    """Returns items as groups of at most `most` with one prefix and at most `MOST_CHARS` in all their captions.

    The groups come in the order of their prefixes, so that prompts that begin alike are sent in turn.
    """
    groups: list[tuple[Item, ...]] = []
    ordered = sorted(items, key=lambda item: (prefix_of(item), item.item_id))
    for _, alike in groupby(ordered, key=prefix_of):
        group: list[Item] = []
        for item in alike:
            if len(group) == most or (group and _characters([*group, item]) > MOST_CHARS):
                groups.append(tuple(group))
                group = []
            group.append(item)
        groups.append(tuple(group))
    return groups


def numbered(prompts: Sequence[Prompt]) -> Prompt:
    """Returns one prompt for several first prompts of one prefix: `{"1": ..., "2": ...}` in and out."""
    by_number = {str(number): prompt for number, prompt in enumerate(prompts, start=1)}
    data = data_turn({number: json.loads(prompt.turns[0]["content"]) for number, prompt in by_number.items()})
    turn: Message = {"role": "user", "content": f"{_INSTRUCTION}\n{data['content']}"}
    return Prompt(
        prompt_version=prompts[0].prompt_version,
        fields={number: prompt.fields for number, prompt in by_number.items()},
        attempt=1,
        prefix=prompts[0].prefix,
        turns=(turn,),
        schema=object_schema({number: prompt.schema for number, prompt in by_number.items()}),
        max_tokens=sum(prompt.max_tokens + _TOKENS_PER_NUMBER for prompt in prompts),
        temperature=prompts[0].temperature,
    )


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """Sends the prompts of one group together. `model` and `cache` are those of the client."""

    client: Completes
    model: str
    cache: CompletionCache

    async def send(self, prompts: Sequence[Prompt]) -> None:
        """Puts an answer for each prompt into the cache, as far as the model gives one.

        Prompts that are answered already are not sent again alone; with one left there is no group.
        Raises whatever the client raises but CompletionError: then each prompt is sent alone.
        """
        keys = [prompt.key(self.model) for prompt in prompts]
        if len(prompts) < 2 or all(self.cache.get(key) is not None for key in keys):
            return
        try:
            answers = await self.client.complete(numbered(prompts))
        except CompletionError:
            return
        for number, key in enumerate(keys, start=1):
            answer = answers.get(str(number))
            if isinstance(answer, dict) and self.cache.get(key) is None:
                text = to_json(answer)
                self.cache.put(key, Completion(text=text, cut_off=False, tokens_in=0, tokens_out=0))


def _characters(items: Iterable[Item]) -> int:
    return sum(len(item.payload["caption"]) for item in items)
