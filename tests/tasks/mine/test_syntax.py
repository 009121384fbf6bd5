"""The rules of the parse, on parses written by hand: denial, verbs, succession, change and movement name no side."""

from __future__ import annotations

import pytest

from tasks.language.inflect import inflected
from tasks.mine.syntax import names_a_side, word_class
from tests.tasks.mine.parses import parse, span

FORMS = ("VBZ", "VBD", "VBG")


def named(text: str, words: str, family: str) -> bool:
    return names_a_side(span(parse(text), words), family)


@pytest.mark.parametrize(
    ("text", "words", "family"),
    [
        ("A/DET/det/2 loud/ADJ/amod/2 dog/NOUN/ROOT/2", "loud", "loud"),
        ("Dogs/NOUN/nsubj/1 bark/VERB/ROOT/1 loudly/ADV/advmod/1", "loudly", "loud"),
        ("The/DET/det/1 horn/NOUN/nsubj/2 is/AUX/ROOT/2 loud/ADJ/acomp/2", "loud", "loud"),
        ("A/DET/det/2 slow/ADJ/amod/2 clock/NOUN/ROOT/2", "slow", "slow"),
        ("One/NUM/nsubj/1 is/AUX/ROOT/1 louder/ADJ/acomp/1", "louder", "loud"),
        ("and/CCONJ/cc/3 a/DET/det/3 softer/ADJ/amod/3 horn/NOUN/ROOT/3", "softer", "soft"),
        ("Dogs/NOUN/nsubj/1 bark/VERB/ROOT/1 far/ADV/advmod/3 away/ADV/advmod/1", "far away", "phrase"),
    ],
)
def test_words_that_describe_a_sound_name_its_side(text: str, words: str, family: str) -> None:
    assert named(text, words, family)


@pytest.mark.parametrize("negator", ["not", "never", "hardly", "barely", "almost", "no", "without", "n't"])
@pytest.mark.parametrize("degree", ["", "too ", "very ", "so "])
def test_a_denied_word_names_no_side(negator: str, degree: str) -> None:
    between = "".join(f"{word}/ADV/advmod/{4 if degree else 3} " for word in degree.split())
    text = f"It/PRON/nsubj/1 is/AUX/ROOT/1 {negator}/PART/neg/1 {between}loud/ADJ/acomp/1"
    assert not named(text, "loud", "loud")
    assert named(text.replace(f"{negator}/PART/neg/1", "quite/ADV/advmod/1"), "loud", "loud")


def test_a_denial_of_the_noun_denies_its_attribute() -> None:
    assert not named("no/DET/det/3 very/ADV/advmod/2 loud/ADJ/amod/3 noise/NOUN/ROOT/3", "loud", "loud")
    assert not named("without/ADP/ROOT/0 a/DET/det/3 loud/ADJ/amod/3 noise/NOUN/pobj/0", "loud", "loud")


@pytest.mark.parametrize("tag", FORMS)
@pytest.mark.parametrize("verb", ["get", "become", "grow", "turn"])
@pytest.mark.parametrize(("word", "family"), [("loud", "loud"), ("louder", "loud"), ("faint", "faint")])
def test_a_verb_of_change_in_any_form_makes_a_trend(verb: str, tag: str, word: str, family: str) -> None:
    text = f"It/PRON/nsubj/1 {inflected(verb, tag)}/VERB/ROOT/1 {word}/ADJ/acomp/1"
    assert not named(text, word, family)
    assert named(
        text.replace(inflected(verb, tag), "sounds").replace("louder", "loud"), word.removesuffix("er"), family
    )


@pytest.mark.parametrize("tag", FORMS)
@pytest.mark.parametrize("verb", ["go", "fall", "stay", "remain"])
def test_a_state_that_begins_or_lasts_is_no_side_of_volume(verb: str, tag: str) -> None:
    text = f"Crowds/NOUN/nsubj/1 {inflected(verb, tag)}/VERB/ROOT/1 quiet/ADJ/acomp/1"
    assert not named(text, "quiet", "quiet")


