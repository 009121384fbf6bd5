"""What a word belongs to in a dependency parse, corrected for the small model's errors on captions without a verb."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spacy.tokens import Token

_COMPLEMENTS: Final = frozenset(
    {"acomp", "attr", "oprd", "advmod", "conj", "xcomp", "advcl", "ccomp", "dep", "npadvmod"}
)


QUALITIES: Final = frozenset({"loud", "quiet", "soft", "faint", "distant", "nearby", "rapid", "slow", "fast", "steady"})
"""Attributes that may be between another and its noun, whatever class the model gives them."""


def governors(token: Token) -> Iterator[Token]:
    """Yields the words that the token completes, upwards: "gets" for both words of "gets louder and louder"."""
    for _ in range(4):
        if token.dep_ not in _COMPLEMENTS or token.head is token:
            return
        token = token.head
        yield token
        if token.pos_ in {"VERB", "AUX"}:
            return


def modified(token: Token) -> Token | None:
    """Returns the noun that an attribute describes; None for a word that describes none."""
    for _ in range(5):
        if token.dep_ in {"amod", "compound", "nmod"} and token.head.i > token.i:
            head = token.head
            if head.pos_ == "ADJ" and head.dep_ in {"amod", "compound", "nmod"}:
                token = head
                continue
            return head
        if token.dep_ in {"conj", "advmod"} and token.head.pos_ in {"ADJ", "ADV"} and token.head is not token:
            token = token.head
            continue
        break
    return None


def described(token: Token) -> list[str]:
    """Returns the nouns a word may describe: by the tree, its subject, and the words right after it."""
    found = []
    if (noun := modified(token)) is not None:
        found.append(noun.lower_)
    elif token.dep_ in {"acomp", "attr", "oprd", "ROOT", "conj"}:
        found += [child.lower_ for child in token.head.children if child.dep_ in {"nsubj", "nsubjpass"}]
    doc = token.doc
    for index in range(token.i + 1, min(len(doc), token.i + 4)):
        near = doc[index]
        found.append(near.lower_)
        if near.lower_ in QUALITIES:
            continue
        if near.pos_ in {"NOUN", "PROPN"}:
            break
        if near.pos_ not in {"ADJ", "CCONJ", "ADV"} and near.lower_ not in {",", "and"} and near.tag_ != "VBN":
            break
    return found


def followed_by(token: Token, word: str) -> bool:
    """Whether the next word is this one."""
    return token.i + 1 < len(token.doc) and token.nbor(1).lower_ == word
