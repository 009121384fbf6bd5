"""Captions mined from Python: positions, dimensions, and texts that are none."""

from __future__ import annotations

from typing import Any

import pytest

import foleygenex

CAPTIONS = ["A dog barks loudly", "Rain falls", "Someone knocks quickly, far away"]


def test_cues_have_their_place_in_the_caption() -> None:
    found = foleygenex.mine_captions(CAPTIONS, parser="rules")
    assert [[(cue.dimension, cue.side) for cue in cues] for cues in found] == [
        [("volume", "loud")], [], [("speed", "fast"), ("distance", "far")],
    ]  # fmt: skip
    for caption, cues in zip(CAPTIONS, found, strict=True):
        assert all(caption[cue.start : cue.end] == cue.words for cue in cues)
    assert isinstance(found[0][0], foleygenex.Cue) and foleygenex.mine_captions([]) == []


@pytest.mark.parametrize(
    ("captions", "parser", "words"),
    [
        ("one text", "rules", "expected a list of texts"),
        ([None], "rules", "expected a list of texts"),
        (["a dog"], "guess", "parser 'guess' is unknown; choose one of auto, spacy, rules"),
    ],
)
def test_other_things_are_refused(captions: Any, parser: Any, words: str) -> None:
    with pytest.raises(foleygenex.UsageError, match=words):
        foleygenex.mine_captions(captions, parser=parser)
