"""Cues found by their neighbours alone: every side, the trends and speeds that augmentation makes. SPEC A1, A6."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.adverbs import DIMENSION_OF, MINED_SIDES
from tasks.language.cues import CuedCaption
from tasks.language.finder import all_cues, find_cues, find_mined, lowered, may_match, without_cues
from tests.tasks.language.captions import SIDED, cued

TEXTS = [text for texts in SIDED.values() for text in texts]
ANY_TEXT = st.lists(
    st.sampled_from(["loud", "not", "gets", "louder", "very", "in", "the", "distance", ",", "İ", "’", "\n", "🐕"])
).map(" ".join)


def named(caption: str) -> list[tuple[str, str]]:
    return [(cue.side, cue.words) for cue in find_cues(caption)]


@pytest.mark.parametrize(
    ("caption", "side", "words", "strong"),
    [
        ("A man knocks quickly", "fast", "quickly", False),
        ("Very fast knocking", "fast", "Very fast", True),
        ("He taps at a very slow pace", "slow", "at a very slow pace", True),
        ("Voices in extremely slow motion", "slow", "in extremely slow motion", True),
        ("A man taps at a moderate pace", "medium", "at a moderate pace", False),
        ("Moderately paced tapping", "medium", "Moderately paced", False),
        ("A man taps moderately", "medium", "moderately", False),
        ("A siren, gradually getting louder", "crescendo", "gradually getting louder", False),
        ("A siren blows louder and louder", "crescendo", "louder and louder", False),
        ("An alarm with increasing volume", "crescendo", "with increasing volume", False),
        ("A siren fades slowly away", "decrescendo", "fades slowly away", False),
        ("Footsteps dying out", "decrescendo", "dying out", False),
        ("An engine roars markedly quieter over time", "decrescendo", "markedly quieter over time", False),
        ("A clock ticks at quite a moderate pace", "medium", "at quite a moderate pace", False),
        ("A plane flies close overhead", "near", "close", False),
        ("Jets pass close overhead as people talk", "near", "close", False),
        ("A frog croaks right up close", "near", "right up close", False),
        ("A bee buzzes right next to the microphone", "near", "right next to the microphone", False),
        ("A typist types blisteringly fast", "fast", "blisteringly fast", True),
        ("A hum that is increasingly quiet", "decrescendo", "increasingly quiet", False),
    ],
)
def test_a_cue_is_found_with_its_intensifier(caption: str, side: str, words: str, strong: bool) -> None:
    (cue,) = find_cues(caption)
    assert (cue.side, cue.words, cue.strong) == (side, words, strong)
    assert caption[cue.start : cue.end] == words


@pytest.mark.parametrize(
    "caption",
    [
        "A fast food restaurant",
        "Breakfast is fried",
        "A door closes near a road",
        "A close friend speaks",
        "A speedboat passes",
        "The horn is not getting louder",
        "A quick beep",
        "A slow cooker bubbles in the fast lane",
        "A man does not speak loudly",
        "A dog doesn’t bark quickly",
        "A faint smell",
        "A close distance siren",
    ],
)
def test_words_that_only_look_like_cues_are_none(caption: str) -> None:
    assert find_cues(caption) == []


def test_a_trend_takes_its_words_before_their_sides_do() -> None:
    assert named("A siren slowly fading out at a fast pace") == [
        ("decrescendo", "slowly fading out"),
        ("fast", "at a fast pace"),
    ]
    assert named("Moderately loud music") == [("loud", "Moderately loud")]


def test_a_comparative_before_its_noun_is_a_side_and_elsewhere_a_trend() -> None:
    assert named("A horn and then a louder horn") == [("loud", "louder")]
    assert named("A horn blows louder") == [("crescendo", "louder")]
    assert named("A fan and a softer fan") == [("quiet", "softer")]


@pytest.mark.parametrize("text", TEXTS)
def test_mining_finds_the_mined_sides_of_all_cues_without_intensifiers(text: str) -> None:
    mined = find_mined(text)
    assert {cue.side for cue in mined} <= set(MINED_SIDES)
    both = [cue for cue in find_cues(text) if cue.side in MINED_SIDES]
    assert [(cue.side, cue.end) for cue in mined] == [(cue.side, cue.end) for cue in both]
    assert all(cue.start >= other.start for cue, other in zip(mined, both, strict=True))


@pytest.mark.parametrize("text", TEXTS)
def test_asking_for_some_sides_leaves_out_the_others(text: str) -> None:
    everything = find_cues(text)
    for side in DIMENSION_OF:
        assert find_cues(text, (side,)) == [cue for cue in everything if cue.side == side]


@given(ANY_TEXT | st.text(max_size=100))
def test_cues_of_any_text_are_in_order_and_share_no_character(text: str) -> None:
    for found in (find_cues(text), find_mined(text)):
        assert all(text[cue.start : cue.end] == cue.words for cue in found)
        assert all(one.end <= other.start for one, other in pairwise(found))


@given(ANY_TEXT | st.text(max_size=100))
def test_lower_case_keeps_every_offset(text: str) -> None:
    assert len(lowered(text)) == len(text)
    assert bool(find_mined(text)) <= may_match(text)


def test_the_captions_own_cue_wins_over_what_is_found_in_its_place() -> None:
    text = "A dog barks loudly in the distance"
    own = CuedCaption.at(text, "far", text.index("loudly in"), len(text))
    assert all_cues(own) == [own.cue]
    both = all_cues(cued(text, "far"))
    assert [(cue.side, cue.words) for cue in both] == [("loud", "loudly"), ("far", "in the distance")]


def test_text_without_its_cues_has_none() -> None:
    for text in TEXTS:
        rest = without_cues(text, find_cues(text))
        assert find_cues(" ".join(rest.split())) == []
        assert without_cues(text, []) == text
