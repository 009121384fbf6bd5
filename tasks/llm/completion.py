"""What a model returned: its text, its price, and the JSON object inside the text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

_THOUGHTS_BEGIN: Final = re.compile(r"<think(?:ing)?>|\[THINK\]")
_THOUGHTS_END: Final = re.compile(r"</think(?:ing)?>|\[/THINK\]")  # some servers send only this one


class CompletionError(Exception):
    """A completion without the JSON object that was asked for. The message is a short reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's raw text, whether the token limit cut it off, and the tokens that were billed.

    `refused`: the model or the provider's filter did not answer; the text is the reason.
    `price_share` is the share of the full price that was paid: below 1 for a batch.
    """

    text: str
    cut_off: bool
    refused: bool = False
    tokens_in: int
    tokens_out: int
    price_share: float = 1.0

    @property
    def usable(self) -> bool:
        """Whether there is an answer in it."""
        try:
            self.answer()
        except CompletionError:
            return False
        return True

    @property
    def cut_off_early(self) -> bool:
        """Whether it was cut off before an answer began, as happens to a model that thinks first."""
        return self.cut_off and "{" not in _without_thoughts(self.text)

    def answer(self) -> dict[str, Any]:
        """Returns the JSON object: in a code fence, after thoughts, or between other words. Raises CompletionError."""
        if self.cut_off:
            raise CompletionError("cut off")
        if self.refused:
            raise CompletionError("refused")
        text = _without_thoughts(self.text)
        value = _loads(text)
        if value is None and (start := text.find("{")) >= 0:
            value = _loads(text[start : text.rfind("}") + 1])
        if value is None:
            raise CompletionError("not JSON")
        if not isinstance(value, dict):
            raise CompletionError("not a JSON object")
        return value


def _without_thoughts(text: str) -> str:
    """The text after the last thoughts, without those that never end."""
    return _THOUGHTS_BEGIN.split(_THOUGHTS_END.split(text)[-1])[0].strip()


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
