"""Mining by dependency parse: one parse per distinct caption that has a stem of a form. Source: SPEC A1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_contracts import UsageError
from model.weights.catalogue import CAPTION_PARSER
from tasks.language.changes import with_changes
from tasks.language.cues import Cue
from tasks.language.finder import lowered, may_match
from tasks.language.parse import parser_here, require_parser, uses_parser
from tasks.language.words import EXPRESSIONS, MINED_FORMS, VERSION
from tasks.mine.miner import Miner, RuleMiner
from tasks.mine.syntax import names_a_side, word_class

if TYPE_CHECKING:
    from spacy.tokens import Doc

CHOICES: Final = ("auto", "spacy", "rules")
PARSED: Final = f"spacy-{CAPTION_PARSER}-{VERSION}"
_BATCH: Final = 256


class ParseMiner:
    """Mines by dependency parse. The model is loaded once per process and thread, when a caption first needs it."""

    method: Final = PARSED

    def find(self, captions: Sequence[str]) -> list[list[Cue]]:
        """Returns per caption its cues in reading order. Raises WeightsError when the model is missing."""
        texts = {caption: _parsable(caption) for caption in captions if may_match(caption)}
        if not texts:
            return [[] for _ in captions]
        nlp = parser_here()
        with nlp.memory_zone():  # words first met here are forgotten: a corpus has no end of names and numbers
            parsed = nlp.pipe(texts.values(), batch_size=_BATCH)
            found = {caption: _cues(caption, doc) for caption, doc in zip(texts, parsed, strict=True)}
        return [found.get(caption, []) for caption in captions]


def make_miner(choice: str) -> Miner:
    """Returns the miner for a setting: `spacy`, `rules`, or `auto` (the parser where its model was fetched).

    Raises WeightsError when `spacy` is asked for and the model is missing, UsageError for another choice.
    """
    if choice not in CHOICES:
        raise UsageError(f"parser {choice!r} is unknown; choose one of {', '.join(CHOICES)}")
    if choice == "spacy":
        require_parser("mine.parser", "rules")
    return ParseMiner() if method_of(choice) == PARSED else RuleMiner()


def method_of(choice: str) -> str:
    """Returns what mines under a setting, with its version, whether or not the parser's model is here."""
    return PARSED if uses_parser(choice) else RuleMiner.method


def _parsable(caption: str) -> str:
    """Returns what the parser is given: shouted captions in lower case, the offsets unchanged."""
    return lowered(caption) if caption.isupper() else caption


def _cues(caption: str, doc: Doc) -> list[Cue]:
    text = lowered(caption)
    taken = [match.span() for pattern in EXPRESSIONS for match in pattern.finditer(text)]
    found = []
    for form in MINED_FORMS:
        for match in form.pattern.finditer(text):
            start, end = match.span()
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                continue
            taken.append((start, end))
            span = doc.char_span(start, end, alignment_mode="expand")
            if span is None or not names_a_side(span, form.family):
                continue
            found.append(
                Cue(
                    side=form.side,
                    words=caption[start:end],
                    start=start,
                    end=end,
                    pos=form.pos or word_class(span),
                )
            )
    return with_changes(caption, text, found)
