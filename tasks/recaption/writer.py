"""The chain that writes one caption: model, one resample, a choice among the rules' candidates, the best rule.

Every step's answer meets the same validator; what was refused is kept with its reasons. Source: SPEC A6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tasks.llm.client import AnswerError, Client, Question, UnavailableError
from tasks.llm.prompts import PromptSet
from tasks.recaption.rules import Rewrite, match_style, rewrites
from tasks.recaption.validator import check

_FREE: Final = (("llm", 0.0), ("llm_retry", 0.7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A caption, who wrote it (llm, llm_retry, enum, rule), and the answers that were refused on the way."""

    caption: str
    source: str
    attempts: int = 0
    rejected: tuple[dict[str, Any], ...] = ()
    unavailable: str = ""


def by_rule(caption: str, level: str) -> Written:
    """Returns the rules' best caption. Raises ItemError when the rules have none."""
    return Written(caption=rewrites(caption, level)[0].caption, source="rule")


async def by_model(caption: str, level: str, client: Client, prompts: PromptSet) -> Written:
    """Returns the chain's caption; the rule's, with `unavailable` set, when no server answers.

    Raises ItemError when not even the rules have a caption, UsageError and BudgetError as `Client.ask` does.
    """
    candidates = rewrites(caption, level)
    rejected: list[dict[str, Any]] = []
    attempt = 0
    try:
        for attempt, (source, temperature) in enumerate(_FREE, start=1):
            question = _question(caption, level, candidates[0], prompts, attempt, temperature)
            answer, problems = await _answer(client, question, caption, level)
            if not problems:
                return Written(caption=answer, source=source, attempts=attempt, rejected=tuple(rejected))
            rejected.append({"caption": answer, "problems": problems})
        if len(candidates) > 1:
            attempt += 1
            question = _choice(caption, level, candidates, prompts, attempt)
            answer, problems = await _answer(client, question, caption, level)
            if not problems and answer in {candidate.caption for candidate in candidates}:
                return Written(caption=answer, source="enum", attempts=attempt, rejected=tuple(rejected))
            rejected.append({"caption": answer, "problems": problems or ["not one of the candidates"]})
    except UnavailableError as error:
        trouble = str(error)
    else:
        trouble = ""
    return Written(
        caption=candidates[0].caption,
        source="rule",
        attempts=attempt,
        rejected=tuple(rejected),
        unavailable=trouble,
    )


async def _answer(client: Client, question: Question, caption: str, level: str) -> tuple[str, list[str]]:
    """Returns the model's caption and why it is refused (empty: accepted)."""
    try:
        text = (await client.ask(question)).get("caption")
    except AnswerError as error:
        return "", [str(error)]
    if not isinstance(text, str):
        return "", ["no caption in the answer"]
    text = match_style(text, caption)
    return text, check(caption, text, level)


def _question(
    caption: str, level: str, best: Rewrite, prompts: PromptSet, attempt: int, temperature: float
) -> Question:
    fields = {"caption": caption, "edit": best.hint}
    answer = {"type": "string", "maxLength": len(caption) + 80}
    return Question(
        prompt_version=prompts.version,
        fields={**fields, "level": level},
        attempt=attempt,
        messages=prompts.prompts[level].messages(prompts.prompts["system"].text, fields),
        schema=_schema(answer),
        max_tokens=48 + len(caption),  # far more than English needs, so that only rambling is cut off
        temperature=temperature,
    )


def _choice(caption: str, level: str, candidates: list[Rewrite], prompts: PromptSet, attempt: int) -> Question:
    """The same chat, but the answer must be one of the candidates: full strings, because letters bias the choice."""
    free = _question(caption, level, candidates[0], prompts, attempt, 0.0)
    return Question(
        prompt_version=free.prompt_version,
        fields=free.fields,
        attempt=attempt,
        messages=free.messages,
        schema=_schema({"type": "string", "enum": [candidate.caption for candidate in candidates]}),
        max_tokens=free.max_tokens,
    )


def _schema(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"caption": answer},
        "required": ["caption"],
        "additionalProperties": False,
    }
