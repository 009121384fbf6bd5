"""Which adverbs captions name: the words that say fast or slow, near or far, loud or quiet. Source: SPEC A1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data_contracts.errors import UsageError
from tasks.language.cues import Cue
from tasks.mine.parser import make_miner


def mine_captions(captions: Sequence[str], *, parser: Literal["auto", "spacy", "rules"] = "auto") -> list[list[Cue]]:
    """Returns the cues of each caption in reading order; an empty list for a caption that names no side.

    A cue has `dimension` (speed, distance, volume), `side` (fast, slow, near, far, loud, quiet), `words`, and their
    position: `caption[cue.start:cue.end]`. `parser`: `spacy` reads the grammar (`foleygenex fetch-parser` once, 13 MB),
    `rules` only the words beside a cue, `auto` is spacy where it was fetched. Raises UsageError for another parser or
    captions that are no texts, WeightsError when spacy is asked for and was not fetched.
    """
    if isinstance(captions, str) or not all(isinstance(caption, str) for caption in captions):
        raise UsageError("captions: expected a list of texts, e.g. ['a dog barks loudly']")
    return make_miner(parser).find(captions)
