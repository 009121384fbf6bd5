"""The rules' rewrites: the mined cue is replaced, strengthened or moved; a level of another dimension is added.

All wordings that fit the cue's place in the grammar are put into an order that a hash of the caption draws, so that a
corpus has each about equally often. Source: SPEC A6 (the labelled fallback).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final

from data_contracts import ItemError
from data_contracts.adverbs import LEVELS, Level
from tasks.engine.workspace import hash_text
from tasks.language.clauses import event_end, events
from tasks.language.content import content_words, unmatched
from tasks.language.cues import CuedCaption
from tasks.language.edit import inserted, is_joined, moved, replaced, split_ending, without_cue
from tasks.language.inflect import is_compared
from tasks.language.meaning import said_of_all
from tasks.language.validator import check
from tasks.language.wordings import OVER_TIME, Wording, wording_of
from tasks.language.words import DEGREES

CHOICES: Final = 6
"""Most rewrites of one caption."""
_DEGREE: Final = re.compile(rf"\b(?:{'|'.join(DEGREES)}) ", re.IGNORECASE)
_INTENSE: Final = ("very", "extremely", "incredibly", "exceptionally", "remarkably")
_GRADED: Final = re.compile(r"\b(?:fast|quick|rapid|high|brisk|swift|slow|low|leisurely|sluggish)\b")
_PREPOSITION: Final = re.compile(r"\b(?:at|from|in|of|with|to) $", re.IGNORECASE)
_BEGINS_WITH_PREPOSITION: Final = re.compile(r"(?:at|from|in|with) ")
_ARTICLE: Final = re.compile(r"\b(?:an?|the) $", re.IGNORECASE)
_PARTICLE: Final = re.compile(r" (?:past|by|along|around|away|off|up|down|over|overhead)(?=$|[,.]| (?:and|as|while)\b)")
_ENDS_IN_TIME: Final = re.compile(rf" (?:{OVER_TIME})$")
_OF: Final = re.compile(r"\bof (?:an? |the )?$", re.IGNORECASE)
_Edit = tuple[str, Callable[[], CuedCaption]]
"""What identifies an edit in the draw (what is done, a space, the wording), and what makes it."""


def rewrites(caption: CuedCaption, level: str, degree: str = "plain", *, limit: int = CHOICES) -> list[CuedCaption]:
    """Returns at most `limit` validated rewrites of a caption for a level, each with its new cue, in a drawn order.

    `degree` is how far the change went (`data_contracts.adverbs.DEGREES`). Raises ItemError when there is none.
    """
    caption = caption.cleaned(lambda text: " ".join(text.split())).with_degrees()
    body, ending = split_ending(caption.text)
    if not body:
        raise ItemError("empty_caption", "the caption has no words")
    found = list(islice(_valid(caption, CuedCaption(text=body, cue=caption.cue), ending, level, degree), limit))
    if not found:
        raise ItemError("no_rewrite", f"no rule makes a valid {level} caption of {caption.text[:80]!r}")
    return found


def _valid(caption: CuedCaption, body: CuedCaption, ending: str, level: str, degree: str) -> Iterator[CuedCaption]:
    seen = set()
    outside = content_words(body.outside)

    def order(edit: _Edit) -> tuple[bool, str]:
        own = content_words(edit[0].partition(" ")[2])
        return len(unmatched(own, outside)) < len(own), hash_text(body.text, level, edit[0])

    for _, make in sorted(_edits(body, LEVELS[level], wording_of(level, degree)), key=order):
        candidate = make()
        new = CuedCaption(text=candidate.text + ending, cue=candidate.cue)
        if new.text not in seen and not said_of_all(new) and not check(caption, new, level):
            seen.add(new.text)
            yield new


def _edits(caption: CuedCaption, level: Level, wording: Wording) -> Iterator[_Edit]:
    cue, side = caption.cue, level.side
    for words in (*_strengthened(caption, level), *_substitutes(caption, level, wording)):
        yield f"replace {words}", partial(replaced, caption, words, side)
    if cue.dimension == level.dimension or (level.side == "far" and _is_attribute(caption)):
        for words in _moved_endings(caption, level, wording.endings):
            yield f"move {words}", partial(moved, caption, words, side)
    if cue.dimension != level.dimension:  # loud audio that is moved away or grows may still be called loud
        at = event_end(caption.text, cue.start)
        if at > cue.end or not _is_attribute(caption):  # of "a loud and long burp" the noun is still to come
            for words in _fitting(wording.endings, caption.text[:at]):
                comma = level.dimension == "dynamics"
                yield f"add {words}", partial(inserted, caption, at, words, side, comma=comma)
        if level.side == "far" and len(events(caption.text)) == 1:
            for words in wording.endings:
                yield f"front {words}", partial(inserted, caption, 0, words, side)


def _strengthened(caption: CuedCaption, level: Level) -> Iterator[str]:
    cue = caption.cue
    if not level.strong or cue.side != level.side:
        return
    core = _DEGREE.sub("", cue.words).lower()
    graded = _GRADED.search(core) if cue.pos == "phrase" else re.match("", core)
    if is_compared(core) or not graded:  # "very faster", "at very full speed"
        return
    for degree in _INTENSE[1:] if cue.strong else _INTENSE:
        words = f"{core[: graded.start()]}{degree} {core[graded.start() :]}"
        yield re.sub(r"\ba (?=[aeiou])", "an ", re.sub(r"\ban (?=[^aeiou])", "a ", words))


def _substitutes(caption: CuedCaption, level: Level, wording: Wording) -> Iterable[str]:
    """The wordings that fit the place of the cue."""
    role = caption.role
    other = caption.cue.dimension != level.dimension
    if level.dimension == "dynamics":
        adverbs, adjectives = wording.instead, wording.instead_adjectives
    else:
        adverbs, adjectives = wording.adverbs, wording.adjectives
    if role == "attribute":
        return adjectives
    if role == "predicate":
        return () if other else adjectives if level.dimension == "speed" else adverbs
    if role == "before_verb":  # "at a moderate pace knocks" is no English: only adverbs go before a verb
        return [one for one in adverbs if one.endswith("ly") and " at first" not in one and " nor " not in one]
    if caption.cue.pos != "adverb" and other:
        return ()
    return _fitting_adverbs(caption, adverbs)


def _fitting_adverbs(caption: CuedCaption, adverbs: Iterable[str]) -> list[str]:
    """The wordings for an adverb's place: single adverbs where there are some in a list ("fast and loudly"), and always
    before a particle ("drives fast past")."""
    if _ARTICLE.search(caption.text[: caption.cue.start]):  # "up to a high speed": a noun is wanted
        return []
    if event_end(caption.text, caption.cue.start) > caption.cue.end:  # no "flies much louder over time past"
        adverbs = [one for one in adverbs if not _ENDS_IN_TIME.search(one)]
    fitting = _without_comma(adverbs, _before_cue(caption))
    if _PREPOSITION.search(caption.text[: caption.cue.start]):  # "from close by"
        return [one for one in fitting if not _BEGINS_WITH_PREPOSITION.match(one)]
    single = [one for one in fitting if not _BEGINS_WITH_PREPOSITION.match(one) and " nor " not in one]
    if _goes_before_particle(caption):
        return single
    if is_joined(caption):
        listed = single or [one for one in fitting if " nor " not in one]
        return [one for one in listed if " at first" not in one]
    return fitting


def _goes_before_particle(caption: CuedCaption) -> bool:
    return bool(_PARTICLE.match(caption.text[caption.cue.end :]))


def _before_cue(caption: CuedCaption) -> str:
    return caption.text[: caption.cue.start].rstrip()


def _is_attribute(caption: CuedCaption) -> bool:
    return caption.role == "attribute"


def _moved_endings(caption: CuedCaption, level: Level, endings: Iterable[str]) -> Iterable[str]:
    """An adjective, or an adverb before its verb or a particle, as a phrase at the end of its event."""
    is_moved = caption.role in ("attribute", "before_verb") or _goes_before_particle(caption)
    if not is_moved or is_joined(caption):
        return ()
    if _is_attribute(caption) and level.dimension == "speed" and _OF.search(caption.text[: caption.cue.start]):
        return ()
    rest, cut = without_cue(caption)
    end = event_end(rest, cut)
    if _is_attribute(caption) and " and " in rest[cut:end]:  # of "footsteps and talking" one is fast
        return ()
    if _is_attribute(caption) and level.dimension == "speed":  # a noun goes at a pace: no "knocking noise very fast"
        endings = filter(_BEGINS_WITH_PREPOSITION.match, endings)
    return _without_comma(endings, rest[:end])


def _without_comma(endings: Iterable[str], body: str) -> list[str]:
    """The endings that can follow a text at once: no second adverb after one in "-ly" ("cries hysterically gradually
    louder")."""
    fitting = _fitting(endings, body)
    if not body.lower().endswith("ly"):
        return fitting
    return [one for one in fitting if not one.partition(" ")[0].endswith("ly")]


def _fitting(endings: Iterable[str], body: str) -> list[str]:
    """The endings that can follow a text: after an adverb only those that are phrases, and none that it has already."""
    lower = body.lower()
    adverb, away = lower.endswith(("ly", " fast", " up close")), lower.endswith((" away", " off"))
    return [
        one
        for one in endings
        if not (adverb and one.endswith("ly")) and not (away and one.endswith((" away", " off"))) and one not in lower
    ]
