"""Deterministic paraphrases: another wording of the level, a phrase moved to the front, swaps of plain words.

They never change the meaning, and replace the paraphrases that a model did not write. Source: SPEC A7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final

from data_contracts import adverbs
from tasks.language.clauses import event_end, events, is_sentence
from tasks.language.content import is_content
from tasks.language.cues import Cue, CuedCaption
from tasks.language.edit import (
    in_case_of,
    is_joined,
    lower_first,
    moved,
    replaced,
    split_ending,
    swapped,
    tidy,
    upper_first,
    without_cue,
)
from tasks.language.finder import all_cues
from tasks.language.inflect import inflected
from tasks.language.wordings import Wording, degree_said, drawn, wording_of
from tasks.paraphrase.validator import problems_of, wording

_PHRASES: Final = (  # the first place that fits is changed; both directions are listed where both are idiomatic
    (r"\bsomeone\b", "a person"),
    (r"\bsomebody\b", "someone"),
    (r"\ba person\b", "someone"),
    (r"\bwhile\b", "as"),
    (r"\bas (?=an? |the )", "while "),
    (r"\bseveral\b", "multiple"),
    (r"\bmultiple\b", "several"),
    (r"\ba motor\b", "an engine"),
    (r"\bautomobile\b", "car"),
    (r"\bcontinuously\b", "constantly"),
)
_SYNONYMS: Final = (  # lemma, its synonym, what follows it, the forms that are swapped
    ("speak", "talk", r"\b", ("VBZ", "VBG", "VB")),
    ("talk", "speak", r"\b", ("VBZ", "VBG", "VB")),
    ("hit", "strike", r"\b", ("VBZ",)),
    ("strike", "hit", r"(?= (?:an?|the) )", ("VBZ",)),
    ("bang", "pound", r"(?= on\b)", ("VBZ",)),
    ("pass", "go", r"(?= by\b)", ("VBZ",)),
    ("kid", "child", r"\b", ("NNS",)),
    ("child", "kid", r"\b", ("NNS",)),
    ("noise", "sound", r"\b", ("NNS",)),
)
_VERBS: Final = (
    "bark", "speak", "talk", "knock", "tap", "hit", "strike", "bang", "beat", "clink", "blow", "fall", "hum", "run",
    "beep", "tick", "drip", "patter", "chirp", "sing", "play", "ring", "type", "meow", "laugh", "cry", "walk", "idle",
    "rev", "clap"
)  # fmt: skip
"""Verbs whose "barks" and "is barking" mean the same in a caption."""
_MOST_DEGREES: Final = 12  # other wordings of the level that are tried
_LEVEL_OF: Final = {(level.side, level.strong): name for name, level in adverbs.LEVELS.items()}


def paraphrases(caption: CuedCaption, count: int) -> list[str]:
    """Returns up to `count` different valid paraphrases, the plainest changes first."""
    body, ending = split_ending(caption.text)
    found: dict[tuple[str, ...], str] = {}
    for text in _variants(CuedCaption(text=body, cue=caption.cue)) if body else ():
        candidate = tidy(text) + ending
        candidate = upper_first(candidate) if body[:1].isupper() else candidate
        key = wording(candidate)
        if key not in found and not problems_of(caption, candidate):
            found[key] = candidate
        if len(found) == count:
            break
    return list(found.values())[:count]


def key_tokens(caption: CuedCaption) -> tuple[str, ...]:
    """Returns the words that carry meaning and the phrases that say a side, in the caption's order, lower case."""
    cues = all_cues(caption)
    found = [(cue.start, cue.words.lower()) for cue in cues]
    for match in re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", caption.text):
        inside = any(cue.start <= match.start() < cue.end for cue in cues)
        if not inside and is_content(match.group().lower()):
            found.append((match.start(), match.group().lower()))
    return tuple(dict.fromkeys(text for _, text in sorted(found)))


def level_of(cue: Cue) -> str | None:
    """Returns the name of the level that a cue says, None for a side that is no level's (near, loud, quiet)."""
    return _LEVEL_OF.get((cue.side, cue.strong)) or _LEVEL_OF.get((cue.side, False))


def synonyms(caption: CuedCaption) -> tuple[str, ...]:
    """Returns the wordings that can replace the caption's cue, in a drawn order; none when no wording is as strong."""
    cue, role = caption.cue, caption.role
    name = level_of(cue)
    if name is None:
        return ()
    degree = degree_said(name, cue.words.lower())
    if cue.strong and not adverbs.LEVELS[name].strong and degree == "plain":
        return ()  # "very distant" is not "distant"
    return drawn(_fitting(wording_of(name, degree), caption, role), caption.text)


