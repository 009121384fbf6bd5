"""What a paraphrase must satisfy: the same sides, as strong, and the same words up to a short list of synonyms.

Strict on purpose: small models drop a word or invent an event, and without a model only words can be checked.
Source: SPEC A7.
"""

from __future__ import annotations

import re
from typing import Final

from tasks.language.cues import Cue, CuedCaption
from tasks.language.finder import all_cues, find_cues, without_cues
from tasks.language.inflect import lemmas
from tasks.language.validator import content_words, form_problems, is_endless, unmatched, words

_SAME: Final = (
    "speak talk",
    "someone somebody person",
    "hit strike",
    "bang pound",
    "several multiple",
    "kid child",
    "car automobile",
    "engine motor",
    "constantly continuously",
    "noise sound",
    "pass go",
    "woman female lady",
    "man male",
    "dog canine",
    "run operate flow",
)
_THEN: Final = re.compile(r"\b(?:then|followed by|after which)\b", re.IGNORECASE)
_NEUTRAL: Final = frozenset(["sound", "noise", "hear", "audible", "make", "come", "occur", "follow", "from"])
_CLASS: Final = {word: group.split()[0] for group in _SAME for word in group.split()}


def problems_of(caption: CuedCaption, paraphrase: str) -> list[str]:
    """Returns why `paraphrase` is not one of `caption`; empty when it is."""
    before = caption.text
    if is_endless(before, paraphrase):
        return ["too long"]
    problems = form_problems(before, paraphrase)
    old_cues, new_cues = all_cues(caption), _cues_in(paraphrase, caption.cue)
    old_claims, new_claims = _claims(old_cues), _claims(new_cues)
    if lost := sorted(old_claims - new_claims):
        problems.append(f"does not say {lost[0]}")
    if added := sorted(new_claims - old_claims):
        problems.append(f"says {added[0]}")
    old, new = content_words(without_cues(before, old_cues)), content_words(without_cues(paraphrase, new_cues))
    if wording(before) == wording(paraphrase) and "a copy" not in problems:
        problems.append("a copy")
    if unmatched(_later_events(before), _later_events(paraphrase), _classes):
        problems.append("changes the order of events")
    problems += [f"lost {word!r}" for word in unmatched(_meaningful(old), new, _classes)[:1]]
    problems += [f"added {word!r}" for word in unmatched(_meaningful(new), old, _classes)[:1]]
    return problems


def wording(text: str) -> tuple[str, ...]:
    """Returns the words without articles: "the dog barks" is no paraphrase of "a dog barks"."""
    return tuple(word for word in words(text) if word not in ("a", "an", "the"))


def _later_events(text: str) -> set[str]:
    """The content words after the first "then" or "followed by": what comes later must stay later."""
    parts = _THEN.split(text, maxsplit=1)
    return _meaningful(content_words(without_cues(parts[1], find_cues(parts[1])))) if len(parts) == 2 else set()


def _cues_in(paraphrase: str, cue: Cue) -> list[Cue]:
    """The paraphrase's cues. The caption's own cue counts where it is repeated word for word, found or not."""
    start = paraphrase.lower().find(cue.words.lower())
    if start < 0:
        return find_cues(paraphrase)
    return all_cues(CuedCaption.at(paraphrase, cue.side, start, start + len(cue.words), cue.pos))


def _claims(cues: list[Cue]) -> set[str]:
    """The sides said; speed with its strength, because "very fast" and "fast" are two levels."""
    return {f"very {cue.side}" if cue.strong and cue.side in ("fast", "slow") else cue.side for cue in cues}


def _meaningful(found: set[str]) -> set[str]:
    return {word for word in found if _NEUTRAL.isdisjoint(lemmas(word))}


def _classes(word: str) -> set[str]:
    """The word's plain forms, each by the first word of its group of synonyms."""
    return {_CLASS.get(lemma, lemma) for lemma in lemmas(word)}
