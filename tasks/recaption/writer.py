"""Writes one caption: the model in its own words, repair rounds, else the rules.

Every answer is checked by the same validator; what was refused is kept with its reasons. Source: SPEC A6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from data_contracts import ItemError, to_json
from tasks.language.cues import CuedCaption
from tasks.language.edit import match_style
from tasks.language.validator import judge
from tasks.llm.client import LLMClient, UnavailableError
from tasks.llm.completion import CompletionError
from tasks.llm.prompt import Message, Prompt, object_schema, plain
from tasks.llm.prompt_templates import PromptTemplates, data_turn
from tasks.recaption.request import EXAMPLES, example_set, request_fields
from tasks.recaption.rules import rewrites

MAX_PROMPTED_CHARS: Final = 600  # longer captions are left to the rules
MAX_CHARS: Final = 2000  # longer captions are quarantined, and refused answers are cut here
_REPAIR_TEMPERATURE: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCaption:
    """A caption, who wrote it (llm, llm_retry, rule, original), and the refused answers before it."""

    caption: CuedCaption
    source: str
    attempts: int = 0
    rejected: tuple[dict[str, Any], ...] = ()
    unavailable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """How often a refused caption is tried again, and whether the model is told what was wrong.

    Small models do better when the same prompt is sent again: told what was wrong, they copy the examples.
    """

    rounds: int = 1
    feedback: bool = False


def by_rule(caption: CuedCaption, level: str, degree: str = "plain") -> WrittenCaption:
    """Returns the rules' caption. Raises ItemError when the rules have none."""
    return WrittenCaption(caption=rewrites(cleaned(caption), level, degree, limit=1)[0], source="rule")


async def by_model(
    caption: CuedCaption,
    level: str,
    client: LLMClient,
    templates: PromptTemplates,
    repair: Repair,
    *,
    degree: str = "plain",
    parse: bool = False,
    min_similarity: float = 0.0,
) -> WrittenCaption:
    """Returns the model's caption; the rules', with `unavailable` set, when no server answers.

    Raises ItemError when not even the rules have a caption, and whatever else `client` raises.
    """
    caption = cleaned(caption)
    if len(caption.text) > MAX_PROMPTED_CHARS:
        return by_rule(caption, level, degree)
    ruled = by_rule(caption, level, degree)
    writer = _CaptionWriter(caption, level, degree, templates, client, parse, min_similarity, [])
    trouble = ""
    try:
        if written := await writer.tries(repair):
            return written
    except UnavailableError as error:
        trouble = str(error)
    return WrittenCaption(
        caption=ruled.caption,
        source="rule",
        attempts=len(writer.rejected),
        rejected=tuple(writer.rejected),
        unavailable=trouble,
    )


def cleaned(caption: CuedCaption) -> CuedCaption:
    """Returns the caption without invisible characters, its cue moved along. Raises ItemError when it is too long."""
    clean = caption.cleaned(plain)
    if len(clean.text) > MAX_CHARS:
        raise ItemError(
            "caption_too_long", f"the caption has {len(clean.text):,} characters; at most {MAX_CHARS:,} are read"
        )
    return clean


@dataclass(frozen=True, slots=True)
class _CaptionWriter:
    caption: CuedCaption
    level: str
    degree: str
    templates: PromptTemplates
    client: LLMClient
    parse: bool
    min_similarity: float
    rejected: list[dict[str, Any]]

    async def tries(self, repair: Repair) -> WrittenCaption | None:
        """Returns the model's caption from a first try or repair rounds; None when all are refused."""
        for number in range(1 + repair.rounds):
            feedback = self._feedback() if number and repair.feedback else None
            prompt = self._prompt(0.0 if number == 0 else _REPAIR_TEMPERATURE, feedback)
            text, caption, problems = await self._complete(prompt)
            if caption is not None:
                return self._written(caption, "llm_retry" if number else "llm")
            self.rejected.append({"caption": text, "problems": problems})
        return None

    def _written(self, caption: CuedCaption, source: str) -> WrittenCaption:
        count = len(self.rejected)
        return WrittenCaption(caption=caption, source=source, attempts=count + 1, rejected=tuple(self.rejected))

    async def _complete(self, prompt: Prompt) -> tuple[str, CuedCaption | None, list[str]]:
        """Returns the model's text, and the accepted caption with its new cue or why the text is refused."""
        try:
            text = (await self.client.complete(prompt)).get("caption")
        except CompletionError as error:
            return "", None, [str(error)]
        if not isinstance(text, str):
            return "", None, ["no caption in the answer"]
        text = match_style(text, self.caption.text)
        caption, problems = judge(self.caption, text, self.level, parse=self.parse, min_similarity=self.min_similarity)
        return text[:MAX_CHARS], None if problems else caption, problems

    def _feedback(self) -> dict[str, Any]:
        """The last refused answer and its problems, with the task repeated."""
        last = self.rejected[-1]
        return {**self._fields(), "refused": last["caption"], "problems": last["problems"]}

    def _fields(self) -> dict[str, Any]:
        return request_fields(self.caption, self.level, self.degree)

    def _prompt(self, temperature: float, feedback: dict[str, Any] | None) -> Prompt:
        turns: tuple[Message, ...] = (data_turn(self._fields()),)
        if feedback and feedback["refused"]:
            said: Message = {"role": "assistant", "content": to_json({"caption": feedback["refused"]})}
            turns = (*turns, said, data_turn(feedback))
        return Prompt(
            prompt_version=self.templates.version,
            fields={**(feedback or self._fields()), "level": self.level},
            attempt=len(self.rejected) + 1,
            prefix=self.templates.drawn(self.level, example_set(self.caption, self.level), EXAMPLES),
            turns=turns,
            schema=object_schema({"caption": {"type": "string", "maxLength": len(self.caption.text) + 80}}),
            max_tokens=48 + len(self.caption.text),  # far more than English needs, so that only rambling is cut off
            temperature=temperature,
        )
