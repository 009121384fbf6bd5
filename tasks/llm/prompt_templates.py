"""Prompt templates: Markdown files with a system text or an instruction, then shots as pairs of JSON lines.

The version is a number that people raise plus a hash of the files, so an edited prompt misses the cache.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts import to_json
from tasks.engine.workspace import hash_text
from tasks.llm.prompt import Message, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplates:
    """The first messages of each kind of prompt of a stage, by its file's name without suffix.

    Each chat begins with the text of `system.md` and of its own file; then come the shots.
    """

    version: str
    by_name: dict[str, tuple[Message, ...]]

    def __getitem__(self, name: str) -> tuple[Message, ...]:
        return self.by_name[name]

    def drawn(self, name: str, draw: int, count: int) -> tuple[Message, ...]:
        """Returns the first message and `count` of the examples of a kind of prompt, chosen and ordered by `draw`."""
        first, *rest = self.by_name[name]
        examples = zip(rest[::2], rest[1::2], strict=True)
        chosen = sorted(examples, key=lambda example: hash_text(str(draw), example[0]["content"]))[:count]
        return (first, *(message for example in chosen for message in example))

    @classmethod
    def load(cls, folder: Path, number: int) -> PromptTemplates:
        """Reads the folder's `*.md` files. `number` is the version that people raise."""
        texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.md"))}
        digest = hash_text(*(part for name in sorted(texts) for part in (name, texts[name])))[:8]
        system = texts.get("system", "").strip()
        by_name = {name: _messages("" if name == "system" else system, text) for name, text in texts.items()}
        return cls(version=f"{number}-{digest}", by_name=by_name)


def data_turn(fields: dict[str, Any]) -> Message:
    """Returns the input as a user message: one line of JSON, so that no text in it can end its own string.

    Everything untrusted is inside a JSON string, with `<` and `>` escaped too, so that a chat template or a model does
    not take tags in it ("</caption>", "<|im_start|>") for its own.
    """
    data = json.dumps(_plain(fields), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {"role": "user", "content": data.replace("<", "\\u003c").replace(">", "\\u003e")}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _messages(system: str, text: str) -> tuple[Message, ...]:
    lines = text.splitlines()
    prose = "\n".join(line for line in lines if not line.startswith("{")).strip()
    messages: list[Message] = [{"role": "system", "content": f"{system}\n{prose}".strip()}]
    data = [json.loads(line) for line in lines if line.startswith("{")]
    for given, answer in zip(data[::2], data[1::2], strict=True):
        messages += [data_turn(given), {"role": "assistant", "content": to_json(answer)}]
    return tuple(messages)
