"""Edits at one place of a caption: words put in, taken out or moved, with articles, commas and capitals set right.

The text outside that place stays as it is, and the result says where the new words are.
"""

from __future__ import annotations

import re
from typing import Final

from tasks.language.clauses import event_end
from tasks.language.cues import CuedCaption
from tasks.language.inflect import word_classes

_JOINED: Final = re.compile(r"\b(?:and|or|but|yet) $", re.IGNORECASE)
_JOINS: Final = re.compile(r" (?:and|or|but|yet)\b", re.IGNORECASE)
_THEN: Final = re.compile(r"\bthen $", re.IGNORECASE)
_SILENT_H: Final = ("hour", "honest", "heir")
_LIKE_YOU: Final = ("uni", "use", "usu", "eu", "one", "once", "ute")
_OPEN, _CLOSE = "\x02", "\x03"  # around the new words while the text around them changes; no caption has them


def replaced(caption: CuedCaption, words: str, side: str) -> CuedCaption:
    """Returns the caption with other words in the place of its cue."""
    cue = caption.cue
    capital, words = caption.text[:1].isupper(), in_case_of(cue.words, words)
    return _put(caption.text[: cue.start], words, caption.text[cue.end :], side, capital=capital)


def inserted(caption: CuedCaption, at: int, words: str, side: str, *, comma: bool = False) -> CuedCaption:
    """Returns the caption with its cue kept and words added at an offset outside the cue."""
    return _added(caption.text, at, in_case_of(caption.text, words), side, comma=comma)


def moved(caption: CuedCaption, words: str, side: str) -> CuedCaption:
    """Returns the caption without its cue and with words at the end of the cue's event."""
    text, cut = without_cue(caption)
    text = upper_first(text) if caption.text[:1].isupper() else text
    return _added(text, event_end(text, cut), in_case_of(caption.cue.words, words), side)


def is_joined(caption: CuedCaption) -> bool:
    """Whether "and" or the like joins the cue to its neighbour, so that taking it out would leave half a list."""
    before, after = caption.text[: caption.cue.start], caption.text[caption.cue.end :]
    return bool(_JOINED.search(before) or _JOINS.match(after) or (not after and _THEN.search(before)))


def swapped(caption: CuedCaption, start: int, end: int, words: str) -> CuedCaption | None:
    """Returns the caption with other words between two offsets, its cue moved along; None where they touch the cue."""
    cue, text = caption.cue, caption.text
    if start < cue.end and cue.start < end:
        return None
    words = in_case_of(text[start:end], words)
    shift = len(words) - (end - start) if end <= cue.start else 0
    return CuedCaption.at(f"{text[:start]}{words}{text[end:]}", cue.side, cue.start + shift, cue.end + shift, cue.pos)


def without_cue(caption: CuedCaption) -> tuple[str, int]:
    """Returns the text without the cue, and the offset where it was."""
    cue = caption.cue
    head, tail = caption.text[: cue.start].rstrip(" "), caption.text[cue.end :].lstrip(" ")
    if caption.role == "attribute" and tail.startswith(","):
        tail = tail[1:].lstrip(" ")
    elif caption.role == "attribute" and head.endswith(",") and _is_adjective(head):  # "a large, fast stream"
        head = head[:-1]
    if not tail or tail[0] in ",.;" or not head:
        return head + tail, len(head)
    head = _with_article(f"{head} ", tail)
    return head + tail, len(head)


def _is_adjective(head: str) -> bool:
    word = re.search(r"([^\W_]+),$", head)
    classes = word_classes(word.group(1).lower()) if word else frozenset()
    return "ADJ" in classes and "VERB" not in classes


def tidy(text: str) -> str:
    """Returns the text with spaces and commas set right."""
    text = re.sub(r"\s+", " ", text).strip(" ,;")
    text = re.sub(r"\s+([,.;])", r"\1", text)
    return re.sub(r",(?:\s*,)+", ",", text)


def split_ending(caption: str) -> tuple[str, str]:
    """Returns the caption without its full stop, and the full stop; two empty strings when it has no word."""
    body = caption.rstrip(" .!")
    return (body, caption[len(body) :].strip()) if re.search(r"\w", body) else ("", "")


def match_style(text: str, before: str) -> str:
    """Returns the text with the full stop and the capital of the caption it was made from."""
    text = text.strip()
    text = text.rstrip(".") + ("." if before.rstrip().endswith(".") else "")
    return upper_first(text) if before[:1].isupper() else text


def in_case_of(old: str, words: str) -> str:
    """Returns the words in upper case when the text whose place they take is in upper case ("QUICKLY")."""
    return words.upper() if old.isupper() else words


def upper_first(text: str) -> str:
    """Returns the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Returns the text with an ordinary first word in lower case; names like "TV", "I" and texts in capitals stay."""
    first = text.split(" ", 1)[0]
    name = first == "I" or first[1:] != first[1:].lower() or (len(text) > 1 and text.isupper())
    return text if name else text[:1].lower() + text[1:]


def _added(text: str, at: int, words: str, side: str, *, comma: bool = False) -> CuedCaption:
    if at == 0:
        return _put("", words, f", {lower_first(text)}", side, capital=text[:1].isupper())
    head, tail = f"{text[:at]}{',' if comma else ''} ", text[at:]
    if comma and tail and tail[0] not in ",.;":
        tail = f",{tail}"
    return _put(head, words, tail, side, capital=text[:1].isupper())


def _put(head: str, words: str, tail: str, side: str, *, capital: bool) -> CuedCaption:
    marked = tidy(f"{_with_article(head, words)}{_OPEN}{words}{_CLOSE}{tail}")
    start, end = marked.index(_OPEN), marked.index(_CLOSE) - 1
    text = marked.replace(_OPEN, "").replace(_CLOSE, "")
    return CuedCaption.at(upper_first(text) if capital else text, side, start, end)


def _with_article(head: str, following: str) -> str:
    """Returns the head with "a" or "an" at its end as the following word wants it."""
    article = re.search(r"\b(an?)\s$", head, re.IGNORECASE)
    upcoming = re.match(r"\W*(\w+)", following)
    if not article or not upcoming:
        return head
    lower = upcoming.group(1).lower()
    vowel = (lower[0] in "aeiou" and not lower.startswith(_LIKE_YOU)) or lower.startswith(_SILENT_H)
    right = in_case_of(head + following, "an" if vowel else "a")
    return f"{head[: article.start()]}{upper_first(right) if article.group()[0].isupper() else right} "
