"""Prompt files: Markdown with a system text or an instruction, then shots as pairs of JSON lines.

The version is a number that people raise plus a hash of the files, so an edited prompt never meets old answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts import to_json
from tasks.engine.workspace import hash_text
from tasks.llm.question import Message, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One file: the instruction, shots as (input, answer), and the chat that they make."""

    text: str
    shots: tuple[tuple[dict[str, Any], dict[str, Any]], ...]
    prefix: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """All prompts of a stage, by file name without suffix; `system.md` opens each chat."""

    version: str
    prompts: dict[str, Prompt]

    @classmethod
    def load(cls, folder: Path, number: int) -> PromptSet:
        """Reads the folder's `*.md` files. `number` is the version that people raise."""
        texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.md"))}
        digest = hash_text(*(part for name in sorted(texts) for part in (name, texts[name])))[:8]
        system = texts.get("system", "").strip()
        prompts = {name: _prompt("" if name == "system" else system, text) for name, text in texts.items()}
        return cls(version=f"{number}-{digest}", prompts=prompts)


def data_turn(fields: dict[str, Any]) -> Message:
    """Returns the input as a user message: one line of JSON, so that no text in it can end its own string.

    Everything untrusted is inside a JSON string, with `<` and `>` escaped too: tags that a chat template or a model
    might take for marks of its own ("</caption>", "<|im_start|>") reach it as letters.
    """
    data = json.dumps(_plain(fields), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {"role": "user", "content": data.replace("<", "\\u003c").replace(">", "\\u003e")}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _prompt(system: str, text: str) -> Prompt:
    lines = text.splitlines()
    data = [json.loads(line) for line in lines if line.startswith("{")]
    prose = "\n".join(line for line in lines if not line.startswith("{")).strip()
    shots = tuple(zip(data[::2], data[1::2], strict=True))
    chat: list[Message] = [{"role": "system", "content": f"{system}\n{prose}".strip()}]
    for given, answer in shots:
        chat += [data_turn(given), {"role": "assistant", "content": to_json(answer)}]
    return Prompt(text=prose, shots=shots, prefix=tuple(chat))
