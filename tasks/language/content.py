"""The words of a caption that carry meaning, and which of them two captions share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from tasks.language.inflect import lemmas


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STOP: Final = _set(
    "a an the and or but nor as at by for from in into of off on onto out over to up with while then than when where "
    "before after along around across against behind below beside between beyond down during inside near outside past "
    "through toward towards under until is are was were be been being am do does did has have had having there here "
    "it its it's that this these those which who whose what some any each both other another also together so such "
    "can could may might will would being he she they him his her their i we you your one once very whilst"
)
_NEUTRAL: Final = _set(
    "sound noise hear audible make produce come occur happen follow begin start continue keep remain stay go get "
    "become grow volume loudness intensity pace speed rate tempo level distance time first initially gradually steadily"
)
"""Words that say nothing new of a sound, in any form: "can be heard", "the sound of", "starts", "a pace"."""


def words(text: str) -> list[str]:
    """Returns the lower-case words."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def is_content(word: str) -> bool:
    """Whether a lower-case word carries meaning."""
    return word not in _STOP


def content_words(text: str) -> set[str]:
    """Returns the lower-case words that carry meaning."""
    return {word for word in words(text) if is_content(word)}


def is_neutral(word: str) -> bool:
    """Whether a lower-case word may be added or left out: it says nothing of its own about a sound."""
    return not _NEUTRAL.isdisjoint(lemmas(word))


def meaningful(found: Iterable[str]) -> set[str]:
    """Returns the words without the neutral ones."""
    return {word for word in found if not is_neutral(word)}


def unmatched(some: Iterable[str], others: Iterable[str], forms: Callable[[str], Iterable[str]] = lemmas) -> list[str]:
    """Returns the words of which no form is a form of the other words, sorted."""
    known = {form for word in others for form in forms(word)}
    return sorted(word for word in set(some) if known.isdisjoint(forms(word)))


def is_copy(first: str, second: str) -> bool:
    """Whether two captions have the same words in the same order."""
    return words(first) == words(second)
