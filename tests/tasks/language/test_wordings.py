"""The wordings of a level say that level, and each level has some of each kind. SPEC A6."""

from __future__ import annotations

import pytest

from data_contracts.adverbs import LEVELS
from tasks.language.finder import find_cues
from tasks.language.wordings import WORDINGS


@pytest.mark.parametrize("level", LEVELS)
def test_every_wording_of_a_level_says_that_level_and_nothing_else(level: str) -> None:
    wanted, wording = LEVELS[level], WORDINGS[level]
    captions = [f"A dog barks {words}" for words in (*wording.adverbs, *wording.endings)]
    for caption in [*captions, *(f"The {adjective} barking of a dog" for adjective in wording.adjectives)]:
        (cue,) = find_cues(caption)
        assert (cue.side, cue.strong) == (wanted.side, wanted.strong), caption


def test_every_level_has_wordings_of_each_kind() -> None:
    assert set(WORDINGS) == set(LEVELS)
    for wording in WORDINGS.values():
        for words in (wording.adverbs, wording.adjectives, wording.endings):
            assert words
            assert len(set(words)) == len(words)
            assert all(text == text.strip(" ,").lower() for text in words)
