"""Forms of English words by lemminflect, which is loaded at the first use: it loads spaCy."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from typing import Final

_ADJECTIVE_ENDINGS: Final = (("ically", "ic"), ("ily", "y"), ("ly", "le"), ("ly", ""))


@cache
def lemmas(word: str) -> frozenset[str]:
    """Returns the plain forms that a lower-case word may be a form of, itself among them.

    "barking" is a form of "bark", "dogs" and "dog's" of "dog", and an adverb of its adjective: "loudly" of "loud".
    """
    word = word.replace("’", "'").removesuffix("'s").strip("'")
    known = _lemmas(word) or _guessed_lemmas(word)
    found = {word, *(lemma for forms in known.values() for lemma in forms)}
    for ending, adjective in _ADJECTIVE_ENDINGS:
        plain = word.removesuffix(ending) + adjective
        if word.endswith(ending) and "ADJ" in _lemmas(plain):
            found.add(plain)
            break
    return frozenset(found)


@cache
def verb_lemma(word: str) -> str:
    """Returns the plain form of a lower-case word as a verb; empty when it is no form of a verb."""
    known = _lemmas(word).get("VERB") or _guessed_lemmas(word).get("VERB") or ("",)
    return str(known[0])


@cache
def word_classes(word: str) -> frozenset[str]:
    """Returns the classes that a lower-case word may have, such as NOUN and VERB; none for an unknown word."""
    return frozenset(_lemmas(word) or _guessed_lemmas(word))


@cache
def is_compared(word: str) -> bool:
    """Whether a lower-case word is a comparative or a superlative: "faster", "slowest"."""
    plain = _lemmas(word).get("ADJ", (word,))
    return word not in plain


@cache
def inflected(lemma: str, tag: str) -> str:
    """Returns the form of a lemma for a Penn Treebank tag: `VBZ` barks, `VBG` barking, `NNS` dogs, `JJR` louder."""
    return str(_lemminflect().getInflection(lemma, tag)[0])


def _lemmas(word: str) -> dict[str, tuple[str, ...]]:
    return dict(_lemminflect().getAllLemmas(word))


def _guessed_lemmas(word: str) -> dict[str, tuple[str, ...]]:
    """The library's rules for a word that its dictionary lacks; only for what has an ending of a verb or a noun."""
    if not re.fullmatch(r"[a-z]{3,}(?:s|ed|ing)", word):
        return {}
    return {upos: _lemminflect().getAllLemmasOOV(word, upos).get(upos, ()) for upos in ("VERB", "NOUN")}


@cache
def _lemminflect() -> ModuleType:
    import lemminflect

    return lemminflect
