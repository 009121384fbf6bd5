"""Dependency parses written by hand, so that a rule is tried without the parser's model and its errors."""

from __future__ import annotations

import spacy
from spacy.tokens import Doc, Span, Token

_VOCAB = spacy.blank("en").vocab


def parse(text: str) -> Doc:
    """Returns a parse from `word/POS/dep/head` per word, the head as the number of its word from 0.

    Words without annotation are determiners of the word after them.
    """
    parts = [part.split("/") for part in text.split()]
    rows = [part if len(part) == 4 else [part[0], "DET", "det", str(i + 1)] for i, part in enumerate(parts)]
    words, pos, deps, heads = zip(*rows, strict=True)
    return Doc(_VOCAB, words=list(words), pos=list(pos), deps=list(deps), heads=[int(head) for head in heads])


def token(doc: Doc, word: str) -> Token:
    """Returns the first token with this text."""
    return next(one for one in doc if one.text == word)


def span(doc: Doc, words: str) -> Span:
    """Returns the first place of these words."""
    wanted = words.split()
    starts = (i for i in range(len(doc)) if [one.text for one in doc[i : i + len(wanted)]] == wanted)
    start = next(starts)
    return doc[start : start + len(wanted)]
