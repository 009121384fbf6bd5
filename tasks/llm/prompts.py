"""Prompt files: Markdown with a system text or an instruction, then shots as pairs of JSON lines.

The version is a number that people raise plus a hash of the files, so an edited prompt never meets old answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts import to_json
from tasks.workspace import hash_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One file: the instruction, and shots as (input, answer)."""

    text: str
    shots: tuple[tuple[dict[str, Any], dict[str, Any]], ...]

    def messages(self, system: str, fields: dict[str, Any]) -> tuple[dict[str, str], ...]:
        """Returns the chat: system text, shots, then the input as JSON data."""
        chat = [{"role": "system", "content": f"{system}\n{self.text}".strip()}]
        for given, answer in self.shots:
            chat.append({"role": "user", "content": to_json(given)})
            chat.append({"role": "assistant", "content": to_json(answer)})
        return (*chat, {"role": "user", "content": to_json(fields)})


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """All prompts of a stage, by file name without suffix."""

    version: str
    prompts: dict[str, Prompt]

    @classmethod
    def load(cls, folder: Path, number: int) -> PromptSet:
        """Reads the folder's `*.md` files. `number` is the version that people raise."""
        texts = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.md"))}
        digest = hash_text(*(part for name in sorted(texts) for part in (name, texts[name])))[:8]
        return cls(version=f"{number}-{digest}", prompts={name: _prompt(text) for name, text in texts.items()})


def _prompt(text: str) -> Prompt:
    lines = text.splitlines()
    data = [json.loads(line) for line in lines if line.startswith("{")]
    prose = "\n".join(line for line in lines if not line.startswith("{")).strip()
    return Prompt(text=prose, shots=tuple(zip(data[::2], data[1::2], strict=True)))
