"""Paraphrases of one caption: the model's valid ones first, the rules' for what is missing. Source: SPEC A7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tasks.llm.client import AnswerError, Client, Question, UnavailableError
from tasks.llm.prompts import PromptSet
from tasks.paraphrase.rules import key_tokens, paraphrases
from tasks.paraphrase.validator import SIDES, problems_of, wording
from tasks.recaption.lexicon import find_cues
from tasks.recaption.rules import match_style
from tasks.recaption.validator import words

OVER: Final = 2  # asked for beyond what is wanted: about a third is refused
_MAX_TOKENS_EACH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Paraphrases with their source (llm, rule), and the caption's key tokens."""

    paraphrases: tuple[tuple[str, str], ...]
    key_tokens: tuple[str, ...]
    unavailable: str = ""


def by_rule(caption: str, count: int) -> Written:
    """Returns up to `count` paraphrases by the rules."""
    return Written(
        paraphrases=tuple((text, "rule") for text in paraphrases(caption, count)), key_tokens=key_tokens(caption)
    )


async def by_model(caption: str, count: int, client: Client, prompts: PromptSet) -> Written:
    """Returns `count` paraphrases, fewer when model and rules together have fewer.

    When no server answers, all are the rules' and `unavailable` says why. Raises as `Client.ask` does otherwise.
    """
    try:
        answer = await client.ask(_question(caption, count, prompts))
    except AnswerError:
        return by_rule(caption, count)
    except UnavailableError as error:
        rules = by_rule(caption, count)
        return Written(paraphrases=rules.paraphrases, key_tokens=rules.key_tokens, unavailable=str(error))
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for text in _texts(answer.get("paraphrases")):
        styled = match_style(text, caption)
        if not problems_of(caption, styled):
            found.setdefault(wording(styled), (styled, "llm"))
    for text in paraphrases(caption, count + len(found)):
        found.setdefault(wording(text), (text, "rule"))
    return Written(
        paraphrases=tuple(found.values())[:count], key_tokens=_checked_tokens(caption, answer.get("key_tokens"))
    )


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _checked_tokens(caption: str, answer: Any) -> tuple[str, ...]:
    """The model's tokens that stand in the caption, and every phrase that says a side; the rules' when none is left."""
    inside = f" {' '.join(words(caption))} "
    tokens = [" ".join(words(text)) for text in _texts(answer)]
    kept = [token for token in tokens if token and f" {token} " in inside]
    if not kept:
        return key_tokens(caption)
    said = [" ".join(words(cue.text)) for cue in find_cues(caption, *SIDES)]
    missing = [text for text in said if not any(text in token for token in kept)]
    return tuple(dict.fromkeys([*kept, *missing]))


def _question(caption: str, count: int, prompts: PromptSet) -> Question:
    fields = {"caption": caption, "count": count + OVER}
    text = {"type": "string", "maxLength": len(caption) + 80}
    lists = {
        "key_tokens": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 12},
        "paraphrases": {"type": "array", "items": text, "minItems": count + OVER, "maxItems": count + OVER},
    }
    return Question(
        prompt_version=prompts.version,
        fields=fields,
        attempt=1,
        messages=prompts.prompts["paraphrase"].messages(prompts.prompts["system"].text, fields),
        schema={
            "type": "object",
            "properties": lists,
            "required": ["key_tokens", "paraphrases"],
            "additionalProperties": False,
        },
        max_tokens=_MAX_TOKENS_EACH * (count + OVER + 2),
    )
