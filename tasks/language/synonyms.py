"""Words that captions use for the same thing: "talks" keeps what "speaks" said, "laughter" what "laughs" did."""

from __future__ import annotations

from functools import cache
from typing import Final

from tasks.language.inflect import lemmas

_SAME: Final = (
    "speak talk speech",
    "someone somebody person",
    "hit strike",
    "bang pound",
    "several multiple",
    "two 2",
    "three 3",
    "four 4",
    "five 5",
    "six 6",
    "seven 7",
    "eight 8",
    "nine 9",
    "ten 10",
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
    "laugh laughter",
    "applaud applause",
    "baby infant",
)
_CLASS: Final = {word: group.split()[0] for group in _SAME for word in group.split()}


@cache
def classes(word: str) -> frozenset[str]:
    """Returns the plain forms of a lower-case word, each by the first word of its group of synonyms."""
    return frozenset(_CLASS.get(lemma, lemma) for lemma in lemmas(word))
