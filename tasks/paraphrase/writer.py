"""Writes the paraphrases of one caption: the model's valid ones first, then the rules'. Source: SPEC A7."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tasks.language.content import words
from tasks.language.cues import CuedCaption
from tasks.language.edit import match_style
from tasks.language.finder import all_cues
from tasks.llm.client import LLMClient, UnavailableError
from tasks.llm.completion import CompletionError
from tasks.llm.prompt import Prompt, object_schema, plain
from tasks.llm.prompt_templates import PromptTemplates, data_turn
from tasks.paraphrase.forms import FormRequest, requested_forms
from tasks.paraphrase.rules import key_tokens, paraphrases
from tasks.paraphrase.validator import problems_of, wording
from tasks.recaption.writer import MAX_PROMPTED_CHARS

EXTRA: Final = 1  # requested beyond what is wanted
_RETRY_TEMPERATURE: Final = 0.8  # at temperature 0 a further try would repeat the first
_MAX_TOKENS_EACH: Final = 60
_MAX_REFUSED_CHARS: Final = 1000
_MAX_KEY_TOKENS: Final = 12  # of one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenParaphrases:
    """Paraphrases with their source (llm, rule), the caption's key tokens, and what was refused of the model's.

    `judged` counts the model's paraphrases, good and bad, in all its answers.
    """

    paraphrases: tuple[tuple[str, str], ...]
    key_tokens: tuple[str, ...]
    rejected: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unavailable: str = ""
    judged: int = 0


def by_rule(caption: CuedCaption, count: int) -> WrittenParaphrases:
    """Returns up to `count` paraphrases by the rules."""
    caption = caption.cleaned(plain)
    return WrittenParaphrases(
        paraphrases=tuple((text, "rule") for text in paraphrases(caption, count)), key_tokens=key_tokens(caption)
    )


async def by_model(
    caption: CuedCaption,
    count: int,
    client: LLMClient,
    templates: PromptTemplates,
    *,
    rounds: int = 1,
    parse: bool = False,
    min_similarity: float = 0.0,
) -> WrittenParaphrases:
    """Returns `count` paraphrases, fewer when model and rules together have fewer.

    Each of the model's is checked alone. What is missing is requested up to `rounds` times more, then the rules write
    it. When no server answers, `unavailable` says why. Raises whatever else `client` raises.
    """
    caption = caption.cleaned(plain)
    if len(caption.text) > MAX_PROMPTED_CHARS:
        return by_rule(caption, count)
    search = _Search(caption, parse, min_similarity)
    trouble = ""
    try:
        for attempt in range(1, 2 + rounds):
            missing = count - len(search.found)
            if missing > 0:
                forms = requested_forms(caption, missing + EXTRA, search.requested)
                search.requested += len(forms)
                await search.add(_prompt(caption.text, forms, templates, attempt), client, forms)
    except UnavailableError as error:
        trouble = str(error)
    return search.written(count, trouble)


@dataclass(slots=True)
class _Search:
    """The model's paraphrases of one caption so far: accepted ones by their wording, refused ones with reasons."""

    caption: CuedCaption
    parse: bool
    min_similarity: float
    found: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)
    rejected: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    requested: int = 0

    async def add(self, prompt: Prompt, client: LLMClient, forms: FormRequest) -> None:
        """Checks the paraphrases of one answer in the order of their request, at most twice as many as requested."""
        try:
            answer = await client.complete(prompt)
        except CompletionError as error:
            self.rejected.append(("", (str(error),)))
            return
        self.tokens += _texts(answer.get("key_tokens"))[:_MAX_KEY_TOKENS]
        for text in _texts(answer.get("paraphrases"), forms)[: 2 * len(forms)]:
            styled = match_style(text, self.caption.text)
            problems = problems_of(self.caption, styled, parse=self.parse, min_similarity=self.min_similarity)
            if not problems and wording(styled) in self.found:
                problems = ["repeats another"]
            if problems:
                self.rejected.append((styled[:_MAX_REFUSED_CHARS], tuple(problems)))
            else:
                self.found[wording(styled)] = (styled, "llm")

    def written(self, count: int, unavailable: str) -> WrittenParaphrases:
        """Returns the first `count` of the model's, filled up by the rules."""
        found = dict(self.found)
        for text in paraphrases(self.caption, count + len(found)) if len(found) < count else ():
            found.setdefault(wording(text), (text, "rule"))
        return WrittenParaphrases(
            paraphrases=tuple(found.values())[:count],
            key_tokens=_checked_tokens(self.caption, self.tokens),
            rejected=tuple(self.rejected),
            unavailable=unavailable,
            judged=len(self.found) + sum(1 for text, _ in self.rejected if text),
        )


def _texts(value: Any, names: Iterable[str] = ()) -> list[str]:
    """The strings of an object, those with these names first, or of a list, as a server without schemas may send."""
    if isinstance(value, dict):
        named = {name: value[name] for name in names if name in value}
        value = list({**named, **value}.values())
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _checked_tokens(caption: CuedCaption, answer: list[str]) -> tuple[str, ...]:
    """The model's tokens that are in the caption, and every cue; the rules' tokens when none is left."""
    inside = f" {' '.join(words(caption.text))} "
    tokens = [" ".join(words(text)) for text in answer]
    kept = [token for token in tokens if token and f" {token} " in inside]
    if not kept:
        return key_tokens(caption)
    said = [" ".join(words(cue.words)) for cue in all_cues(caption)]
    missing = [text for text in said if not any(text in token for token in kept)]
    return tuple(dict.fromkeys([*kept, *missing]))


def _prompt(caption: str, forms: FormRequest, templates: PromptTemplates, attempt: int) -> Prompt:
    fields = {"caption": caption, "write": forms}
    names = sorted(forms)  # as in the prompt's examples
    text = {"type": "string", "maxLength": len(caption) + 80}
    lists = {
        "key_tokens": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": _MAX_KEY_TOKENS},
        "paraphrases": object_schema(dict.fromkeys(names, text)),
    }
    return Prompt(
        prompt_version=templates.version,
        fields=fields,
        attempt=attempt,
        prefix=templates["paraphrase"],
        turns=(data_turn(fields),),
        schema=object_schema(lists),
        max_tokens=max(_MAX_TOKENS_EACH, len(caption) // 3 + 20) * (len(forms) + 2),
        temperature=0.0 if attempt == 1 else _RETRY_TEMPERATURE,
    )
