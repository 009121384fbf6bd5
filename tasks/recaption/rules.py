"""The rules' rewrites: the mined cue is replaced, strengthened or moved; a level of another dimension is added.

Gives several candidates, best first, that all pass the validator; the language model may choose among them.
Source: SPEC A6 (the labelled fallback).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from data_contracts import ItemError
from data_contracts.adverbs import LEVELS, Level
from tasks.engine.workspace import seed_for
from tasks.language.cues import CuedCaption
from tasks.language.edit import CLAUSE, event_end, inserted, is_joined, moved, replaced, split_ending, without_cue
from tasks.language.inflect import is_compared
from tasks.language.validator import check
from tasks.language.wordings import WORDINGS
from tasks.language.words import DEGREES

_DEGREE: Final = re.compile(rf"\b(?:{'|'.join(DEGREES)}) ", re.IGNORECASE)
_GRADED: Final = re.compile(r"\b(?:fast|quick|rapid|high|brisk|swift|slow|low|leisurely|sluggish)\b")
_IN_TURN: Final = re.compile(r",? (?:followed by|and then|then|before)\b", re.IGNORECASE)
_PREPOSITION: Final = re.compile(r"\b(?:at|from|in|of|with|to) $", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A new caption with its new cue, and the edit that made it in words: the hint that the language model gets."""

    caption: CuedCaption
    hint: str


def rewrites(caption: CuedCaption, level: str) -> list[Rewrite]:
    """Returns the validated rewrites of a caption for a level, best first. Raises ItemError when there is none."""
    caption = caption.cleaned(lambda text: " ".join(text.split())).with_degrees()
    body, ending = split_ending(caption.text)
    if not body:
        raise ItemError("empty_caption", "the caption has no words")
    found: dict[str, Rewrite] = {}
    for candidate, hint in _candidates(CuedCaption(text=body, cue=caption.cue), LEVELS[level]):
        new = CuedCaption(text=candidate.text + ending, cue=candidate.cue)
        if new.text not in found and not check(caption, new, level):
            found[new.text] = Rewrite(caption=new, hint=hint)
    if not found:
        raise ItemError("no_rewrite", f"no rule makes a valid {level} caption of {caption.text[:80]!r}")
    return list(found.values())


def _candidates(caption: CuedCaption, level: Level) -> Iterator[tuple[CuedCaption, str]]:
    if caption.cue.dimension != level.dimension:  # loud audio that is moved away is still called loud
        yield from _added(caption, level)
        return
    if level.strong and caption.cue.side == level.side:
        yield from _strengthened(caption, level)
    yield from _replaced(caption, level)
    yield from _moved(caption, level)


def _strengthened(caption: CuedCaption, level: Level) -> Iterator[tuple[CuedCaption, str]]:
    cue = caption.cue
    core = _DEGREE.sub("", cue.words).lower()
    graded = _GRADED.search(core) if cue.pos == "phrase" else re.match("", core)
    if is_compared(core) or not graded:  # "very faster", "at very full speed"
        return
    for degree in ("extremely", "incredibly") if cue.strong else ("very", "extremely"):
        words = f"{core[: graded.start()]}{degree} {core[graded.start() :]}"
        words = re.sub(r"\ba (?=[aeiou])", "an ", re.sub(r"\ban (?=[^aeiou])", "a ", words))
        yield replaced(caption, words, level.side), f"replace '{cue.words}' by '{words}'"


def _replaced(caption: CuedCaption, level: Level) -> Iterator[tuple[CuedCaption, str]]:
    words = sorted(_substitutes(caption, level), key=lambda one: " " in one and one in caption.text)
    for one in words:  # a phrase that the caption already has comes last: "in the distance" once is enough
        yield replaced(caption, one, level.side), f"replace '{caption.cue.words}' by '{one}'"


def _substitutes(caption: CuedCaption, level: Level) -> tuple[str, ...]:
    wording, role = WORDINGS[level.name], caption.role
    if role == "attribute" or (role == "predicate" and level.dimension == "speed"):
        return wording.adjectives
    if role == "before_verb":  # "at a moderate pace knocks" is no English: only single adverbs go before a verb
        return tuple(word for word in wording.adverbs if word.endswith("ly"))
    if _PREPOSITION.search(caption.text[: caption.cue.start]):  # "from close by"
        return tuple(word for word in wording.adverbs if not _PREPOSITION.match(word.split(" ")[0] + " "))
    return wording.adverbs


def _moved(caption: CuedCaption, level: Level) -> Iterator[tuple[CuedCaption, str]]:
    """An adjective or an adverb before its verb, as a phrase at the end of its event."""
    after = caption.text[caption.cue.end :]
    several = CLAUSE.search(after) or " and " in after
    if caption.role not in ("attribute", "before_verb") or (caption.role == "attribute" and several):
        return
    if is_joined(caption):
        return
    rest, cut = without_cue(caption)
    for ending in _endings(rest[: event_end(rest, cut)], level):
        yield moved(caption, ending, level.side), f"remove '{caption.cue.words}', add '{ending}'"


def _added(caption: CuedCaption, level: Level) -> Iterator[tuple[CuedCaption, str]]:
    """The level's phrase at the end, in front, or at the end of the cue's event. Wordings vary with the caption."""
    body, comma = caption.text, level.dimension == "dynamics"
    clause_end = event_end(body, caption.cue.end)
    end = clause_end if _IN_TURN.match(body[clause_end:]) and comma else len(body)
    places = [(end, _endings(body[:end], level))]
    if level.side == "far":  # two events, or two adverbs in a row: a phrase in front is said of all of it
        front = (0, ("in the distance",))
        several = CLAUSE.search(body) or " and " in body or _ends_with_adverb(body)
        places = [front, *places] if several else [*places, front]
    places.append((clause_end, _endings(body[:clause_end], level)[:1]))
    for at, endings in places:
        for ending in endings:
            yield inserted(caption, at, ending, level.side, comma=comma), f"add '{ending}'"


def _endings(body: str, level: Level) -> tuple[str, ...]:
    """The level's endings, rotated by a hash of the caption; after an adverb only those that are phrases."""
    endings = WORDINGS[level.name].endings
    turn = seed_for("rewrite", body, level.name) % len(endings)
    rotated = (*endings[turn:], *endings[:turn])
    return tuple(one for one in rotated if not one.endswith("ly")) if _ends_with_adverb(body) else rotated


def _ends_with_adverb(body: str) -> bool:
    return body.endswith("ly") or body.lower().endswith((" fast", " up close"))
