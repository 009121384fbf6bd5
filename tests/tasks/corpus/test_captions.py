"""Captions of the built-in corpus: true of the scene, grammatical, and found by mining."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from data_contracts.adverbs import DIMENSIONS
from tasks.corpus.captions import ADJECTIVES, ADVERBS, Sides, strike_caption, texture_caption
from tasks.corpus.materials import MATERIALS
from tasks.corpus.textures import TEXTURES
from tasks.mine.miner import select
from tasks.mine.parser import make_miner
from tests.tasks.corpus.measures import corpus

ALL_SIDES = [
    Sides(speed=speed, distance=distance, volume=volume)
    for speed, distance, volume in itertools.product(
        *((None, *DIMENSIONS[name].sides) for name in ("speed", "distance", "volume"))
    )
]
TEXTURES_WITHOUT_EVENTS = [kind for kind, texture in TEXTURES.items() if texture.event is None]


def sides_said(caption: str) -> set[str]:
    """Returns the sides that a caption claims, by the words it can be made of."""
    text = caption.lower()
    words = {side: (*ADVERBS[side], *ADJECTIVES[side]) for side in ADVERBS}
    return {side for side, ways in words.items() if any(re.search(rf"\b{re.escape(way)}\b", text) for way in ways)}


def drawn(count: int = 40) -> list[tuple[Sides, str]]:
    """Returns captions of strikes for all combinations of sides, over materials and seeds."""
    materials = list(MATERIALS.values())
    captions = []
    for seed, sides in itertools.product(range(count), ALL_SIDES):
        rng = np.random.default_rng(seed)
        material = materials[seed % len(materials)]
        captions.append((sides, strike_caption(material, material.objects[0], sides, rng)))
    return captions


def test_words_cover_every_mined_side_and_no_other() -> None:
    sides = {side for dimension in DIMENSIONS.values() if dimension.mined for side in dimension.sides}
    assert ADVERBS.keys() == ADJECTIVES.keys() == sides


def test_captions_claim_only_what_is_true() -> None:
    for sides, caption in drawn():
        assert sides_said(caption) <= set(sides.named()), caption


def test_captions_name_all_sides_or_none_and_rarely_none() -> None:
    named = [(sides, sides_said(caption)) for sides, caption in drawn() if sides.named()]
    assert all(said in (set(sides.named()), set()) for sides, said in named)
    silent = np.mean([not said for _, said in named])
    assert 0.06 < silent < 0.14


@pytest.mark.parametrize("kind", TEXTURES)
def test_textures_are_described_by_their_own_words(kind: str) -> None:
    nouns = {word for text in (*TEXTURES[kind].captions, TEXTURES[kind].noun) for word in text.lower().split()}
    for seed, sides in itertools.product(range(30), ALL_SIDES):
        caption = texture_caption(kind, sides, np.random.default_rng(seed))
        assert sides_said(caption) <= set(sides.named())
        assert len(nouns & set(caption.lower().split())) >= 1


def test_captions_are_one_clean_phrase() -> None:
    for _, caption in drawn(12):
        assert re.fullmatch(r"[A-Z][a-z ]+[a-z]", caption), caption
        assert "  " not in caption


def test_articles_agree_with_the_next_word() -> None:
    for _, caption in drawn(12):
        for article, letter in re.findall(r"\b(an?) ([a-z])", caption.lower()):
            assert (article == "an") == (letter in "aeiou"), caption


def test_a_place_comes_after_the_manner_and_two_manners_are_joined() -> None:
    sides = Sides(speed="fast", distance="far", volume="loud")
    for seed in range(60):
        caption = texture_caption("clock", sides, np.random.default_rng(seed)).lower()
        ends = [caption.endswith(place) for place in ADVERBS["far"]]
        if any(caption.startswith(start.lower()) for start in TEXTURES["clock"].captions) and sides_said(caption):
            assert any(ends) and " and " in caption, caption


def test_all_ways_to_say_a_side_are_used() -> None:
    text = " | ".join(caption.lower() for _, caption in drawn(120))
    for side, ways in ADVERBS.items():
        assert all(re.search(rf"\b{re.escape(way)}\b", text) for way in set(ways)), side


def test_captions_of_the_corpus_are_varied_and_name_every_side_often_enough_to_train() -> None:
    """SPEC A1, A3-A5: every augmentation finds training clips."""
    said = Counter(side for scene in corpus() if scene.split == "train" for side in sides_said(scene.caption))
    assert all(said[side] >= 20 for side in ADVERBS), said
    assert said["fast"] + said["slow"] + said["near"] + said["loud"] >= 120
    assert len({scene.caption for scene in corpus()}) > 0.7 * len(corpus())


def test_captions_of_the_corpus_are_true_and_name_the_object() -> None:
    for scene in corpus():
        assert sides_said(scene.caption) <= {scene.speed, scene.distance, scene.volume}, scene.caption
        assert scene.kind != "strike" or scene.thing in scene.caption.lower()


def test_mining_finds_in_a_caption_exactly_what_it_claims() -> None:
    captions = sorted({scene.caption for scene in corpus()})
    for caption, matches in zip(captions, make_miner("rules").find(captions), strict=True):
        assert {match.side for match in select(matches)} == sides_said(caption), caption
