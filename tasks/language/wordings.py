"""The wordings of each level and degree that the rules draw from, by their place in the grammar: forty and more for
each operation.

They are products of short lists ("very", "extremely" ... with "quickly", "rapidly" ...), so that one list is read and
all its forms follow. Every wording is found as its level by `tasks.language.finder`; a test holds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from data_contracts.adverbs import DEGREES
from tasks.engine.workspace import hash_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words for a level: after a verb, beside a noun, and appended to an event.

    `instead` says a trend in the place of "loudly": "louder and louder". `instead_adjectives` does so beside a noun.
    """

    adverbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    endings: tuple[str, ...]
    instead: tuple[str, ...] = ()
    instead_adjectives: tuple[str, ...] = ()


def drawn(options: Sequence[str], *seed: str) -> tuple[str, ...]:
    """Returns the options in an order that a hash of the seed draws: each comes first equally often."""
    return tuple(sorted(options, key=lambda option: hash_text(*seed, option)))


def _joined(*lists: str) -> tuple[str, ...]:
    """Every combination of one part of each list, parts separated by bars; "a" becomes "an" where it must."""
    texts = (" ".join(filter(None, parts)) for parts in product(*(text.split("|") for text in lists)))
    return tuple(text.replace(" a e", " an e").replace(" a i", " an i").replace(" a a", " an a") for text in texts)


_INTENSE: Final = "very|extremely|incredibly|really|exceptionally|remarkably"
_PACES: Final = "pace|speed|rate|tempo"
_VERY_FAST_ADVERBS: Final = (*_joined(_INTENSE, "quickly|rapidly|swiftly"), *_joined(f"{_INTENSE}|super", "fast"))
_VERY_FAST_PHRASES: Final = (
    *_joined("at a", "very|extremely|incredibly|really", "fast|rapid", _PACES),
    *_joined("at a", "very|extremely|incredibly", "high", "speed|rate"),
    *_joined("at", "breakneck speed|lightning speed|a breakneck pace|a frantic pace|a furious pace|a blistering pace"),
)
_FAST_PHRASES: Final = (*_joined("at a", "fast|rapid|quick|brisk", "pace|speed|rate|tempo"), "at high speed")
_MEDIUM_PHRASES: Final = (
    *_joined("at a", "moderate|medium|average|middling|intermediate", _PACES),
    *_joined("at a fairly|at a rather|at quite a", "moderate", _PACES),
    *_joined("at a steady, moderate", _PACES),
    *_joined("at a normal", "pace|speed|tempo"),
    *_joined("at", "neither a fast nor a slow|neither a slow nor a fast", "pace|tempo"),
    "neither fast nor slow",
    "neither quickly nor slowly",
)
_SLOW_PHRASES: Final = (*_joined("at a", "slow|sluggish|leisurely", "pace|tempo"), *_joined("at a slow", "speed|rate"))
_VERY_SLOW_ADVERBS: Final = (
    *_joined(f"{_INTENSE}|exceedingly|painfully|ever so", "slowly"),
    *_joined("very|extremely|incredibly", "sluggishly"),
)
_VERY_SLOW_PHRASES: Final = (
    *_joined("at a", f"{_INTENSE}|painfully", "slow", _PACES),
    *_joined("at a", "very|extremely", "sluggish|leisurely", "pace|tempo"),
    *_joined("at", "a snail's pace|a crawl|a crawling pace|a glacial pace"),
)
_FAR_PHRASES: Final = (
    *_joined("off|somewhere off|somewhere|out|away|", "in the distance"),
    *_joined("|quite|from|somewhere|from somewhere", "far away"),
    *_joined("|quite|from", "far off"),
    *_joined("a|a long|a good|a considerable|a fair", "distance", "away|off"),
    *_joined("a long|a good|a fair", "way off"),
    *_joined("at|from", "a distance|a long distance|a considerable distance|a fair distance"),
    *_joined("from afar|from a long way off|from a distance off|far back in the distance"),
)
_A_LITTLE_FAR: Final = (
    *_joined("a little|a bit|slightly|somewhat", "further|farther", "away|off"),
    *_joined("some|a little", "distance|way", "off"),
    *_joined("at|from", "some distance|a moderate distance|a slight distance"),
    *_joined("some distance away|a little distance away"),
)
_VERY_FAR: Final = (
    *_joined("far|far off|far away|way off|well off", "in the distance"),
    *_joined("|off", "in the far distance"),
    *_joined("very|so very|from very", "far away|far off"),
    *_joined("a great|a very great|a very long", "distance", "away|off"),
    *_joined("at|from", "a great distance|a very great distance|a very long distance"),
    *_joined(
        "a very long way off|from a very long way off|from far off in the distance|miles away|far in the background"
    ),
)
OVER_TIME: Final = "over time|with time|bit by bit"
_GRADUALLY: Final = "gradually|steadily|slowly|progressively|continually"
_A_LITTLE: Final = "slightly|a little|a bit|somewhat"
_MUCH: Final = "much|considerably|dramatically|markedly"
_SHARPLY: Final = "sharply|dramatically|markedly|strongly"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trend:
    """The words of a trend: what it gets, what its volume does, and what it may be called."""

    comparative: str
    rates: str
    noun: str
    others: tuple[str, ...] = ()
    instead: tuple[str, ...]
    adjectives: tuple[str, ...]

    def plain(self) -> Wording:
        """The trend by an amount that is not named."""
        compared = self.comparative
        clauses = (
            *_joined(f"|{_GRADUALLY}", "getting|growing|becoming", compared),
            *_joined("getting|growing|becoming", f"{compared} and {compared}"),
            *_joined("getting|growing|becoming", "ever|progressively", compared),
            *_joined("with", f"|{_GRADUALLY}", self.rates, "volume|loudness"),
            *_joined(f"|{_GRADUALLY}", self.rates, "in", "volume|loudness"),
            *_joined("in a", "gradual|slow|steady|long", self.noun),
            *self.others,
        )
        instead = (
            *_joined("|ever|steadily|gradually|progressively", f"{compared} and {compared}"),
            *_joined("ever|steadily|gradually|progressively|continually", compared),
            *self.instead,
        )
        return Wording(
            adverbs=clauses,
            adjectives=self.adjectives,
            endings=clauses,
            instead=instead,
            instead_adjectives=self.adjectives,
        )

    def by(self, amounts: str, manners: str) -> Wording:
        """The trend by an amount: "slightly louder", "sharply rising in volume"."""
        clauses = (
            *_joined(f"|{_GRADUALLY}", "getting|growing|becoming", amounts, self.comparative),
            *_joined("with", manners, self.rates, "volume|loudness"),
            *_joined(self.rates, manners, "in", "volume|loudness"),
        )
        instead = _joined(amounts, self.comparative, OVER_TIME)
        return Wording(adverbs=clauses, adjectives=self.adjectives, endings=clauses, instead=instead)


