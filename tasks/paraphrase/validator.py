"""What a paraphrase must satisfy: the same sides, as strong, and the same words up to a short list of synonyms.

Strict on purpose: small models lose a word or invent an event, and words are all that can be checked without a model.
Source: SPEC A7.
"""

from __future__ import annotations

import re
from typing import Final

from tasks.language.cues import Cue, CuedCaption
from tasks.language.finder import all_cues, find_cues, without_cues
from tasks.language.validator import content_stems, form_problems, is_endless, stem, words

_SAME: Final = (
    "speak talk",
    "someone somebody person",
    "hit strike struck",
    "bang pound",
    "several multiple",
    "kid child children",
    "car automobile",
    "engine motor",
    "constantly continuously",
    "noise sound",
    "pass go",
    "woman female lady",
    "man male",
    "dog canine",
    "run operate flow",
    "rhythmically rhythmic",
)
_THEN: Final = re.compile(r"\b(?:then|followed by|after which)\b", re.IGNORECASE)
_NEUTRAL: Final = frozenset(
    stem(word) for word in ("sound", "noise", "heard", "hear", "audible", "make", "coming", "occur", "followed", "from")
)
_CLASS: Final = {stem(word): stem(group.split()[0]) for group in _SAME for word in group.split()}


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
    old, new = _classes(before, old_cues), _classes(paraphrase, new_cues)
    if wording(before) == wording(paraphrase) and "a copy" not in problems:
        problems.append("a copy")
    if _later_events(before) - _later_events(paraphrase):
        problems.append("changes the order of events")
    if missing := sorted(old - new - _NEUTRAL):
        problems.append(f"lost {missing[0]!r}")
    if extra := sorted(new - old - _NEUTRAL):
        problems.append(f"added {extra[0]!r}")
    return problems


def wording(text: str) -> tuple[str, ...]:
    """Returns the words without articles: "the dog barks" is no paraphrase of "a dog barks"."""
    return tuple(word for word in words(text) if word not in ("a", "an", "the"))


def _later_events(text: str) -> set[str]:
    """The content words after the first "then" or "followed by": what comes later must stay later."""
    parts = _THEN.split(text, maxsplit=1)
    return _classes(parts[1], find_cues(parts[1])) - _NEUTRAL if len(parts) == 2 else set()


def _cues_in(paraphrase: str, cue: Cue) -> list[Cue]:
    """The paraphrase's cues. The caption's own cue counts where it is repeated word for word, found or not."""
    start = paraphrase.lower().find(cue.words.lower())
    if start < 0:
        return find_cues(paraphrase)
    return all_cues(CuedCaption.at(paraphrase, cue.side, start, start + len(cue.words), cue.pos))


def _claims(cues: list[Cue]) -> set[str]:
    """The sides said; speed with its strength, because "very fast" and "fast" are two levels."""
    return {f"very {cue.side}" if cue.strong and cue.side in ("fast", "slow") else cue.side for cue in cues}


def _classes(text: str, cues: list[Cue]) -> set[str]:
    return {_CLASS.get(word, word) for word in content_stems(without_cues(text, cues))}
