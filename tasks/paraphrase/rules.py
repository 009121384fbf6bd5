"""Deterministic paraphrases: degree synonyms, a phrase moved to the front, and swaps of plain words.

Shallow, but they never change the meaning; they fill up what the model leaves open. Source: SPEC A7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from data_contracts import adverbs
from tasks.language.cues import LEVELS, Cue, Level, find_cues, without_cues
from tasks.language.validator import is_content
from tasks.paraphrase.validator import SIDES, problems_of, wording
from tasks.recaption.rules import CLAUSE, apply_edits, lower_first, split_ending, tidy

_SWAPS: Final = (  # the first that fits is used; both directions are listed where both are idiomatic
    (r"\bspeaks\b", "talks"),
    (r"\bspeaking\b", "talking"),
    (r"\bspeak\b", "talk"),
    (r"\btalks\b", "speaks"),
    (r"\btalking\b", "speaking"),
    (r"\btalk\b", "speak"),
    (r"\bsomeone\b", "a person"),
    (r"\bsomebody\b", "someone"),
    (r"\ba person\b", "someone"),
    (r"\bwhile\b", "as"),
    (r"\bas (?=an? |the )", "while "),
    (r"\bhits\b", "strikes"),
    (r"\bstrikes (?=an? |the )", "hits "),
    (r"\bbangs on\b", "pounds on"),
    (r"\bseveral\b", "multiple"),
    (r"\bmultiple\b", "several"),
    (r"\bkids\b", "children"),
    (r"\bchildren\b", "kids"),
    (r"\ba motor\b", "an engine"),
    (r"\bautomobile\b", "car"),
    (r"\bcontinuously\b", "constantly"),
    (r"\bnoises\b", "sounds"),
    (r"\bpasses by\b", "goes by"),
)
_VERBS: Final = (  # "barks" and "is barking" say the same of a sound
    "barks barking,speaks speaking,talks talking,knocks knocking,taps tapping,hits hitting,strikes striking,"
    "bangs banging,beats beating,clinks clinking,blows blowing,falls falling,hums humming,runs running,beeps beeping,"
    "ticks ticking,drips dripping,patters pattering,chirps chirping,sings singing,plays playing,rings ringing,"
    "types typing,meows meowing,laughs laughing,cries crying,walks walking,idles idling,revs revving,claps clapping"
)
_ADVERBS: Final = {
    "near": ("nearby", "close by", "up close"),
    "quiet": ("quietly", "softly", "faintly"),
}
_ADJECTIVES: Final = {"near": ("nearby", "close-by"), "quiet": ("quiet", "soft", "faint")}
_LEVEL_OF: Final = {(level.side, level.strong): name for name, level in adverbs.LEVELS.items()}


def paraphrases(caption: str, count: int) -> list[str]:
    """Returns up to `count` different valid paraphrases, the plainest changes first."""
    body, ending = split_ending(caption)
    found: dict[tuple[str, ...], str] = {}
    for text in _variants(body) if body else ():
        candidate = tidy(text, body) + ending
        key = wording(candidate)
        if key not in found and not problems_of(caption, candidate):
            found[key] = candidate
        if len(found) == count:
            break
    return list(found.values())[:count]


def key_tokens(caption: str) -> tuple[str, ...]:
    """Returns the words that carry meaning and the phrases that say a side, in the caption's order, lower case."""
    cues = find_cues(caption, *SIDES)
    found = [(cue.start, cue.text.lower()) for cue in cues]
    for match in re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", caption):
        inside = any(cue.start <= match.start() < cue.end for cue in cues)
        if not inside and is_content(match.group().lower()):
            found.append((match.start(), match.group().lower()))
    return tuple(dict.fromkeys(text for _, text in sorted(found)))


def _variants(body: str) -> Iterator[str]:
    """One kind of change per variant first, two kinds together when those run out."""
    degrees = list(_degree_variants(body))
    swapped = list(_swap_variants(body))
    fronted = list(_fronted(body))
    yield from _interleave(degrees, fronted, swapped)
    for text in swapped:
        yield from _degree_variants(text)
        yield from _fronted(text)
    for text in degrees:
        yield from _fronted(text)


def _interleave(*lists: list[str]) -> Iterator[str]:
    for position in range(max(map(len, lists), default=0)):
        for texts in lists:
            yield from texts[position : position + 1]


def _degree_variants(body: str) -> Iterator[str]:
    for cue in find_cues(body, *SIDES):
        for word in synonyms(cue):
            if word not in without_cues(body, [cue]):
                yield apply_edits(body, [(cue, word)])
        yield from _moved(body, cue)
        if cue.kind == "adjective" and cue.start == 0:
            yield f"The sound of {lower_first(body)}"


def _moved(body: str, cue: Cue) -> Iterator[str]:
    """An adjective, or an adverb before its verb, as a phrase after what it belongs to."""
    level = level_of(cue)
    if level is None or cue.kind not in ("adjective", "preverb"):
        return
    rest = apply_edits(body, [(cue, "")])
    split = CLAUSE.search(rest, cue.start)
    if cue.kind == "adjective" and split:  # which of two sounds a phrase at the end means is not clear
        return
    end = split.start() if split else len(rest)
    for ending in level.endings:
        if cue.kind == "preverb" or not ending.endswith("ly"):
            yield f"{rest[:end]} {ending}{rest[end:]}"


def synonyms(cue: Cue) -> tuple[str, ...]:
    """Returns the wordings that may stand in a cue's place; none when the tables have none as strong."""
    level = level_of(cue)
    adverbs = level.adverbs if level else _ADVERBS.get(cue.side, ())
    adjectives = level.adjectives if level else _ADJECTIVES.get(cue.side, ())
    if cue.strong and not (level and level.strong):
        return ()  # "very distant" has no plain synonym in the table
    if cue.kind == "predicate" and adjectives:
        return (*adjectives, *(word for word in adverbs if word.startswith("at ")))
    if cue.kind == "adjective":
        return adjectives
    if cue.kind == "preverb":
        return tuple(word for word in adverbs if word.endswith("ly"))
    return adverbs


def level_of(cue: Cue) -> Level | None:
    """Returns the level that a cue says, None for a side that is no level's (near, loud, quiet)."""
    return LEVELS.get(_LEVEL_OF.get((cue.side, cue.strong and cue.side in ("fast", "slow")), ""))


def _swap_variants(body: str) -> Iterator[str]:
    for pattern, replacement in _SWAPS:
        if re.search(pattern, body, re.IGNORECASE):
            yield re.sub(pattern, replacement, body, count=1, flags=re.IGNORECASE)
    for pair in _VERBS.split(","):
        third, participle = pair.split()
        for pattern, replacement in ((rf"\b{third}\b", f"is {participle}"), (rf"\bis {participle}\b", third)):
            if re.search(pattern, body):
                yield re.sub(pattern, replacement, body, count=1)


def _fronted(body: str) -> Iterator[str]:
    """A phrase from the very end to the front, or from the front to the end."""
    for cue in find_cues(body, *SIDES):
        phrase = len(cue.text.split()) > 2
        rest = body[: cue.start].rstrip(" ,")
        if phrase and cue.end == len(body) and rest:
            yield f"{cue.text[:1].upper()}{cue.text[1:]}, {lower_first(rest)}"
        if cue.start == 0 and cue.kind != "adjective" and body[cue.end :].startswith(", "):
            moved = body[cue.end + 2 :]
            glue = ", " if cue.side in ("crescendo", "decrescendo") else " "
            yield f"{moved[:1].upper()}{moved[1:]}{glue}{lower_first(cue.text)}"
