"""The rules for single words, on parses written by hand: "quick" of footsteps, not of a beep; "soft" of no pillow."""

from __future__ import annotations

import pytest

from tasks.language.words import MINED_FORMS
from tasks.mine.families import FAMILIES
from tests.tasks.mine.parses import parse, token


def counts(family: str, word: str, text: str) -> bool:
    return FAMILIES[family](token(parse(text), word))


def attribute(word: str, noun: str) -> str:
    return f"A/DET/det/2 {word}/ADJ/amod/2 {noun}/NOUN/ROOT/2"


def state(word: str, subject: str) -> str:
    return f"The/DET/det/1 {subject}/NOUN/nsubj/2 is/AUX/ROOT/2 {word}/ADJ/acomp/2"


def test_every_rule_belongs_to_a_family_of_the_word_list() -> None:
    assert set(FAMILIES) <= {form.family for form in MINED_FORMS}


@pytest.mark.parametrize(
    ("family", "word", "noun"),
    [
        ("quiet", "quiet", "hum"),
        ("faint", "faint", "voice"),
        ("soft", "soft", "music"),
        ("loud", "loud", "horn"),
        ("distant", "distant", "siren"),
        ("nearby", "nearby", "dog"),
        ("quick", "quick", "footsteps"),
        ("quick", "quick", "tapping"),
        ("fast", "fast", "car"),
        ("close", "close", "thunder"),
        ("near", "near", "bird"),
    ],
)
def test_an_attribute_of_a_sound_or_its_source_counts(family: str, word: str, noun: str) -> None:
    assert counts(family, word, attribute(word, noun))


@pytest.mark.parametrize(
    ("family", "word", "noun"),
    [
        ("quiet", "quiet", "room"),
        ("quiet", "quiet", "streets"),
        ("faint", "faint", "smell"),
        ("soft", "soft", "pillow"),
        ("soft", "soft", "shoes"),
        ("loud", "loud", "speaker"),
        ("distant", "distant", "cousin"),
        ("nearby", "nearby", "road"),
        ("quick", "quick", "beep"),
        ("fast", "fast", "food"),
        ("close", "close", "friend"),
        ("near", "near", "future"),
    ],
)
def test_an_attribute_of_anything_else_does_not(family: str, word: str, noun: str) -> None:
    assert not counts(family, word, attribute(word, noun))


@pytest.mark.parametrize("family", ["quiet", "soft", "distant"])
def test_the_adverb_always_counts(family: str) -> None:
    adverb = {"quiet": "quietly", "soft": "softly", "distant": "distantly"}[family]
    assert counts(family, adverb, f"Beds/NOUN/nsubj/1 creak/VERB/ROOT/1 {adverb}/ADV/advmod/1")


def test_a_state_counts_for_what_sounds_and_not_for_a_place() -> None:
    assert counts("quiet", "quiet", state("quiet", "voice"))
    assert not counts("quiet", "quiet", state("quiet", "room"))
    assert not counts("quiet", "quiet", "It/PRON/nsubj/1 is/AUX/ROOT/1 quiet/ADJ/acomp/1")


@pytest.mark.parametrize("connector", ["then", "until", "before"])
def test_quiet_before_another_event_is_silence(connector: str) -> None:
    assert not counts("quiet", "quiet", f"quiet/ADJ/ROOT/0 {connector}/ADV/advmod/0 bangs/NOUN/dep/0")


@pytest.mark.parametrize("verb", ["slides", "slams", "pulls", "swings"])
def test_what_closes_is_not_close(verb: str) -> None:
    assert not counts("close", "close", f"It/PRON/nsubj/1 {verb}/VERB/ROOT/1 close/ADV/advmod/1")
    assert counts("close", "close", "It/PRON/nsubj/1 buzzes/VERB/ROOT/1 close/ADV/advmod/1")


def test_a_door_before_close_is_shut() -> None:
    assert not counts("close", "close", "The/DET/det/1 gate/NOUN/nsubj/2 rattles/VERB/ROOT/2 close/ADV/advmod/2")


@pytest.mark.parametrize("verb", ["follows", "watches", "listens"])
def test_closely_done_is_not_close(verb: str) -> None:
    assert not counts("close", "closely", f"He/PRON/nsubj/1 {verb}/VERB/ROOT/1 closely/ADV/advmod/1")
    assert counts("close", "closely", "It/PRON/nsubj/1 buzzes/VERB/ROOT/1 closely/ADV/advmod/1")


@pytest.mark.parametrize("verb", ["holds", "held", "stands", "stuck"])
def test_what_holds_fast_is_not_fast(verb: str) -> None:
    assert not counts("fast", "fast", f"It/PRON/nsubj/1 {verb}/VERB/ROOT/1 fast/ADV/advmod/1")
    assert counts("fast", "fast", "It/PRON/nsubj/1 runs/VERB/ROOT/1 fast/ADV/advmod/1")


def test_near_something_is_where_it_is_and_near_at_the_end_is_near_the_listener() -> None:
    by_water = "It/PRON/nsubj/1 sings/VERB/ROOT/1 near/ADP/prep/1 the/DET/det/4 water/NOUN/pobj/2"
    assert not counts("near", "near", by_water)
    assert counts("near", "near", "It/PRON/nsubj/1 sings/VERB/ROOT/1 near/ADV/advmod/1")
    assert not counts("near", "near", "It/PRON/nsubj/1 comes/VERB/ROOT/1 near/ADV/advmod/1")
    both = "Bells/NOUN/nsubj/1 ring/VERB/ROOT/1 near/ADV/advmod/1 and/CCONJ/cc/2 far/ADV/conj/2"
    assert counts("near", "near", both)
    assert counts("far", "far", both)


@pytest.mark.parametrize("degree", ["so", "as", "how", "too"])
def test_a_measured_far_is_no_place(degree: str) -> None:
    assert not counts("far", "far", f"It/PRON/nsubj/1 is/AUX/ROOT/1 {degree}/ADV/advmod/3 far/ADV/advmod/1")
    assert counts("far", "far", "It/PRON/nsubj/1 is/AUX/ROOT/1 far/ADV/advmod/1")


def test_a_distance_before_its_noun_is_far_unless_it_is_short() -> None:
    assert counts("distance", "distance", "A/DET/det/2 distance/NOUN/compound/2 siren/NOUN/ROOT/2")
    assert not counts("distance", "distance", "A/DET/det/3 short/ADJ/amod/2 distance/NOUN/compound/3 run/NOUN/ROOT/3")