_LOUDER: Final = _Trend(
    comparative="louder",
    rates="rising|increasing|growing",
    noun="crescendo",
    others=(
        *_joined(f"|{_GRADUALLY}", "building|building up|swelling", "in", "volume|intensity"),
        *_joined(f"|{_GRADUALLY}", "intensifying"),
    ),
    instead=(
        *_joined("increasingly loudly|more and more loudly|ever more loudly"),
        *_joined("quietly|softly|faintly", "at first, then", "louder and louder|ever louder|more and more loudly"),
    ),
    adjectives=_joined("increasingly loud|ever louder|louder and louder|steadily louder|more and more loud"),
)
_QUIETER: Final = _Trend(
    comparative="quieter",
    rates="falling|decreasing|diminishing",
    noun="decrescendo",
    others=(
        *_joined(f"|{_GRADUALLY}", "fading|dying|trailing", "away"),
        *_joined(f"|{_GRADUALLY}", "fading out|fading into silence|dying down|tapering off|subsiding"),
        *_joined("getting|growing|becoming", "fainter and fainter|softer and softer"),
    ),
    instead=(
        *_joined("less and less loudly|more and more quietly|ever more quietly|increasingly quietly"),
        *_joined("loudly at first, then", "more and more quietly|less and less loudly|ever more quietly"),
    ),
    adjectives=_joined("increasingly quiet|ever quieter|quieter and quieter|steadily quieter|ever fainter"),
)

