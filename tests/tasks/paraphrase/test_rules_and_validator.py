"""Paraphrases keep the sides, their strength and the words, whoever wrote them. SPEC A7."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.language.validator import words
from tasks.paraphrase.rules import key_tokens, paraphrases
from tasks.paraphrase.validator import problems_of
from tasks.recaption.rules import rewrite
from tests.tasks.language.captions import ALL, GRID

AUGMENTED = [rewrite(caption, level) for caption, level in GRID]


@pytest.mark.parametrize("caption", [*ALL, *AUGMENTED])
def test_every_rule_paraphrase_is_valid_and_new(caption):
    found = paraphrases(caption, 5)
    assert all(problems_of(caption, text) == [] for text in found)
    assert len({tuple(words(text)) for text in [caption, *found]}) == len(found) + 1


def test_nearly_every_augmented_caption_gets_three():
    enough = sum(len(paraphrases(caption, 3)) == 3 for caption in AUGMENTED)
    assert enough >= 0.95 * len(AUGMENTED)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_no_more_than_wanted(count):
    assert len(paraphrases("A dog barks very quickly in the distance", count)) == count


@pytest.mark.parametrize(
    ("caption", "paraphrase"),
    [
        ("A dog barks very quickly", "A dog is barking extremely fast"),
        ("A man speaks in the distance", "Far away, a man is talking"),
        ("Loud music, gradually fading away", "Loud music that is getting quieter and quieter"),
        ("Someone taps on glass at a moderate pace", "A person taps on glass at a medium pace"),
    ],
)
def test_good_paraphrases_pass(caption, paraphrase):
    assert problems_of(caption, paraphrase) == []


@pytest.mark.parametrize(
    ("paraphrase", "problem"),
    [
        ("A dog barks very quickly", "a copy"),
        ("A dog barks", "does not say very fast"),
        ("A dog barks quickly", "says fast"),
        ("A dog barks very slowly", "says very slow"),
        ("A dog barks very quickly nearby", "says near"),
        ("Very quick barking", "lost 'dog'"),
        ("A dog barks very quickly at a cat", "added 'cat'"),
        ("", "empty"),
    ],
)
def test_bad_paraphrases_are_refused_with_the_reason(paraphrase, problem):
    assert problem in problems_of("A dog barks very quickly", paraphrase)


def test_what_comes_later_stays_later():
    caption = "A man speaks in the distance, and then a dog barks"
    assert problems_of(caption, "In the distance, a man is talking, then a dog barks") == []
    assert "changes the order of events" in problems_of(caption, "A dog barks, then a man speaks in the distance")
    assert "changes the order of events" in problems_of(caption, "A dog barks and a man speaks in the distance")


def test_another_article_is_a_copy():
    assert "a copy" in problems_of("A dog barks at a man", "The dog barks at the man")


def test_key_tokens_stand_in_the_caption_and_name_the_side():
    for caption in AUGMENTED:
        tokens = key_tokens(caption)
        assert tokens
        assert all(token in caption.lower() for token in tokens)
    assert key_tokens("A dog barks very quickly") == ("dog", "barks", "very quickly")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_only_valid_paraphrases(caption):
    assert all(problems_of(caption, text) == [] for text in paraphrases(caption, 3))
    key_tokens(caption)


def test_an_endless_answer_is_refused_at_once():
    """Looking for cues in millions of characters would take hours."""
    for text in ("A dog barks very quickly " * 100_000, "a" * 3_000_000, "a-" * 1_000_000):
        assert problems_of("A dog barks very quickly", text) == ["too long"]