@pytest.mark.parametrize("tag", FORMS)
@pytest.mark.parametrize("verb", ["fade", "grow", "slow", "decrease", "die"])
def test_the_rate_of_a_change_is_not_the_speed_of_a_sound(verb: str, tag: str) -> None:
    form = inflected(verb, tag)
    assert not named(f"It/PRON/nsubj/2 slowly/ADV/advmod/2 {form}/VERB/ROOT/2", "slowly", "slow")
    assert not named(f"It/PRON/nsubj/1 {form}/VERB/ROOT/1 slowly/ADV/advmod/1", "slowly", "slow")
    assert named("It/PRON/nsubj/2 slowly/ADV/advmod/2 ticks/VERB/ROOT/2", "slowly", "slow")


@pytest.mark.parametrize("tag", ["VBZ", "VBD", "VBG"])
@pytest.mark.parametrize("verb", ["follow", "interrupt", "replace", "succeed"])
def test_when_something_comes_is_not_how_fast_it_sounds(verb: str, tag: str) -> None:
    text = f"Knocks/NOUN/ROOT/0 quickly/ADV/advmod/2 {inflected(verb, tag)}/VERB/acl/0"
    assert not named(text, "quickly", "rapid")


@pytest.mark.parametrize("verb", ["speaks", "types", "runs", "drives", "flows"])
def test_what_lasts_can_be_fast_though_something_follows(verb: str) -> None:
    text = f"A/DET/det/1 man/NOUN/nsubj/2 {verb}/VERB/ROOT/2 quickly/ADV/advmod/2 followed/VERB/advcl/2 by/ADP/agent/4"
    assert named(text, "quickly", "rapid")


@pytest.mark.parametrize(
    ("text", "words", "family"),
    [
        ("They/PRON/nsubj/1 close/VERB/ROOT/1 doors/NOUN/dobj/1", "close", "close"),
        ("Trains/NOUN/nsubj/1 near/VERB/ROOT/1 stations/NOUN/dobj/1", "near", "near"),
        ("Trains/NOUN/nsubj/1 slow/VERB/ROOT/1 down/ADP/prt/1", "slow", "slow"),
        ("in/ADP/ROOT/0 quiet/NOUN/pobj/0", "quiet", "quiet"),
    ],
)
def test_verbs_and_nouns_of_the_same_letters_name_no_side(text: str, words: str, family: str) -> None:
    assert not named(text, words, family)


@pytest.mark.parametrize("verb", ["moves", "comes", "drives", "goes", "gets", "pulls"])
def test_a_movement_is_no_place(verb: str) -> None:
    text = f"It/PRON/nsubj/1 {verb}/VERB/ROOT/1 farther/ADV/advmod/3 away/ADV/advmod/1"
    assert not named(text, "farther away", "phrase")
    assert named(text.replace(verb, "sings").replace("farther", "far"), "far away", "phrase")


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("A/DET/det/2 loud/ADJ/amod/2 dog/NOUN/ROOT/2", "loud", "adjective"),
        ("Dogs/NOUN/nsubj/1 bark/VERB/ROOT/1 loudly/ADV/advmod/1", "loudly", "adverb"),
        ("Cars/NOUN/nsubj/1 go/VERB/ROOT/1 fast/ADV/advmod/1", "fast", "adverb"),
        ("A/DET/det/2 nearby/ADV/advmod/2 dog/NOUN/ROOT/2", "nearby", "adjective"),
        ("Dogs/NOUN/nsubj/1 bark/VERB/ROOT/1 nearby/ADV/advmod/1", "nearby", "adverb"),
        ("It/PRON/nsubj/1 is/AUX/ROOT/1 quiet/ADJ/acomp/1", "quiet", "adjective"),
    ],
)
def test_the_word_class_is_that_of_the_caption(text: str, word: str, expected: str) -> None:
    assert word_class(span(parse(text), word)) == expected