def _fitting(words: Wording, caption: CuedCaption, role: str) -> tuple[str, ...]:
    trend = caption.cue.dimension == "dynamics"
    if role == "predicate":
        return (
            words.adjectives if trend else (*words.adjectives, *(one for one in words.adverbs if one.startswith("at ")))
        )
    if role == "attribute":
        return words.adjectives
    if trend and not caption.text[: caption.cue.start].endswith(", "):  # "barks louder and louder"
        return tuple(one for one in words.instead if " at first" not in one)
    if role == "before_verb":
        return tuple(one for one in words.adverbs if one.endswith("ly") and " nor " not in one)
    return words.adverbs


def _variants(caption: CuedCaption) -> Iterator[str]:
    """One kind of change per variant first, two kinds together when those run out."""
    degrees = list(islice(_degree_variants(caption), _MOST_DEGREES))
    fronted = list(_fronted(caption))
    swapped = list(_swap_variants(caption))
    yield from _interleave([one.text for one in degrees], fronted, [one.text for one in swapped])
    for one in swapped:
        yield from (two.text for two in islice(_degree_variants(one), _MOST_DEGREES))
        yield from _fronted(one)
    for one in degrees:
        yield from _fronted(one)


def _interleave(*lists: list[str]) -> Iterator[str]:
    for position in range(max(map(len, lists), default=0)):
        for texts in lists:
            yield from texts[position : position + 1]


def _degree_variants(caption: CuedCaption) -> Iterator[CuedCaption]:
    cue = caption.cue
    for word in synonyms(caption):
        if word not in caption.outside:
            yield replaced(caption, word, cue.side)
    yield from _moved(caption)
    if caption.role == "attribute" and cue.start == 0:
        opening = in_case_of(caption.text, "The sound of ")
        text = f"{opening}{lower_first(caption.text)}"
        yield CuedCaption.at(text, cue.side, len(opening), len(opening) + cue.end, cue.pos)


def _moved(caption: CuedCaption) -> Iterator[CuedCaption]:
    """An adjective, or an adverb before its verb, as a phrase after what it belongs to."""
    name = level_of(caption.cue)
    if name is None or caption.role not in ("attribute", "before_verb") or is_joined(caption):
        return
    rest, cut = without_cue(caption)
    if caption.role == "attribute" and " and " in rest[cut : event_end(rest, cut)]:  # it could describe either
        return
    for ending in drawn(wording_of(name, degree_said(name, caption.cue.words.lower())).endings, caption.text):
        if caption.role == "before_verb" or not ending.endswith("ly"):
            yield moved(caption, ending, caption.cue.side)


def _swap_variants(caption: CuedCaption) -> Iterator[CuedCaption]:
    """The caption with one word outside its cue in another form or by another name."""
    for pattern, replacement in _swaps():
        for match in re.finditer(pattern, caption.text, re.IGNORECASE):
            if changed := swapped(caption, *match.span(), replacement):
                yield changed
                break


@cache
def _swaps() -> tuple[tuple[str, str], ...]:
    """Returns the patterns of words with what replaces them: synonyms first, then other forms of a verb."""
    synonyms_ = (
        (rf"\b{inflected(lemma, tag)}{after}", inflected(synonym, tag))
        for lemma, synonym, after, tags in _SYNONYMS
        for tag in tags
    )
    pairs = [(inflected(verb, "VBZ"), inflected(verb, "VBG")) for verb in _VERBS]
    finite = ((rf"\b{third}\b", f"is {participle}") for third, participle in pairs)
    continuous = ((rf"\bis {participle}\b", third) for third, participle in pairs)
    return (*synonyms_, *_PHRASES, *finite, *continuous)


def _fronted(caption: CuedCaption) -> Iterator[str]:
    """A phrase from the very end to the front, or from the front to the end, of a sentence of one event.

    Of a noun alone ("a knock at a door") the phrase stays behind what it describes.
    """
    cue, body = caption.cue, caption.text
    if len(events(body)) > 1:  # in front it would be said of all events
        return
    rest = body[: cue.start].rstrip(" ,")
    if is_sentence(rest) and len(cue.words.split()) > 2 and cue.end == len(body) and not is_joined(caption):
        yield f"{upper_first(cue.words)}, {lower_first(rest)}"
    if cue.start == 0 and caption.role != "attribute" and body[cue.end :].startswith(", "):
        glue = ", " if cue.dimension == "dynamics" else " "
        yield f"{upper_first(body[cue.end + 2 :])}{glue}{lower_first(cue.words)}"
