"""The events of a caption: where one ends and the next begins.

"while", "as", "then" and the like begin another event; "and", "with", a comma, a full stop and other marks do so
before words with a subject and a verb of their own ("a dog barks and a man speaks", not "hammering and sawing").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tasks.language.inflect import word_classes

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|,|[.;:](?=\s)|(?<=\s)[-–—](?=\s)")
_ALWAYS: Final = frozenset(("while", "whilst", "as", "when", "then", "followed", "before", "after", "until", "but"))
_MARKS: Final = ",.;:-–—"
_PERHAPS: Final = frozenset(("and", "or", "with", "followed", "plus", *_MARKS))
_COPULAS: Final = frozenset(("is", "are", "was", "were"))
_NOT_AN_EVENT: Final = frozenset(("well", "if", "though", "possible"))  # "as well as", "as if"
_ARTICLES: Final = frozenset(("a", "an", "the", "its", "his", "her", "their", "one"))
_SMALL: Final = frozenset((
    "a", "an", "the", "some", "his", "her", "its", "their", "of", "in", "on", "at", "to", "by", "from", "into", "over",
    "up", "down", "out", "off", "very", "several", "two", "three", "many", "other", "another", "being", "that", "is",
    "are", "was", "were", "be", "it", "this", "which"
))  # fmt: skip
_RELATIVES: Final = frozenset(("that", "which", "who"))
_PREPOSITIONS: Final = frozenset(("of", "on", "in", "at", "with", "from"))
_PLURALS: Final = frozenset(("people", "children", "men", "women", "geese", "sheep"))
SEQUENCE: Final = re.compile(r"\b(?:and then|then|followed by|after which|before|after)\b", re.IGNORECASE)
"""What puts one event later than another; after "after" comes the earlier one."""
_KEPT: Final = 1024
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int


@lru_cache(maxsize=_KEPT)
def events(text: str) -> tuple[Span, ...]:
    """Returns the spans of the events, in reading order; together they cover the text."""
    found = [_Word(match.group().lower(), *match.span()) for match in _WORD.finditer(text)]
    starts = [0]
    for number in range(1, len(found)):
        if _begins(found, number):
            starts.append(_with_joiners(found, number, starts[-1]))
    ends = [*starts[1:], len(text)]
    return tuple((start, end) for start, end in zip(starts, ends, strict=True) if text[start:end].strip(f" {_MARKS}"))


def event_end(text: str, at: int) -> int:
    """Returns where the event around an offset ends: at the next event, without the words that join both."""
    for start, end in events(text):
        if start <= at < end:
            return len(text[:end].rstrip(f" {_MARKS}"))
    return len(text)


def is_sentence(text: str) -> bool:
    """Whether a text of one event says what something does: "a dog barks", not "a fast knock" or "a car that idles"."""
    subject = before = ""
    for word in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower()):
        if before in _RELATIVES:
            return False
        if word in _COPULAS or (subject and not word.endswith("ing") and _may_be_verb(word, subject)):
            return bool(subject) and before not in _PREPOSITIONS
        if word not in _SMALL and ("NOUN" in word_classes(word) or not word_classes(word)):
            subject = word
        before = word
    return False


def _begins(found: Sequence[_Word], number: int) -> bool:
    word, after = found[number].text, found[number + 1 : number + 2]
    following = after[0].text if after else ""
    if not following or following in _NOT_AN_EVENT:
        return False
    if word == "followed":
        return following == "by"
    if word in _ALWAYS:
        before = found[number - 1].text
        return not (word == "as" and before in ("such", "well", "same"))
    if word not in _PERHAPS:
        return False
    segment = _segment(found, number + 1)
    if word == "with" and segment and segment[0].text not in _ARTICLES:
        return not _is_manner(segment)
    return _has_subject_and_verb(segment)


def _segment(found: Sequence[_Word], start: int) -> list[_Word]:
    segment = []
    for word in found[start:]:
        if word.text in _ALWAYS or word.text in _PERHAPS:
            break
        segment.append(word)
    return segment


def _is_manner(segment: Sequence[_Word]) -> bool:
    """ "with increasing volume", "with force": how something is done, not another sound."""
    return segment[-1].text in ("volume", "loudness", "intensity", "force", "speed", "strength", "hands", "echo")


def _has_subject_and_verb(segment: Sequence[_Word]) -> bool:
    """Whether a word that may be a verb follows one that may be a noun: by the dictionary, which knows "rain patters"
    better than a tagger does."""
    noun = ""
    for word in segment:
        if word.text in _SMALL:
            continue
        if noun and _may_be_verb(word.text, noun):
            return True
        if "NOUN" in word_classes(word.text) or not word_classes(word.text):
            noun = word.text
    return False


def _may_be_verb(word: str, subject: str) -> bool:
    could = word_classes(word)
    if "VERB" not in could:
        return False
    third = word.endswith("s") and not word.endswith("ss")
    return word.endswith("ing") or third or "NOUN" not in could or _is_plural(subject)


def _is_plural(noun: str) -> bool:
    return noun in _PLURALS or (noun.endswith("s") and not noun.endswith("ss"))  # "glass" is one


def _with_joiners(found: Sequence[_Word], number: int, least: int) -> int:
    """Where the event begins: at the first of "and", "," and the like before its word."""
    joiners = _PERHAPS | _COPULAS if found[number].text == "followed" else _PERHAPS  # "bells ring and are followed by"
    while number > 1 and found[number - 1].text in joiners and found[number - 1].start > least:
        number -= 1
    return found[number].start
