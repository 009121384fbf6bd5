"""Cues: which words name a side, and how they stand in the sentence. SPEC A1, A6."""

from __future__ import annotations

import pytest

from tasks.language.cues import LEVELS, find_cues


@pytest.mark.parametrize(
    ("caption", "side", "text", "kind", "strong"),
    [
        ("A man knocks quickly", "fast", "quickly", "adverb", False),
        ("A man quickly knocks", "fast", "quickly", "preverb", False),
        ("Very fast knocking", "fast", "Very fast", "adjective", True),
        ("A man knocks very fast", "fast", "very fast", "adverb", True),
        ("The knocking is fast", "fast", "fast", "predicate", False),
        ("He taps at a very slow pace", "slow", "at a very slow pace", "phrase", True),
        ("A nearby owl", "near", "nearby", "adjective", False),
        ("An owl hoots nearby", "near", "nearby", "adverb", False),
        ("A dog far away", "far", "far away", "phrase", False),
        ("Distant thunder", "far", "Distant", "adjective", False),
        ("A siren, gradually getting louder", "crescendo", "gradually getting louder", "phrase", False),
        ("A siren fades slowly away", "decrescendo", "fades slowly away", "phrase", False),
    ],
)
def test_a_cue_is_found_with_its_kind(caption, side, text, kind, strong):
    (cue,) = find_cues(caption, side)
    assert (cue.text, cue.kind, cue.strong) == (text, kind, strong)
    assert caption[cue.start : cue.end] == text


@pytest.mark.parametrize(
    ("caption", "side"),
    [
        ("A fast food restaurant", "fast"),
        ("Breakfast is fried", "fast"),
        ("A door closes near a road", "near"),
        ("A close friend speaks", "near"),
        ("The sound fades slowly away", "near"),
        ("A speedboat passes", "fast"),
    ],
)
def test_words_that_only_look_like_cues_are_none(caption, side):
    assert find_cues(caption, side) == []


def test_a_longer_cue_hides_the_shorter_ones_inside_it():
    cues = find_cues("A siren slowly fading out at a fast pace", "slow", "fast", "decrescendo")
    assert [(cue.side, cue.text) for cue in cues] == [("decrescendo", "slowly fading out"), ("fast", "at a fast pace")]


@pytest.mark.parametrize("level", LEVELS)
def test_every_wording_of_a_level_says_that_level_and_nothing_opposite(level):
    rule = LEVELS[level]
    for wording in (*rule.adverbs, *rule.endings):
        (cue,) = find_cues(f"A dog barks {wording.strip(', ')}", *rule.axis)
        assert cue.side == rule.side
        assert cue.strong or not rule.strong
    for adjective in rule.adjectives:
        (cue,) = find_cues(f"A {adjective} bark of a dog", *rule.axis)
        assert cue.side == rule.side
