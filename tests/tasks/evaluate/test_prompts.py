"""The prompts of the adverb pairs (SPEC A1, E2): captions without adverbs, and pairs that differ in one."""

from __future__ import annotations

import pytest

from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.prompts import adverb_pair, plain_caption
from tasks.language.finder import find_cues
from tests.tasks.evaluate.sounds import strike_scenes

CAPTIONS = [scene.caption for scene in strike_scenes(40)]


@pytest.mark.parametrize(
    ("caption", "plain"),
    [
        ("A stick knocks on a ceramic plate rapidly", "A stick knocks on a ceramic plate"),
        ("A stick beats on a plastic tub at a slow pace and very loudly", "A stick beats on a plastic tub"),
        ("A person taps a hand drum very slowly close by", "A person taps a hand drum"),
        ("A stone brick is tapped off in the distance", "A stone brick is tapped"),
        ("Slow nearby strikes on a metal pipe", "Strikes on a metal pipe"),
        ("A plastic tub is hit very slowly from far away", "A plastic tub is hit"),
        ("A clock is ticking faintly", "A clock is ticking"),
        ("Rain falls.", "Rain falls"),
        ("loudly", ""),
        ("", ""),
    ],
)
def test_a_plain_caption_names_no_side(caption: str, plain: str) -> None:
    assert plain_caption(caption) == plain


@pytest.mark.parametrize("caption", CAPTIONS)
def test_captions_of_the_corpus_lose_every_adverb_and_stay_plain(caption: str) -> None:
    plain = plain_caption(caption)
    assert plain and not find_cues(plain)
    assert plain_caption(plain) == plain
    assert set(plain.casefold().split()) <= set(caption.casefold().replace(",", "").replace(".", "").split())


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("turn", range(7))
def test_a_pair_shares_the_caption_and_differs_in_the_ending(direction: str, turn: int) -> None:
    for caption in CAPTIONS[:5]:
        more, less = adverb_pair(caption, direction, turn)
        base = plain_caption(caption)
        assert more != less and more.startswith(base) and less.startswith(base)
        assert more[len(base) :].strip() and less[len(base) :].strip()


def test_pairs_say_one_thing_only() -> None:
    assert adverb_pair("A drum is hit slowly", "volume", 0) == ("A drum is hit loudly", "A drum is hit quietly")
    rising, falling = adverb_pair("A drum is hit", "dynamics", 1)
    assert rising == "A drum is hit, getting louder and louder"
    assert falling == "A drum is hit, getting quieter and quieter"
