"""Verbs of one sound are the same word where the caption names what makes it, other sounds stay others. SPEC A6."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tasks.language.cues import CuedCaption
from tasks.language.inflect import inflected
from tasks.language.same_sound import SAME_SOUND, implied, in_words_of
from tasks.language.validator import judge
from tasks.paraphrase.validator import problems_of
from tests.tasks.language.captions import cued, said
from tests.tasks.language.recaption_gold import gold_pairs

PAIRS = [
    (entry.things.split()[0], entry.side or "fast", one, other)
    for entry in SAME_SOUND
    for verbs in entry.verbs.split("|")
    for one, other in permutations(verbs.split(), 2)
]
MANNER = {"fast": ("quickly", "very quickly", "very_fast"), "slow": ("slowly", "very slowly", "very_slow")}


def third(verb: str) -> str:
    return inflected(verb, "VBZ")


@pytest.mark.parametrize(("thing", "side", "one", "other"), PAIRS)
def test_a_verb_of_the_same_sound_is_accepted_of_its_thing_alone(thing: str, side: str, one: str, other: str) -> None:
    manner, stronger, level = MANNER[side]
    before = cued(f"A {thing} {third(one)} {manner}")
    assert judge(before, f"A {thing} {third(other)} {stronger}", level)[1] == []
    assert judge(before, f"A {thing} is {inflected(other, 'VBG')} {stronger}", level)[1] == []
    alien = cued(f"A tractor {third(one)} {manner}")
    known = {frozenset(("speak", "talk")), frozenset(("strike", "hit")), frozenset(("bang", "pound"))}
    if frozenset((one, other)) not in known:  # tasks.language.synonyms has these of anything
        assert judge(alien, f"A tractor {third(other)} {stronger}", level)[1] != []


def test_the_words_of_the_old_caption_come_back_in_the_same_form_and_the_cue_keeps_its_words() -> None:
    before = cued("Rain is falling quickly")
    after = said("RAIN IS PATTERING very quickly on and on", "very_fast")
    told = in_words_of(before, after)
    assert told.text == "RAIN IS FALLING very quickly on and on"
    assert told.text[told.cue.start : told.cue.end] == told.cue.words == "very quickly"


@pytest.mark.parametrize(
    "after",
    [
        "A man chats as rain falls very quickly",  # nothing of the old caption is lost: "chats" is new
        "A man very quickly falls as rain patters",
    ],
)
def test_a_verb_is_not_replaced_by_one_that_is_still_said(after: str) -> None:
    before = cued("A man coughs as rain falls quickly")
    assert judge(before, after, "very_fast")[1] != []


def test_what_rushes_is_fast() -> None:
    before = cued("A train passes quickly")
    assert judge(before, "A train rushes past very quickly", "very_fast")[1] == []
    assert judge(before, "A train rushes past at a moderate pace", "medium")[1] != []


def test_what_a_thing_always_does_may_go_unsaid() -> None:
    before = cued("Rain falls loudly on leaves")
    assert judge(before, "The loud rain on leaves fades away to nothing", "decrescendo")[1] == []
    assert implied(before, said("Rain on leaves fades away", "decrescendo")) == {"falls"}
    assert implied(before, said("Snow on leaves fades away", "decrescendo")) == set()
    assert "lost 'drips'" in judge(cued("Rain drips loudly"), "The rain fades away", "decrescendo")[1]


def test_what_another_thing_does_is_said() -> None:
    before = cued("A fan blows loudly as wind chimes ring")
    assert implied(before, said("A fan far away as wind chimes ring", "far")) == set()
    assert "lost 'blows'" in judge(before, "A fan far away as wind chimes ring", "far")[1]


def test_a_paraphrase_may_use_a_verb_of_the_same_sound() -> None:
    caption = CuedCaption.at("A dog barks in the distance", "far", 12, 27)
    assert problems_of(caption, "A dog woofs in the distance") == []
    assert "lost 'barks'" in problems_of(caption, "A dog howls in the distance")


def test_the_verbs_of_other_sounds_are_refused() -> None:
    """Half of the pairs written before the list of verbs: all bad ones are refused, most good ones accepted."""
    pairs = gold_pairs(Path(__file__).with_name("verbs_gold.txt"))
    accepted = {pair.after: not judge(pair.before, pair.after, pair.level)[1] for pair in pairs}
    good = [accepted[pair.after] for pair in pairs if not pair.refused]
    assert len(good) >= 15
    assert [pair.after for pair in pairs if pair.refused and accepted[pair.after]] == []
    assert sum(good) >= 0.5 * len(good)
