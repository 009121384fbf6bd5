"""The rules' captions: each passes the validator, each is natural enough to read aloud. SPEC A6."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.language.cues import LEVELS
from tasks.language.validator import check
from tasks.recaption.rules import rewrite, rewrites
from tests.tasks.language.captions import ALL, GRID, PLAIN


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("caption", ALL)
def test_every_candidate_for_every_caption_and_level_passes_the_validator(caption, level):
    found = rewrites(caption, level)
    texts = [one.caption for one in found]
    assert len(set(texts)) == len(texts)
    assert all(check(caption, text, level) == [] for text in texts)
    assert all(one.hint for one in found)


@pytest.mark.parametrize(("caption", "level"), GRID)
def test_the_full_stop_and_the_capital_stay(caption, level):
    text = rewrite(caption, level)
    assert text.endswith(".") == caption.endswith(".")
    assert text[0].isupper() == caption[0].isupper()
    assert "  " not in text


def test_there_is_a_choice_for_most(level_count=3):
    assert sum(len(rewrites(caption, level)) >= level_count for caption, level in GRID) > 0.8 * len(GRID)


@pytest.mark.parametrize(
    ("caption", "level", "expected"),
    [
        ("A man knocks quickly", "very_fast", "A man knocks very quickly"),
        ("Very fast footsteps", "very_fast", "Extremely fast footsteps"),
        ("A person taps at a fast pace", "very_fast", "A person taps at a very fast pace"),
        (
            "A stick quickly hits a bar and a dog barks",
            "medium",
            "A stick hits a bar at a moderate pace and a dog barks",
        ),
        ("A man slowly taps wood, then claps", "medium", "A man taps wood at a moderate pace, then claps"),
        ("A fast knocking", "medium", "A moderately paced knocking"),
        ("An extremely slow knock", "slow", "A slow knock"),
        ("A nearby owl hoots", "far", "A distant owl hoots"),
        ("A bell rings up close", "far", "A bell rings in the distance"),
        ("An engine hums close by as birds chirp in the distance", "far", None),
        ("The knocking is slow", "very_slow", "The knocking is very slow"),
        ("Loud music, gradually fading away", "crescendo", "Loud music, gradually getting louder"),
    ],
)
def test_known_sentences(caption, level, expected):
    text = rewrite(caption, level)
    assert check(caption, text, level) == []
    if expected is not None:  # the wording turns with a hash of the caption, the place does not
        assert (
            re.sub("medium|speed", lambda word: {"medium": "moderate", "speed": "pace"}[word.group()], text) == expected
        )


def test_articles_follow_what_now_comes_after_them():
    texts = {one.caption for one in rewrites("A nearby owl hoots", "far")}
    assert "An owl hoots in the distance" in texts


@pytest.mark.parametrize("caption", PLAIN)
@pytest.mark.parametrize("level", LEVELS)
def test_the_same_input_gives_the_same_text(caption, level):
    assert rewrites(caption, level) == rewrites(caption, level)


@pytest.mark.parametrize("caption", ["", "   ", "...", "!?"])
def test_a_caption_without_words_is_an_item_error(caption):
    with pytest.raises(ItemError) as caught:
        rewrite(caption, "far")
    assert caught.value.reason == "empty_caption"


@settings(max_examples=150, deadline=None)
@given(caption=st.text(max_size=120), level=st.sampled_from(sorted(LEVELS)))
def test_any_text_gives_a_valid_caption_or_an_item_error(caption, level):
    try:
        texts = [one.caption for one in rewrites(caption, level)]
    except ItemError as error:
        assert error.reason in ("empty_caption", "no_rewrite")
    else:
        assert all(check(caption, text, level) == [] for text in texts)
