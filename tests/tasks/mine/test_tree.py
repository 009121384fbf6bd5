"""Which words belong together in a parse: what an attribute describes, which verb a word completes."""

from __future__ import annotations

import pytest

from tasks.mine.tree import QUALITIES, described, followed_by, governors, modified
from tests.tasks.mine.parses import parse, token

DOG = parse("A/DET/det/2 loud/ADJ/amod/2 dog/NOUN/nsubj/3 barks/VERB/ROOT/3 nearby/ADV/advmod/3")
ROOM = parse("A/DET/det/4 soft/ADJ/amod/4 and/CCONJ/cc/1 distant/ADJ/conj/1 bell/NOUN/nsubj/5 rings/VERB/ROOT/5")
STATE = parse("The/DET/det/1 room/NOUN/nsubj/2 is/AUX/ROOT/2 quiet/ADJ/acomp/2")
LOUDER = parse("It/PRON/nsubj/1 gets/VERB/ROOT/1 louder/ADJ/acomp/1 and/CCONJ/cc/2 louder/ADJ/conj/2")


def test_an_attribute_modifies_the_noun_after_it() -> None:
    found = modified(token(DOG, "loud"))
    assert found is not None
    assert found.text == "dog"


def test_a_joined_attribute_modifies_the_same_noun() -> None:
    nouns = [modified(token(ROOM, word)) for word in ("soft", "distant")]
    assert [noun.text for noun in nouns if noun is not None] == ["bell", "bell"]


@pytest.mark.parametrize(("doc", "word"), [(DOG, "nearby"), (STATE, "quiet"), (LOUDER, "louder"), (DOG, "barks")])
def test_words_beside_a_verb_modify_no_noun(doc, word: str) -> None:
    assert modified(token(doc, word)) is None


def test_a_stacked_attribute_modifies_the_last_noun() -> None:
    doc = parse("quick/ADJ/amod/1 distant/ADJ/amod/2 tapping/NOUN/ROOT/2")
    noun = modified(token(doc, "quick"))
    assert noun is not None
    assert noun.text == "tapping"


def test_a_verb_governs_what_completes_it() -> None:
    assert [word.text for word in governors(LOUDER[4])] == ["louder", "gets"]
    assert [word.text for word in governors(token(DOG, "nearby"))] == ["barks"]
    assert list(governors(token(DOG, "dog"))) == []
    assert list(governors(token(DOG, "barks"))) == []


def test_a_word_after_a_copula_describes_the_subject() -> None:
    assert described(token(STATE, "quiet")) == ["room"]


def test_attributes_between_a_word_and_its_noun_are_looked_through() -> None:
    for quality in QUALITIES:
        doc = parse(f"soft/ADJ/dep/2 {quality}/ADJ/amod/2 bell/NOUN/ROOT/2 rings/VERB/acl/2")
        assert described(token(doc, "soft"))[-1] == "bell"


def test_the_nouns_after_a_word_end_with_the_first() -> None:
    doc = parse("loud/ADJ/amod/1 bell/NOUN/ROOT/1 and/CCONJ/cc/1 horn/NOUN/conj/1")
    assert "horn" not in described(token(doc, "loud"))


def test_the_next_word_is_compared_and_the_last_word_has_none() -> None:
    assert followed_by(token(DOG, "loud"), "dog")
    assert not followed_by(token(DOG, "loud"), "barks")
    assert not followed_by(token(DOG, "nearby"), "dog")
