"""What the caption stages would ask: calls, tokens and rows answered already, from the real prompts and the real cache.

A row is followed through its chain with the answers that the cache has; the first prompt without one is a call. Many
rows are sampled. Later tries are not counted: they depend on answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import ItemError
from tasks.language.cues import LEVELS
from tasks.llm.cache import CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError, finished
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import CHARS_PER_TOKEN
from tasks.llm.prompt_templates import PromptTemplates
from tasks.paraphrase import writer as paraphrasing
from tasks.paraphrase.stage import ParaphraseStage
from tasks.recaption import writer as recaptioning
from tasks.recaption.stage import RecaptionStage, repair_of

SAMPLED: Final = 1000
"""Rows looked at: the rules take some milliseconds each."""
_ANSWER_CHARS: Final = 40  # braces and names of the answer, and the words that a level adds
_QUOTES_CHARS: Final = 4  # around each sentence
Row = tuple[str, str]
"""A caption and the level that it gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMEstimate:
    """Calls still to be made, rows whose answers are in the cache, and the tokens of the calls."""

    recaption_calls: int = 0
    paraphrase_calls: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


def estimate_calls(
    rows: Sequence[tuple[str, str]], model: str, config: LLMConfig, answers: Path, kind: str = "endpoint"
) -> LLMEstimate:
    """Returns the calls for rows of (caption, level), none of them an original. `answers` is the cache's file,
    `kind` the writer's.

    Exact up to repairs for at most `SAMPLED` rows without a cap; else scaled up from an even sample.
    """
    usable = [row for row in rows if row[1] in LEVELS]
    known = _Known(
        client=CacheOnlyClient(model, CompletionCache(answers)),
        recaption=RecaptionStage(config).templates,
        paraphrase=ParaphraseStage(config).templates,
        repair=repair_of(config, kind),
        count=config.paraphrases,
    )
    first = _scaled(usable, config.max_recaptions, lambda row: _recaption(row, known))
    wanted = config.max_paraphrased if config.paraphrases else 0
    second = _scaled(usable, wanted, lambda row: _paraphrase(row, known))
    return LLMEstimate(
        recaption_calls=first.calls,
        paraphrase_calls=second.calls,
        cached=first.cached + second.cached,
        tokens_in=first.tokens_in + second.tokens_in,
        tokens_out=first.tokens_out + second.tokens_out,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What all rows have in common."""

    client: CacheOnlyClient
    recaption: PromptTemplates
    paraphrase: PromptTemplates
    repair: recaptioning.Repair
    count: int


@dataclass(frozen=True, slots=True)
class _Part:
    calls: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


def _scaled(rows: Sequence[Row], cap: int | None, look: Callable[[Row], _Part]) -> _Part:
    """The sum of `look` over at most `cap` rows, of which at most `SAMPLED` are looked at."""
    wanted = len(rows) if cap is None else min(len(rows), cap)
    looked = min(wanted, SAMPLED)
    parts = [look(rows[number * len(rows) // looked]) for number in range(looked)]
    scale = wanted / looked if looked else 0.0
    return _Part(
        calls=round(scale * sum(part.calls for part in parts)),
        cached=round(scale * sum(part.cached for part in parts)),
        tokens_in=round(scale * sum(part.tokens_in for part in parts)),
        tokens_out=round(scale * sum(part.tokens_out for part in parts)),
    )


def _recaption(row: Row, known: _Known) -> _Part:
    caption = row[0]
    try:
        _written(row, known)
    except NotCachedError as error:
        return _call(error, (len(caption) + _ANSWER_CHARS) / CHARS_PER_TOKEN)
    except ItemError:
        return _Part()  # will be quarantined
    return _Part(cached=1)


def _paraphrase(row: Row, known: _Known) -> _Part:
    """The new caption is the cached one, else the rules', which is about as long."""
    try:
        caption = _written(row, known)
    except NotCachedError:
        caption = recaptioning.by_rule(*row).caption
    except ItemError:
        return _Part()
    try:
        finished(lambda: paraphrasing.by_model(caption, known.count, known.client, known.paraphrase))
    except NotCachedError as error:
        texts = known.count + paraphrasing.OVER + 1  # and the key tokens
        return _call(error, (texts * (len(caption) + _QUOTES_CHARS) + _ANSWER_CHARS) / CHARS_PER_TOKEN)
    return _Part(cached=1)


def _written(row: Row, known: _Known) -> str:
    return finished(lambda: recaptioning.by_model(*row, known.client, known.recaption, known.repair)).caption


def _call(error: NotCachedError, tokens_out: float) -> _Part:
    return _Part(calls=1, tokens_in=error.prompt.tokens_in(), tokens_out=round(tokens_out))
