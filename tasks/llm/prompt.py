"""One prompt for a model, its key in the cache, and its tokens: an upper bound and an estimate."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from data_contracts import to_json
from tasks.engine.workspace import hash_text, seed_for

Message = dict[str, str]

CHARS_PER_TOKEN: Final = 4.1
"""A little below what `python -m benchmarks.prompt_tokens` measures with the embedded model's tokenizer."""
CHARS_PER_TOKEN_AT_LEAST: Final = 3.0  # of the shipped prompts: on the safe side
_TOKENS_PER_MESSAGE: Final = 5  # the chat template's marks and role around a message
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt. `fields` and `prompt_version` identify it in the cache; the model reads `prefix` and `turns`.

    `prefix` has our own texts, the same for many prompts; `turns` has all messages with untrusted text.
    """

    prompt_version: str
    fields: dict[str, Any]
    attempt: int
    prefix: tuple[Message, ...]
    turns: tuple[Message, ...]
    schema: dict[str, Any]
    max_tokens: int
    temperature: float = 0.0

    @property
    def messages(self) -> list[Message]:
        """The chat."""
        return [*self.prefix, *self.turns]

    @property
    def seed(self) -> int:
        """The seed that is sent: the same for the same prompt."""
        return seed_for(to_json(self.fields), str(self.attempt)) % 2**31

    def key(self, model: str) -> str:
        """Returns the cache key: model, parameters, prompt version, input fields, attempt."""
        parameters = {"temperature": self.temperature, "max_tokens": self.max_tokens, "schema": self.schema}
        return hash_text(model, to_json(parameters), self.prompt_version, to_json(self.fields), str(self.attempt))

    def bound(self, thinking_tokens: int | None = None) -> tuple[int, int]:
        """Returns an upper bound of the call's tokens (in, out): untrusted text counts as a token per byte."""
        ours = sum(len(message["content"]) for message in self.prefix) + len(to_json(self.schema))
        theirs = sum(len(message["content"].encode("utf-8", "replace")) for message in self.turns)
        tokens_in = int(ours / CHARS_PER_TOKEN_AT_LEAST) + theirs + 2 * _TOKENS_PER_MESSAGE * len(self.messages)
        return tokens_in, self.max_tokens + (thinking_tokens or 0)

    def tokens_in(self) -> int:
        """Returns about how many tokens the messages have."""
        characters = sum(len(message["content"]) for message in self.messages)
        return round(characters / CHARS_PER_TOKEN) + _TOKENS_PER_MESSAGE * len(self.messages)


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Returns the JSON schema of an object that has exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def plain(text: str) -> str:
    """Returns untrusted text without control, direction and other invisible characters, and with single spaces."""
    kept = (" " if c.isspace() else "" if unicodedata.category(c) in _INVISIBLE else c for c in text)
    return " ".join("".join(kept).split())
