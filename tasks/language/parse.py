"""spaCy's small English model, from checked files: word classes and heads of a caption's words.

Mining needs it; the validators use it where it was fetched (`foleygenex fetch-parser`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from data_contracts import WeightsError
from model.weights.catalogue import CAPTION_PARSER
from model.weights.locate import available, located, require

if TYPE_CHECKING:
    from spacy.language import Language

_UNUSED: Final = ("ner", "lemmatizer", "senter")
_LOADING: Final = threading.Lock()
_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class ParsedWord:
    """A word: its offset, its text in lower case, coarse and Penn Treebank class, dependency and head's number."""

    start: int
    text: str
    pos: str
    tag: str
    dependency: str
    head: int


def load_parser() -> Language:
    """Returns spaCy's model with its tagger and dependency parser only, from checked files; none is a pickle.

    Raises WeightsError when a file is missing or is not the published one.
    """
    import spacy

    settings = require(CAPTION_PARSER)[0]
    return spacy.util.load_model_from_path(settings.parent, exclude=_UNUSED)


def parser_here() -> Language:
    """Returns the model, loaded once per thread: a pipeline is not made for sharing. Raises as `load_parser` does."""
    return _loaded(threading.get_ident())


@cache
def has_parser() -> bool:
    """Whether the parser's model was fetched. Looked up once per process."""
    return available(CAPTION_PARSER)


def uses_parser(choice: str) -> bool:
    """Whether a setting asks for the parse; `auto`: where the model was fetched."""
    return choice == "spacy" or (choice == "auto" and has_parser())


def require_parser(setting: str, otherwise: str) -> None:
    """Raises WeightsError unless the model was fetched, naming the setting and its value that does without."""
    try:
        located(CAPTION_PARSER)
    except WeightsError as error:
        raise WeightsError(
            f"{setting}=spacy (set, or kept from this workspace's first run): {error}, or go on without it: "
            f"--set {setting}={otherwise}"
        ) from error


def parsed(text: str) -> Sequence[ParsedWord] | None:
    """Returns the words of a caption with their classes and heads; None where the model was not fetched."""
    return _parsed(text) if has_parser() else None


@lru_cache(maxsize=_KEPT)
def _parsed(text: str) -> tuple[ParsedWord, ...]:
    nlp = parser_here()
    with nlp.memory_zone():  # words first met here are forgotten: a corpus has no end of names and numbers
        return tuple(
            ParsedWord(token.idx, token.lower_, token.pos_, token.tag_, token.dep_, token.head.i)
            for token in nlp(text.lower() if text.isupper() else text)
        )


@cache
def _loaded(thread: int) -> Language:  # noqa: ARG001 (the key of the cache)
    with _LOADING:
        return load_parser()
