"""What the caption stages would send: calls, tokens and rows done already, from the real prompts and the real cache.

Each row is followed through its stage with the completions in the cache; the first prompt without one is a call. Of
many rows an even sample is followed. Later tries are not counted: they depend on the answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from data_contracts import ItemError
from data_contracts.adverbs import LEVELS
from tasks.language.cues import CuedCaption
from tasks.llm.cache import CompletionCache
from tasks.llm.cache_only import CacheOnlyClient, NotCachedError, run_without_loop
from tasks.llm.config import LLMConfig
from tasks.llm.prompt import CHARS_PER_TOKEN
from tasks.paraphrase import writer as paraphrasing
from tasks.paraphrase.stage import ParaphraseStage
from tasks.recaption import writer as recaptioning
from tasks.recaption.stage import RecaptionStage, repair_of

SAMPLED: Final = 1000
"""Most rows followed: the rules take some milliseconds each."""
_ANSWER_CHARS: Final = 40  # the answer's braces and names, and the words that a level adds
_QUOTES_CHARS: Final = 4  # around each paraphrase
CaptionAtLevel = tuple[CuedCaption, str]
"""A caption with its mined cue, and the level that it gets."""


class Calls(NamedTuple):
    """Calls still to be made, rows whose completions are all in the cache, and the tokens of the calls.

    `tokens_new`: those of `tokens_in` that a server has not read already for the call before: the captions' own.
    """

    number: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_new: int = 0


_NO_CALLS: Final = Calls()


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMEstimate:
    """The calls of both caption stages."""

    recaption: Calls = _NO_CALLS
    paraphrase: Calls = _NO_CALLS

    @property
    def total(self) -> Calls:
        """The sum of both."""
        return Calls(*map(sum, zip(self.recaption, self.paraphrase, strict=True)))


def estimate_calls(
    rows: Sequence[CaptionAtLevel],
    model: str,
    config: LLMConfig,
    completions: Path,
    kind: str = "endpoint",
    *,
    total: int | None = None,
) -> LLMEstimate:
    """Returns the calls for rows of which none is an original. `completions` is the cache's file, `kind` the writer's.

    `total` is how many rows there are where `rows` is an even sample of them. Exact up to repairs for at most `SAMPLED`
    rows without a cap; else scaled up from an even sample.
    """
    usable = [row for row in rows if row[1] in LEVELS]
    rows_of = _Rows(config, CacheOnlyClient(model, CompletionCache(completions, run="plan")), kind)
    wanted = config.max_paraphrased if config.paraphrases else 0
    total = len(usable) if total is None else total
    together = 1 if config.is_batched(kind) else config.captions_per_request
    return LLMEstimate(
        recaption=_in_groups(_sampled(usable, total, config.max_recaptions, rows_of.recaption), together),
        paraphrase=_in_groups(_sampled(usable, total, wanted, rows_of.paraphrase), together),
    )


def _in_groups(calls: Calls, together: int) -> Calls:
    """Returns calls of `together` captions each, as if all groups were full: each reads the examples once."""
    examples = calls.tokens_in - calls.tokens_new
    return calls._replace(
        number=math.ceil(calls.number / together), tokens_in=calls.tokens_new + math.ceil(examples / together)
    )


def _sampled(
    rows: Sequence[CaptionAtLevel], total: int, cap: int | None, calls_of: Callable[[CaptionAtLevel], Calls]
) -> Calls:
    """Returns the calls for at most `cap` of `total` rows, of which at most `SAMPLED` are followed."""
    wanted = total if cap is None else min(total, cap)
    followed = min(wanted, len(rows), SAMPLED)
    calls = [calls_of(rows[number * len(rows) // followed]) for number in range(followed)]
    return Calls(*(round(wanted / followed * sum(counts)) for counts in zip(*calls, strict=True)))


class _Rows:
    """Follows single rows through both stages."""

    def __init__(self, config: LLMConfig, client: CacheOnlyClient, kind: str) -> None:
        self._client, self._count = client, config.paraphrases
        self._recaption, self._paraphrase = RecaptionStage(config).templates, ParaphraseStage(config).templates
        self._repair = repair_of(config, kind)

    def recaption(self, row: CaptionAtLevel) -> Calls:
        """Returns the next call for the row's new caption, none for a row that will be quarantined."""
        try:
            self._caption(row)
        except NotCachedError as error:
            return _call(error, len(row[0].text) + _ANSWER_CHARS)
        except ItemError:
            return _NO_CALLS
        return Calls(cached=1)

    def paraphrase(self, row: CaptionAtLevel) -> Calls:
        """Returns the next call for the row's paraphrases, of the cached caption or of the rules', about as long."""
        try:
            caption = self._caption(row)
        except NotCachedError:
            caption = recaptioning.by_rule(*row).caption
        except ItemError:
            return _NO_CALLS
        try:
            run_without_loop(lambda: paraphrasing.by_model(caption, self._count, self._client, self._paraphrase))
        except NotCachedError as error:
            texts = self._count + paraphrasing.EXTRA + 1  # and the key tokens
            return _call(error, texts * (len(caption.text) + _QUOTES_CHARS) + _ANSWER_CHARS)
        return Calls(cached=1)

    def _caption(self, row: CaptionAtLevel) -> CuedCaption:
        work = run_without_loop(lambda: recaptioning.by_model(*row, self._client, self._recaption, self._repair))
        return work.caption


def _call(error: NotCachedError, answer_chars: int) -> Calls:
    prompt = error.prompt
    return Calls(
        number=1,
        tokens_in=prompt.tokens_in(),
        tokens_out=round(answer_chars / CHARS_PER_TOKEN),
        tokens_new=replace(prompt, prefix=()).tokens_in(),
    )
