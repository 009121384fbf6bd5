"""Both sides of a change inside a caption are found and marked; a trend that names one end is none. SPEC A1."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.language.finder import find_mined
from tasks.mine.miner import select
from tasks.mine.parser import ParseMiner

CHANGES = [
    ("An engine starts slowly then quickly speeds up", "slow:slowly fast:speeds up"),
    ("Music goes from fast to slow", "fast:fast slow:slow"),
    ("A siren goes from loud to quiet as people talk", "loud:loud quiet:quiet"),
    ("A drum beats slowly at first and then gets faster", "slow:slowly fast:gets faster"),
    ("A motor runs slowly, keeps increasing its speed, then idles", "slow:slowly fast:increasing its speed"),
    ("A loud engine gets quieter", "loud:loud quiet:gets quieter"),
    ("A Loud Horn blows, FADING AWAY", "loud:Loud quiet:FADING AWAY"),
    ("A nearby car drives away into the distance", "near:nearby far:drives away into the distance"),
    ("A distant siren approaches", "far:distant near:approaches"),
    ("A crowd sometimes gets loud and then becomes quiet again", "loud:loud quiet:quiet"),
    ("A car revs loudly and quiets", "loud:loudly quiet:quiets"),
]
WORDS = ["a", "slow", "loud", "engine", "then", "speeds", "up", "gets", "quieter", ",", "and", "from", "to", "fast"]
NONE = [
    "Loud music plays while a man gets quieter",
    "A man speaks softly as the engine gets louder",
    "A slow drum and a bell that speeds up",
    "Rain gets louder",
    "A car moves closer and then farther away",
    "A loud horn. A bell fades",
    "A man walks from the house to the loud street",
]


def marked(caption: str) -> str:
    return " ".join(f"{cue.side}:{cue.words}" for cue in find_mined(caption) if cue.change)


@pytest.mark.parametrize(("caption", "expected"), CHANGES)
def test_both_ends_of_a_change_are_found_and_marked(caption: str, expected: str, parser: ParseMiner) -> None:
    assert marked(caption) == expected
    (parsed,) = parser.find([caption])
    assert " ".join(f"{cue.side}:{cue.words}" for cue in parsed if cue.change) == expected


@pytest.mark.parametrize(("caption", "expected"), CHANGES)
def test_a_change_makes_no_row_of_the_five_levels(caption: str, expected: str) -> None:
    assert expected
    assert all(not cue.change for cue in select(find_mined(caption)))


@pytest.mark.parametrize("caption", NONE)
def test_two_sounds_and_a_trend_without_an_end_are_no_change(caption: str, parser: ParseMiner) -> None:
    assert marked(caption) == ""
    assert not any(cue.change for cue in parser.find([caption])[0])


@given(st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_cues_do_not_overlap_and_are_the_captions_words(caption: str) -> None:
    cues = find_mined(caption)
    assert all(caption[cue.start : cue.end] == cue.words for cue in cues)
    assert all(one.end <= other.start for one, other in pairwise(cues))
