"""Checks of a new caption against the caption and the mined cue that it was made from, whoever wrote it.

A caption of a level says the level of the event that had the mined cue, nowhere the opposite, and tells of the same
events (`tasks.language.meaning`) in other words or the same. `tests/tasks/language/recaption_gold.txt` has captions
to accept and to refuse. Source: SPEC A6.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Final

from data_contracts.adverbs import LEVELS, Level, opposites
from tasks.language.content import content_words, is_content, is_copy, meaningful, unmatched, words
from tasks.language.cues import Cue, CuedCaption, blanked
from tasks.language.finder import all_cues, find_cues
from tasks.language.inflect import lemmas
from tasks.language.meaning import meaning_problems
from tasks.language.same_sound import implied, in_words_of
from tasks.language.similarity import similarity_problems
from tasks.language.synonyms import classes
from tasks.language.words import STRONG

_SENTENCES: Final = re.compile(r"[.!?]+(?=\s|$)")
_ODD: Final = re.compile(r"[^\w\s.,;:!?'’\"()&%/-]")
_MAX_NEW_WORDS: Final = 10
_MAX_NEW_CHARS: Final = 400
_IMPLIED: Final = {"far": frozenset(("quiet",))}
"""What else a caption of a side may say: a far sound may be called faint."""


def check(before: CuedCaption, after: CuedCaption, level: str, *, parse: bool = False) -> list[str]:
    """Returns why `after`, whose cue is said to be the level's, is no caption of `level` made from `before`.

    Empty when it is one. A cue of another dimension may stay or go: loud audio that grows is still loud. With `parse`
    the subjects of verbs are compared by the dependency parse, which must have been fetched.
    """
    if is_endless(before.text, after.text):
        return ["too long"]
    wanted, after = LEVELS[level], in_words_of(before, after)
    problems = form_problems(before.text, after.text)
    cues = find_cues(after.text)
    if not any(_says(cue, wanted) and cue.overlaps(after.cue) for cue in cues):
        problems.append("does not say the level")
    if any(cue.side in opposites(wanted.side) for cue in cues):
        problems.append("says the opposite")
    if not _keeps_twins(before, after):
        problems.append("changes another cue")
    problems += _claims(before, cues, wanted) + _content_problems(before, after, cues, wanted)
    return problems + meaning_problems(before, after, parse=parse)


def find_level(before: CuedCaption, after: str, level: str) -> CuedCaption | None:
    """Returns `after` with the cue that says the level and fits `before` best; None when no new cue says it.

    Cues that `before` has outside its own cue do not count.
    """
    wanted = LEVELS[level]
    if is_endless(before.text, after):
        return None
    old = Counter(cue.words.lower() for cue in find_cues(before.outside) if cue.side == wanted.side)
    found = [cue for cue in find_cues(after) if _says(cue, wanted)]
    said = Counter(cue.words.lower() for cue in found)
    new = [cue for cue in found if said[cue.words.lower()] > old[cue.words.lower()]]
    captions = [CuedCaption(text=after, cue=cue) for cue in new]
    return min(captions, key=lambda caption: len(check(before, caption, level)), default=None)


def judge(
    before: CuedCaption, after: str, level: str, *, parse: bool = False, min_similarity: float = 0.0
) -> tuple[CuedCaption | None, list[str]]:
    """Returns a model's caption with its new cue, and why it is refused; an accepted caption always has a cue.

    `parse` is that of `check`. A caption without any other problem is refused when the similarity of its events
    (`event_similarity`) is under `min_similarity`.
    """
    found = find_level(before, after, level)
    if found is not None:
        problems = check(before, found, level, parse=parse)
        return found, problems or similarity_problems(before, in_words_of(before, found), min_similarity)
    if is_endless(before.text, after):
        return None, ["too long"]
    problems = [*form_problems(before.text, after), "does not say the level"]
    old, new = meaningful(content_words(before.outside)), meaningful(content_words(after))
    return None, [*problems, *_lost(old, new), *_added(new, old)]


def _says(cue: Cue, level: Level) -> bool:
    return cue.side == level.side and (cue.strong or not level.strong)


def _claims(before: CuedCaption, cues: list[Cue], level: Level) -> list[str]:
    """The first side that the new caption says and the old one did not."""
    known = {cue.side for cue in all_cues(before)} | {level.side, *_IMPLIED.get(level.side, ())}
    new = [cue.side for cue in cues if cue.side not in known and cue.side not in opposites(level.side)]
    return [f"says {side}" for side in new[:1]]


def _content_problems(before: CuedCaption, after: CuedCaption, cues: list[Cue], level: Level) -> list[str]:
    said = [after.cue, *(cue for cue in cues if cue.side == level.side or cue.side in _IMPLIED.get(level.side, ()))]
    old, new = content_words(before.outside), content_words(blanked(after.text, said))
    kept = content_words(before.cue.words) if before.cue.dimension != level.dimension else set()
    twins = {word for cue in said for word in words(cue.words)}  # "in the distance" may be said once for two
    return [*_lost(meaningful(old) - implied(before, after), new | twins), *_added(meaningful(new), old | kept)]


def _lost(old: set[str], new: set[str]) -> list[str]:
    return [f"lost {word!r}" for word in unmatched(old, new, classes)[:1]]


def _added(new: set[str], old: set[str]) -> list[str]:
    return [f"added {word!r}" for word in unmatched(new, old, classes)[:1]]


def _keeps_twins(before: CuedCaption, after: CuedCaption) -> bool:
    """Whether other cues of the mined side are where they were: an edit at one of them would leave the same words."""
    own = before.cue
    skipped = {*words(own.words), *words(after.cue.words)}
    old_text, new_text = blanked(before.text, [own]), blanked(after.text, [after.cue])
    for twin in all_cues(before):
        if twin is own or twin.side != own.side:
            continue
        old = _neighbours(old_text, twin.start, twin.end, skipped)
        spans = (match.span() for match in re.finditer(re.escape(twin.words), new_text, re.IGNORECASE))
        if not any(_are_forms(old, _neighbours(new_text, start, end, skipped)) for start, end in spans):
            return False
    return True


def _neighbours(text: str, start: int, end: int, skipped: set[str]) -> tuple[str, str]:
    """The content words before and after a place; empty at an end of the text."""
    before, after = (
        [word for word in words(part) if is_content(word) and word not in skipped]
        for part in (text[:start], text[end:])
    )
    return before[-1] if before else "", after[0] if after else ""


def _are_forms(some: tuple[str, str], others: tuple[str, str]) -> bool:
    return all(lemmas(one) & lemmas(other) for one, other in zip(some, others, strict=True))


def is_endless(before: str, after: str) -> bool:
    """Whether a text is too long to be searched for cues: the time grows with the square of its length."""
    return len(after) > len(before) + _MAX_NEW_CHARS


def form_problems(before: str, after: str) -> list[str]:
    """Returns what is wrong with the form of `after`: empty, a copy, several sentences, too long, odd characters."""
    problems = []
    before_words, after_words = words(before), words(after)
    if not after_words:
        return ["empty"]
    if is_copy(before, after):
        problems.append("a copy")
    if "\n" in after.strip() or _count_sentences(after) > max(1, _count_sentences(before)):
        problems.append("more than one sentence")
    if len(after_words) > len(before_words) + _MAX_NEW_WORDS:
        problems.append("too long")
    if set(_ODD.findall(after)) - set(_ODD.findall(before)):
        problems.append("odd characters")
    repeats = {pair for pair in pairwise(after_words) if pair[0] == pair[1] and pair[0] not in STRONG}
    if repeats - set(pairwise(before_words)):
        problems.append("repeats a word")
    return problems


def _count_sentences(text: str) -> int:
    return len([part for part in _SENTENCES.split(text) if part.strip()])
