"""Verbs that captions use for one sound of one thing: rain falls or patters, a bird chirps or tweets.

A pair holds only in an event that names the thing: "a man hammers" is not "a man drums". Sentence vectors do not tell
these pairs from other sounds ("barks" and "howls" are closer than "falls" and "patters"), so they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tasks.language.clauses import events
from tasks.language.content import content_words
from tasks.language.cues import CuedCaption
from tasks.language.edit import swapped
from tasks.language.inflect import inflected, lemmas, verb_lemma
from tasks.language.meaning import masked

_WORD: Final = re.compile(r"[^\W_]+")
_TAGS: Final = ("VBZ", "VBG", "VBD", "VBN")


@dataclass(frozen=True, slots=True)
class SameSound:
    """What makes the sound, the verbs of one sound each (groups between bars), and the only side that they fit, if any:
    what "rushes" is fast."""

    things: str
    verbs: str
    side: str = ""

    def groups(self, words: set[str], side: str) -> list[set[str]]:
        """Returns the groups of verbs for an event of these plain words whose cue is of a side."""
        if self.side not in ("", side) or words.isdisjoint(self.things.split()):
            return []
        return [set(group.split()) for group in self.verbs.split("|")]


_PEOPLE: Final = "person people man woman boy girl child kid someone crowd voice"
_VEHICLES: Final = "train car truck vehicle bus van motorcycle traffic"
SAME_SOUND: Final = (
    SameSound("rain hail sleet rainfall raindrop", "fall patter|fall pour|beat drum hammer pound"),
    SameSound("bird songbird sparrow finch robin", "chirp tweet twitter"),
    SameSound("woodpecker", "peck drum hammer"),
    SameSound("baby infant toddler child", "cry wail bawl"),
    SameSound("siren alarm", "wail blare"),
    SameSound("horn", "honk beep toot|blow blare"),
    SameSound(_PEOPLE, "shout yell|speak talk chat converse"),
    SameSound("crowd people audience", "clap applaud"),
    SameSound("door", "slam bang"),
    SameSound("wave", "crash break"),
    SameSound("horse", "neigh whinny"),
    SameSound("frog toad", "croak ribbit"),
    SameSound("dog", "bark woof"),
    SameSound("cat", "scratch claw"),
    SameSound("gun", "fire shoot"),
    SameSound("hammer", "strike hit pound bang"),
    SameSound("bell", "ring toll"),
    SameSound("thunder", "rumble roll"),
    SameSound("water faucet tap", "trickle dribble"),
    SameSound(_VEHICLES, "pass rush zoom speed race", "fast"),
    SameSound(_PEOPLE, "walk stroll amble", "slow"),
)
_IMPLIED: Final = (("rain", "fall"), ("hail", "fall"), ("wind", "blow"), ("music", "play"))
"""Things with what they do whenever they are heard: "the quiet rain fades away" is of rain that falls."""


def in_words_of(before: CuedCaption, after: CuedCaption) -> CuedCaption:
    """Returns `after` with verbs of the same sound in the words of `before`: "patters" as "falls", of rain.

    Only a verb that `before` lacks is replaced, by one of an event with the same thing that `after` lacks.
    """
    old, new = masked(before), masked(after)
    known, kept = _lemmas(old), _lemmas(new)
    told = [old[start:end] for start, end in events(old)]
    lost = [{verb_lemma(word) for word in content_words(event) if kept.isdisjoint(lemmas(word))} for event in told]
    for start, end in reversed(events(new)):
        for match in reversed([*_WORD.finditer(new, start, end)]):
            word = match.group().lower()
            verb = verb_lemma(word)
            if not verb or not known.isdisjoint(lemmas(word)):
                continue
            for event, verbs in zip(told, lost, strict=True):
                shared = _lemmas(event) & _lemmas(new[start:end])
                if other := next(_others(verb, verbs, shared, after.cue.side), ""):
                    after = swapped(after, *match.span(), _in_form_of(word, verb, other)) or after
                    break
    return after


def implied(before: CuedCaption, after: CuedCaption) -> set[str]:
    """Returns the words of `before` that `after` need not repeat: what a thing does whenever it is heard."""
    old, kept = masked(before), _lemmas(after.text)
    found: set[str] = set()
    for start, end in events(old):
        event = old[start:end]
        things = _lemmas(event) & kept
        verbs = {verb for thing, verb in _IMPLIED if thing in things}
        found |= {word for word in content_words(event) if verb_lemma(word) in verbs}
    return found


def _others(verb: str, verbs: set[str], shared: set[str], side: str) -> Iterator[str]:
    for entry in SAME_SOUND:
        for group in entry.groups(shared, side):
            if verb in group:
                yield from sorted(group & verbs)


def _in_form_of(word: str, verb: str, other: str) -> str:
    return next((inflected(other, tag) for tag in _TAGS if inflected(verb, tag) == word), other)


def _lemmas(text: str) -> set[str]:
    return {lemma for word in content_words(text) for lemma in lemmas(word)}
