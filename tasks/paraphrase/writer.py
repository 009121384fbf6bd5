"""Paraphrases of one caption: the model's valid ones first, the rules' for what is missing. Source: SPEC A7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tasks.llm.client import AnswerError, Asker, UnavailableError
from tasks.llm.prompts import PromptSet, data_turn
from tasks.llm.question import Question, plain
from tasks.paraphrase.rules import key_tokens, paraphrases, ways
from tasks.paraphrase.validator import SIDES, problems_of, wording
from tasks.recaption.lexicon import find_cues
from tasks.recaption.rules import match_style
from tasks.recaption.validator import words

OVER: Final = 1  # asked for beyond what is wanted; more makes every one worse
LONGEST: Final = 600  # characters that a model is asked about
_MAX_TOKENS_EACH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Paraphrases with their source (llm, rule), the caption's key tokens, and the answers that were refused."""

    paraphrases: tuple[tuple[str, str], ...]
    key_tokens: tuple[str, ...]
    rejected: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unavailable: str = ""


def by_rule(caption: str, count: int) -> Written:
    """Returns up to `count` paraphrases by the rules."""
    caption = plain(caption)
    return Written(
        paraphrases=tuple((text, "rule") for text in paraphrases(caption, count)), key_tokens=key_tokens(caption)
    )


async def by_model(caption: str, count: int, asker: Asker, prompts: PromptSet) -> Written:
    """Returns `count` paraphrases, fewer when model and rules together have fewer.

    Each of the model's is judged alone: a bad one does not spoil its neighbours. When no server answers, all are the
    rules' and `unavailable` says why. Raises whatever else `asker` raises.
    """
    caption = plain(caption)
    if len(caption) > LONGEST:
        return by_rule(caption, count)
    try:
        answer = await asker.ask(_question(caption, count, prompts))
    except AnswerError as error:
        rules = by_rule(caption, count)
        return Written(paraphrases=rules.paraphrases, key_tokens=rules.key_tokens, rejected=(("", (str(error),)),))
    except UnavailableError as error:
        rules = by_rule(caption, count)
        return Written(paraphrases=rules.paraphrases, key_tokens=rules.key_tokens, unavailable=str(error))
    return _judged(caption, answer, count)


def _judged(caption: str, answer: dict[str, Any], count: int) -> Written:
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    rejected = []
    for text in _texts(answer.get("paraphrases")):
        styled = match_style(text, caption)
        problems = problems_of(caption, styled)
        if not problems and wording(styled) in found:
            problems = ["repeats another"]
        if problems:
            rejected.append((styled, tuple(problems)))
        else:
            found[wording(styled)] = (styled, "llm")
    for text in paraphrases(caption, count + len(found)) if len(found) < count else ():
        found.setdefault(wording(text), (text, "rule"))
    return Written(
        paraphrases=tuple(found.values())[:count],
        key_tokens=_checked_tokens(caption, answer.get("key_tokens")),
        rejected=tuple(rejected),
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
    fields = {
        "caption": caption,
        "keep": ways(caption),
        "count": count + OVER,
    }
    text = {"type": "string", "maxLength": len(caption) + 80}
    lists = {
        "key_tokens": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 12},
        "paraphrases": {"type": "array", "items": text, "minItems": count + OVER, "maxItems": count + OVER},
    }
    return Question(
        prompt_version=prompts.version,
        fields=fields,
        attempt=1,
        prefix=prompts.prompts["paraphrase"].prefix,
        turns=(data_turn(fields),),
        schema={
            "type": "object",
            "properties": lists,
            "required": ["key_tokens", "paraphrases"],
            "additionalProperties": False,
        },
        max_tokens=max(_MAX_TOKENS_EACH, len(caption) // 3 + 20) * (count + OVER + 2),
    )
