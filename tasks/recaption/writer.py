"""The chain that writes one caption: model, repair rounds, a choice among the rules' candidates, the best rule.

Every step's answer meets the same validator; what was refused is kept with its reasons. Source: SPEC A6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from data_contracts import ItemError, to_json
from tasks.language.validator import check
from tasks.llm.client import LLMClient, UnavailableError
from tasks.llm.completion import CompletionError
from tasks.llm.prompt import Message, Prompt, plain
from tasks.llm.prompt_templates import PromptTemplates, data_turn
from tasks.recaption.rules import Rewrite, match_style, rewrites

LONGEST: Final = 600  # characters that a model is asked about: no caption of a sound is longer
NO_CAPTION: Final = 2000  # characters beyond which a text is quarantined, and of a refused answer none is kept
_REPAIR_TEMPERATURE: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A caption, who wrote it (llm, llm_retry, enum, rule), and the answers that were refused on the way."""

    caption: str
    source: str
    attempts: int = 0
    rejected: tuple[dict[str, Any], ...] = ()
    unavailable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """How often a refused caption is tried again, and whether the model is told what was wrong.

    Small models answer better when they are just asked again: told, they copy the examples.
    """

    rounds: int = 1
    feedback: bool = False


def by_rule(caption: str, level: str) -> Written:
    """Returns the rules' best caption. Raises ItemError when the rules have none."""
    return Written(caption=rewrites(_clean(caption), level)[0].caption, source="rule")


async def by_model(caption: str, level: str, client: LLMClient, templates: PromptTemplates, repair: Repair) -> Written:
    """Returns the chain's caption; the rule's, with `unavailable` set, when no server answers.

    Raises ItemError when not even the rules have a caption, and whatever else `client` raises.
    """
    caption = _clean(caption)
    if len(caption) > LONGEST:
        return by_rule(caption, level)
    chain = _Chain(caption, level, rewrites(caption, level), templates, client, [])
    trouble = ""
    try:
        if written := await chain.free(repair) or await chain.choice():
            return written
    except UnavailableError as error:
        trouble = str(error)
    return Written(
        caption=chain.candidates[0].caption,
        source="rule",
        attempts=len(chain.rejected),
        rejected=tuple(chain.rejected),
        unavailable=trouble,
    )


def _clean(caption: str) -> str:
    text = plain(caption)
    if len(text) > NO_CAPTION:
        raise ItemError(
            "caption_too_long", f"the caption has {len(text):,} characters; at most {NO_CAPTION:,} are read"
        )
    return text


@dataclass(frozen=True, slots=True)
class _Chain:
    caption: str
    level: str
    candidates: list[Rewrite]
    templates: PromptTemplates
    client: LLMClient
    rejected: list[dict[str, Any]]

    async def free(self, repair: Repair) -> Written | None:
        """The model's own words: a first try and repair rounds."""
        for number in range(1 + repair.rounds):
            feedback = self._feedback() if number and repair.feedback else None
            prompt = self._prompt(0.0 if number == 0 else _REPAIR_TEMPERATURE, feedback)
            answer, problems = await self._answer(prompt)
            if not problems:
                return self._written(answer, "llm_retry" if number else "llm")
            self.rejected.append({"caption": answer, "problems": problems})
        return None

    async def choice(self) -> Written | None:
        """One of the rules' candidates, when there is a choice. Full strings: letters would bias it."""
        texts = [candidate.caption for candidate in self.candidates]
        if len(texts) < 2:
            return None
        answer, problems = await self._answer(self._prompt(0.0, None, {"type": "string", "enum": texts}))
        if not problems and answer in texts:
            return self._written(answer, "enum")
        self.rejected.append({"caption": answer, "problems": problems or ["not one of the candidates"]})
        return None

    def _written(self, caption: str, source: str) -> Written:
        count = len(self.rejected)
        return Written(caption=caption, source=source, attempts=count + 1, rejected=tuple(self.rejected))

    async def _answer(self, prompt: Prompt) -> tuple[str, list[str]]:
        """Returns the model's caption and why it is refused (empty: accepted)."""
        try:
            text = (await self.client.complete(prompt)).get("caption")
        except CompletionError as error:
            return "", [str(error)]
        if not isinstance(text, str):
            return "", ["no caption in the answer"]
        text = match_style(text, self.caption)
        return text[:NO_CAPTION], check(self.caption, text, self.level)

    def _feedback(self) -> dict[str, Any]:
        """The last refused answer and why, as data, with the task once more."""
        last = self.rejected[-1]
        return {**self._fields(), "refused": last["caption"], "problems": last["problems"]}

    def _fields(self) -> dict[str, Any]:
        return {"caption": self.caption, "edit": self.candidates[0].hint}

    def _prompt(
        self, temperature: float, feedback: dict[str, Any] | None, answer: dict[str, Any] | None = None
    ) -> Prompt:
        turns: tuple[Message, ...] = (data_turn(self._fields()),)
        if feedback and feedback["refused"]:
            said: Message = {"role": "assistant", "content": to_json({"caption": feedback["refused"]})}
            turns = (*turns, said, data_turn(feedback))
        return Prompt(
            prompt_version=self.templates.version,
            fields={**(feedback or self._fields()), "level": self.level},
            attempt=len(self.rejected) + 1,
            prefix=self.templates[self.level],
            turns=turns,
            schema=_schema(answer or {"type": "string", "maxLength": len(self.caption) + 80}),
            max_tokens=48 + len(self.caption),  # far more than English needs, so that only rambling is cut off
            temperature=temperature,
        )


def _schema(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"caption": answer},
        "required": ["caption"],
        "additionalProperties": False,
    }