_WORDINGS: Final = {
    ("very_fast", "plain"): Wording(
        adverbs=(*_VERY_FAST_ADVERBS, *_VERY_FAST_PHRASES),
        adjectives=(*_joined(_INTENSE, "fast|rapid|swift|speedy"), *_joined("frantic|lightning-fast|super-fast")),
        endings=(*_VERY_FAST_PHRASES, *_VERY_FAST_ADVERBS),
    ),
    ("fast", "plain"): Wording(
        adverbs=("quickly", "rapidly", "swiftly", "briskly", "fast", *_FAST_PHRASES),
        adjectives=("fast", "rapid", "swift", "speedy", "brisk", "fast-paced"),
        endings=(*_FAST_PHRASES, "quickly", "rapidly"),
    ),
    ("medium", "plain"): Wording(
        adverbs=_MEDIUM_PHRASES,
        adjectives=(
            *_joined("moderately paced|normally paced"),
            *_joined("medium-paced|moderate-paced|average-paced|medium-speed|moderate-speed|average-speed"),
            *_joined("medium-tempo|moderate-tempo|mid-tempo|mid-speed"),
        ),
        endings=_MEDIUM_PHRASES,
    ),
    ("slow", "plain"): Wording(
        adverbs=("slowly", "sluggishly", *_SLOW_PHRASES),
        adjectives=("slow", "slow-paced", "sluggish"),
        endings=(*_SLOW_PHRASES, "slowly"),
    ),
    ("very_slow", "plain"): Wording(
        adverbs=(*_VERY_SLOW_ADVERBS, *_VERY_SLOW_PHRASES),
        adjectives=(
            *_joined(f"{_INTENSE}|exceedingly|painfully", "slow"),
            *_joined("very|extremely|incredibly|really", "slow-paced"),
            *_joined("very|extremely|incredibly", "sluggish"),
        ),
        endings=(*_VERY_SLOW_PHRASES, *_VERY_SLOW_ADVERBS),
    ),
    ("far", "slight"): Wording(
        adverbs=_A_LITTLE_FAR,
        adjectives=("slightly distant", "somewhat distant", "fairly distant", "rather distant"),
        endings=_A_LITTLE_FAR,
    ),
    ("far", "plain"): Wording(
        adverbs=_FAR_PHRASES,
        adjectives=("distant", "faraway", "far-off", "far-away"),
        endings=_FAR_PHRASES,
    ),
    ("far", "strong"): Wording(
        adverbs=_VERY_FAR,
        adjectives=("very distant", "extremely distant", "very far-off", "exceptionally distant"),
        endings=_VERY_FAR,
    ),
    ("crescendo", "slight"): _LOUDER.by(_A_LITTLE, "slightly|gently"),
    ("crescendo", "plain"): _LOUDER.plain(),
    ("crescendo", "strong"): _LOUDER.by(_MUCH, _SHARPLY),
    ("decrescendo", "slight"): _QUIETER.by(_A_LITTLE, "slightly|gently"),
    ("decrescendo", "plain"): _QUIETER.plain(),
    ("decrescendo", "strong"): _QUIETER.by(_MUCH, _SHARPLY),
}
_DEGREE_OF: Final = {
    (level, words): degree
    for (level, degree), wording in sorted(_WORDINGS.items(), key=lambda item: item[0][1] == "plain")
    for words in (*wording.adverbs, *wording.adjectives, *wording.endings, *wording.instead)
}
"""What several degrees may be called, such as "louder and louder", is plain: its entry comes last."""


def wording_of(level: str, degree: str = "plain") -> Wording:
    """Returns the wordings of a level of `data_contracts.adverbs`; a level of one degree has the same for all.

    Raises KeyError for a level or a degree that is not there.
    """
    if degree not in DEGREES:
        raise KeyError(degree)
    return _WORDINGS.get((level, degree)) or _WORDINGS[level, "plain"]


def degree_said(level: str, words: str) -> str:
    """Returns the degree of the wordings that lower-case words are one of; `plain` for words that are none."""
    return _DEGREE_OF.get((level, words), "plain")
