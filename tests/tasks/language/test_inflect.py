"""Forms of words: lemmas meet their inflections, in the dictionary and outside it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.language.inflect import inflected, is_compared, lemmas, verb_lemma

VERBS = ("bark", "strike", "cry", "tap", "fade", "rev", "run", "hit", "die", "clip")
NOUNS = ("dog", "child", "woman", "knife", "bus", "church", "engine")


@pytest.mark.parametrize("tag", ["VBZ", "VBG", "VBD", "VBN", "VB"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_form_of_a_verb_leads_back_to_it(verb: str, tag: str) -> None:
    form = inflected(verb, tag)
    assert {verb, form} <= lemmas(form)
    assert verb_lemma(form) == verb


@pytest.mark.parametrize("noun", NOUNS)
def test_a_plural_and_a_genitive_lead_back_to_their_noun(noun: str) -> None:
    plural = inflected(noun, "NNS")
    assert plural != noun
    for form in (plural, f"{noun}'s", f"{noun}’s", f"{plural}'"):
        assert noun in lemmas(form), form


@pytest.mark.parametrize(
    ("adverb", "adjective"),
    [("loudly", "loud"), ("steadily", "steady"), ("gently", "gentle"), ("rhythmically", "rhythmic")],
)
def test_an_adverb_leads_to_its_adjective(adverb: str, adjective: str) -> None:
    assert lemmas(adverb) == {adverb, adjective}
    assert not verb_lemma(adverb)


@pytest.mark.parametrize("word", ["family", "only", "nearby", "fly"])
def test_words_that_only_end_like_adverbs_have_no_adjective(word: str) -> None:
    assert lemmas(word) == {word}


@pytest.mark.parametrize("adjective", ["fast", "slow", "loud", "quiet", "near", "noisy", "close"])
def test_comparatives_are_told_from_plain_forms(adjective: str) -> None:
    assert not is_compared(adjective)
    assert is_compared(inflected(adjective, "JJR"))
    assert is_compared(inflected(adjective, "JJS"))


@pytest.mark.parametrize("word", ["water", "several", "nearby", "quickly", ""])
def test_words_that_are_no_verbs_have_no_verb(word: str) -> None:
    assert bool(verb_lemma(word)) == (word == "water")


def test_a_sound_word_that_no_dictionary_has_is_still_inflected() -> None:
    assert lemmas("ticktocks") & lemmas("ticktocking") == {"ticktock"}
    assert verb_lemma("vroomed") == "vroom"
    assert verb_lemma("whooshes") == "whoosh"  # the dictionary has it as a noun


@given(st.text(max_size=20))
def test_any_text_is_a_form_of_something(text: str) -> None:
    assert lemmas(text)
    assert isinstance(verb_lemma(text), str)


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    """It loads spaCy, which takes seconds: a command that reads no caption must not wait for it."""
    code = "import sys, tasks.recaption.rules, tasks.paraphrase.writer; print('lemminflect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
