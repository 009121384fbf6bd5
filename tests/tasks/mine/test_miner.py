"""SPEC A1 by rules: adverbs, adjectives and phrases of six sides, and the words that only look like them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.adverbs import DIMENSION_OF, MINED_SIDES
from tasks.language.finder import find_mined
from tasks.mine.miner import RuleMiner, select
from tasks.mine.score import score

SIDES = {side: DIMENSION_OF[side] for side in MINED_SIDES}

NAMED = [
    ("A dog barks quickly", "fast", "quickly", "adverb"),
    ("A fast car passes", "fast", "fast", "adjective"),
    ("Rapid-sounding clicks, then rapid knocking", "fast", "rapid", "adjective"),
    ("The train goes by at high speed", "fast", "at high speed", "phrase"),
    ("Quick distant tapping on a pot", "fast", "Quick", "adjective"),
    ("Someone types very fast while talking", "fast", "fast", "adverb"),
    ("Faster clicking takes over", "fast", "Faster", "adjective"),
    ("A clock ticks slowly", "slow", "slowly", "adverb"),
    ("Slow steady ticking", "slow", "Slow", "adjective"),
    ("A stick beats a drum at a slow pace", "slow", "at a slow pace", "phrase"),
    ("The machine runs slow", "slow", "slow", "adverb"),
    ("Slow motion laughter", "slow", "Slow", "adjective"),
    ("Thunder rumbles in the distance", "far", "in the distance", "phrase"),
    ("A distant siren", "far", "distant", "adjective"),
    ("A bird calls from far away", "far", "from far away", "phrase"),
    ("Dogs bark off in the distance", "far", "off in the distance", "phrase"),
    ("A faraway bell rings", "far", "faraway", "adjective"),
    ("A person speaks nearby", "near", "nearby", "adverb"),
    ("A bell rings up close", "near", "up close", "phrase"),
    ("An insect buzzes close to the microphone", "near", "close to the microphone", "phrase"),
    ("Birds sing from a near distance", "near", "from a near distance", "phrase"),
    ("A helicopter hovering close", "near", "close", "adverb"),
    ("A man shouts loudly", "loud", "loudly", "adverb"),
    ("Loud bangs", "loud", "Loud", "adjective"),
    ("Music plays at a high volume", "loud", "at a high volume", "phrase"),
    ("A woman talks softly", "quiet", "softly", "adverb"),
    ("A faint hum", "quiet", "faint", "adjective"),
    ("A fan runs and a softer fan follows", "quiet", "softer", "adjective"),
]

LOOK_ALIKES = [
    "People order fast food and chew",
    "A man is fast asleep and snores",
    "Someone closes the door and another door slides close",
    "Please close the door",
    "Children play near the water",
    "A car passes near traffic",
    "A woman talks near the end",
    "A voice comes out of a loudspeaker",
    "Someone talks over a loud speaker",
    "A ball drops on a soft surface",
    "A horse walks on soft ground",
    "A man speaks in a quiet room",
    "The room is quiet and a clock chimes",
    "A crowd that is not loud",
    "Someone snores not too loudly",
    "A bell that isn't very fast",
    "The siren is not far away",
    "A speedboat passes",
    "A low hum in the background",
    "An engine gets louder",
    "A siren grows louder and then quieter",
    "A car moves closer and then farther away",
    "A knock quickly followed by a bang",
    "A car drives off into the distance",
    "The engine slowly fades",
    "The crowd suddenly goes quiet",
    "Someone laughs out loud",
    "So far a bird has been singing",
    "Rain falls on a roof",
]


@pytest.mark.parametrize(("caption", "side", "words", "pos"), NAMED)
def test_a1_adverbs_adjectives_and_phrases_are_found(caption: str, side: str, words: str, pos: str) -> None:
    (match,) = [m for m in find_mined(caption) if m.dimension == SIDES[side]]
    assert (match.side, match.words, match.pos) == (side, words, pos)
    assert caption[match.start : match.end] == words


@pytest.mark.parametrize("caption", LOOK_ALIKES)
def test_a1_look_alikes_negations_and_trends_are_not_sides(caption: str) -> None:
    assert find_mined(caption) == []


def test_a_look_alike_does_not_hide_a_real_cue() -> None:
    assert [m.side for m in find_mined("Fast food is fried as a loud fan runs quickly")] == ["loud", "fast"]


def test_several_dimensions_give_one_match_each() -> None:
    found = select(find_mined("Rapid loud knocking far away, then more loud knocking"))
    assert [(m.dimension, m.side) for m in found] == [("speed", "fast"), ("volume", "loud"), ("distance", "far")]


def test_both_sides_of_a_dimension_are_ambiguous() -> None:
    found = select(find_mined("A loud horn, then a quiet horn nearby"))
    assert [(m.dimension, m.side) for m in found] == [("distance", "near")]


@given(st.text(max_size=120))
def test_any_text_is_mined_without_fail(text: str) -> None:
    for match in find_mined(text):
        assert text[match.start : match.end] == match.words


@given(st.sampled_from([row[0] for row in NAMED + [(c, "", "", "") for c in LOOK_ALIKES]]))
def test_case_does_not_matter(caption: str) -> None:
    assert [m.side for m in find_mined(caption.upper())] == [m.side for m in find_mined(caption.lower())]


def test_letters_that_grow_in_lower_case_keep_the_offsets() -> None:
    caption = "İİ A dog barks LOUDLY"
    (match,) = find_mined(caption)
    assert caption[match.start : match.end] == "LOUDLY"


@pytest.mark.realdata
def test_a1_precision_and_recall_on_the_gold_captions(realdata: Path) -> None:
    for side in score(RuleMiner(), realdata / "labels" / "adverb_gold_dev.csv"):
        assert side.precision >= 0.95, side
        assert side.recall >= 0.95, side
