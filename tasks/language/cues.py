"""A cue is the place of a caption that names a side: which side, which words, where, and their place in the grammar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from data_contracts.adverbs import DIMENSION_OF
from tasks.language.inflect import verb_lemma, word_classes
from tasks.language.words import DEGREES, STRONG, STRONG_WORDS

Role = Literal["attribute", "predicate", "before_verb", "adverbial"]
"""How a cue is used: "fast knocking", "the knocking is fast", "quickly knocks", "knocks quickly" or a phrase."""

_DEGREES_BEFORE: Final = re.compile(rf"(?:(?<![\w'-])(?:{'|'.join(DEGREES)}) )+$", re.IGNORECASE)
_STRONG: Final = re.compile(rf"\b(?:{'|'.join((*STRONG, *STRONG_WORDS))})\b", re.IGNORECASE)
_PREPOSITION: Final = re.compile(r"(?:at|by|from|in|of|off|on|with|within)\b", re.IGNORECASE)
_FUNCTION: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "into",
        "of",
        "off",
        "on",
        "onto",
        "out",
        "over",
        "to",
        "up",
        "with",
        "while",
        "then",
        "when",
        "where",
        "before",
        "after",
        "along",
        "around",
        "across",
        "against",
        "behind",
        "below",
        "beside",
        "between",
        "beyond",
        "down",
        "during",
        "inside",
        "like",
        "near",
        "outside",
        "past",
        "through",
        "toward",
        "towards",
        "under",
        "till",
        "until",
        "followed",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "that",
        "which",
        "who",
        "its",
        "it",
    ]
)
_DETERMINERS: Final = frozenset(
    ["a", "an", "the", "some", "several", "two", "three", "many", "of", "with", "this", "that", "another", "and"]
)
_ADJECTIVES: Final = frozenset(["loud", "quiet", "soft", "faint", "distant", "rapid"])
"""Words that a tagger may take for adverbs ("then loud hissing") and that no noun follows as adverbs."""
COPULAS: Final = frozenset(["is", "are", "was", "were", "be", "been", "being"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Words that name a side. `start` and `end` are character offsets into the caption; `words` is that text.

    A `change` is one end of "from slow to fast": the sound is on this side for a part of its time.
    """

    side: str
    words: str
    start: int
    end: int
    pos: str  # adverb, adjective, phrase
    change: bool = False

    @property
    def dimension(self) -> str:
        """The dimension of the side."""
        return DIMENSION_OF[self.side]

    @property
    def strong(self) -> bool:
        """Whether an intensifier is among the words."""
        return _STRONG.search(self.words) is not None

    def overlaps(self, other: Cue) -> bool:
        """Whether two cues of one caption share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class CuedCaption:
    """A caption and the one cue in it that is edited. The text outside the cue is not to change."""

    text: str
    cue: Cue

    @classmethod
    def at(cls, text: str, side: str, start: int, end: int, pos: str = "") -> CuedCaption:
        """Builds it from offsets; without `pos` the words decide."""
        words = text[start:end]
        return cls(text=text, cue=Cue(side=side, words=words, start=start, end=end, pos=pos or _pos_of(words)))

    def cleaned(self, clean: Callable[[str], str]) -> CuedCaption:
        """Returns both after `clean`, which drops characters and merges spaces, with the cue at its new offsets."""
        start = len(clean(f"{self.text[: self.cue.start]}x")) - 1
        end = len(clean(self.text[: self.cue.end]))
        return CuedCaption.at(clean(self.text), self.cue.side, start, end, self.cue.pos)

    def with_degrees(self) -> CuedCaption:
        """Returns the same caption with the cue's own intensifiers in the cue: "very quickly" for "quickly"."""
        return CuedCaption(text=self.text, cue=with_degrees(self.text, self.cue))

    @property
    def outside(self) -> str:
        """The text without the cue, for comparing words."""
        return f"{self.text[: self.cue.start]} {self.text[self.cue.end :]}"

    @property
    def role(self) -> Role:
        """How the cue is used, told from the words beside it."""
        return role_of(self.text, self.cue)


def blanked(text: str, cues: Iterable[Cue]) -> str:
    """Returns the text with spaces in the place of cues, every other character at its offset."""
    for cue in cues:
        text = text[: cue.start] + " " * (cue.end - cue.start) + text[cue.end :]
    return text


def with_degrees(caption: str, cue: Cue) -> Cue:
    """Returns the cue with the intensifiers right before it."""
    before = _DEGREES_BEFORE.search(caption[: cue.start])
    if before is None:
        return cue
    start = before.start()
    return Cue(side=cue.side, words=caption[start : cue.end], start=start, end=cue.end, pos=cue.pos)


def role_of(caption: str, cue: Cue) -> Role:
    """Returns how the caption uses the cue, told from the words beside it."""
    before = re.findall(r"[\w'-]+", caption[: cue.start].lower())
    rest = caption[cue.end :].lower()
    found = re.match(r"\s+(\w[\w'-]*)", rest)
    following = found.group(1) if found else ""
    content_follows = bool(following) and following not in _FUNCTION
    opens = not before or before[-1] in _DETERMINERS
    passive = cue.pos == "adverb" and following == "being"  # "is slowly being filled"
    if before and before[-1] in COPULAS and not content_follows and not passive:
        return "predicate"
    if cue.pos == "adjective" or cue.words.lower() in _ADJECTIVES:
        listed = re.match(r"(,| and| or)\s+([\w'-]+)", rest)  # "a fast, loud hammering"
        in_list = listed is not None and _may_be_listed(*listed.groups())
        return "attribute" if content_follows or in_list else "adverbial"
    if cue.pos == "phrase":
        noun_phrase = _PREPOSITION.match(cue.words) is None
        return "attribute" if content_follows and noun_phrase and opens else "adverbial"
    if cue.words.lower().endswith("ly"):
        joined = re.match(r"(?:,| and)\s+\w+ly\s+([\w'-]+)", rest)  # "slowly and quietly opens"
        joined_verb = joined is not None and joined.group(1) not in _FUNCTION and bool(verb_lemma(joined.group(1)))
        before_verb = content_follows and bool(verb_lemma(following))
        return "before_verb" if before_verb or passive or joined_verb else "adverbial"
    return "attribute" if content_follows and opens else "adverbial"


def _may_be_listed(joiner: str, word: str) -> bool:
    """Whether a word after an adjective may be another one: in "comes down fast and wind blows" it is not."""
    could = word_classes(word)
    return word not in _FUNCTION and (joiner == "," or not could or "ADJ" in could or word.endswith(("ing", "ed")))


def _pos_of(words: str) -> str:
    if " " in words and _DEGREES_BEFORE.search(words.rsplit(" ", 1)[0] + " ") is None:
        return "phrase"
    return "adverb" if words.lower().endswith("ly") else "adjective"
