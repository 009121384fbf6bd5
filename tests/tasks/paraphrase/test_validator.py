"""Paraphrases keep the sides, their strength and the words, whoever wrote them. SPEC A7."""

from __future__ import annotations

import pytest

from tasks.language.cues import CuedCaption
from tasks.paraphrase.validator import problems_of, wording
from tests.tasks.language.captions import said

BARKS = said("A dog barks very quickly", "very_fast")


@pytest.mark.parametrize(
    ("caption", "level", "paraphrase"),
    [
        ("A dog barks very quickly", "very_fast", "A dog is barking extremely fast"),
        ("A man speaks in the distance", "far", "Far away, a man is talking"),
        (
            "Loud music, gradually fading away",
            "decrescendo",
            "Loud music that is getting quieter and quieter",
        ),
        ("Someone taps on glass at a moderate pace", "medium", "A person taps on glass at a medium pace"),
    ],
)
def test_good_paraphrases_pass(caption: str, level: str, paraphrase: str) -> None:
    assert problems_of(said(caption, level), paraphrase) == []


@pytest.mark.parametrize(
    ("paraphrase", "problem"),
    [
        ("A dog barks very quickly", "a copy"),
        ("The dog barks very quickly", "a copy"),
        ("A dog barks", "does not say very fast"),
        ("A dog barks quickly", "says fast"),
        ("A dog barks very slowly", "says very slow"),
        ("A dog barks very quickly nearby", "says near"),
        ("Very quick barking", "lost 'dog'"),
        ("A dog barks very quickly at a cat", "added 'cat'"),
        ("", "empty"),
    ],
)
def test_bad_paraphrases_are_refused_with_the_reason(paraphrase: str, problem: str) -> None:
    assert problem in problems_of(BARKS, paraphrase)


def test_a_paraphrase_is_held_to_the_floor_of_similarity_after_all_other_checks() -> None:
    good = "A dog is barking extremely fast"
    assert problems_of(BARKS, good, min_similarity=0.65) == []
    (problem,) = problems_of(BARKS, good, min_similarity=1.0)
    assert problem.startswith("tells of something else: similarity 0.9")
    assert problems_of(BARKS, "A dog barks", min_similarity=1.0) == ["does not say very fast"]


def test_what_comes_later_stays_later() -> None:
    caption = said("A man speaks in the distance, and then a dog barks", "far")
    assert problems_of(caption, "A man is talking in the distance, then a dog barks") == []
    for text in ("A dog barks, then a man speaks in the distance", "A dog barks and a man speaks in the distance"):
        assert "changes the order of events" in problems_of(caption, text)


def test_a_level_of_one_event_is_not_said_of_all_or_of_another() -> None:
    caption = said("A man speaks in the distance as a dog barks", "far")
    assert problems_of(caption, "A man is talking in the distance while a dog barks") == []
    assert problems_of(caption, "In the distance, a man speaks as a dog barks") == ["says the level of all events"]
    assert problems_of(caption, "A man speaks as a dog barks in the distance") == ["says the level of another event"]


def test_the_cue_counts_where_it_is_repeated_even_if_no_pattern_finds_it() -> None:
    text = "A dog barks from behind the hills"
    caption = CuedCaption.at(text, "far", text.index("from"), len(text), "phrase")
    assert problems_of(caption, "A dog is barking from behind the hills") == []
    assert "does not say far" in problems_of(caption, "A dog is barking from the hills")


def test_wording_is_blind_to_articles_and_case() -> None:
    assert wording("The dog barks") == wording("a DOG barks")
    assert wording("The dog barks") != wording("The dogs bark")


def test_an_endless_answer_is_refused_at_once() -> None:
    """Looking for cues in millions of characters would take hours."""
    for text in ("A dog barks very quickly " * 100_000, "a" * 3_000_000, "a-" * 1_000_000):
        assert problems_of(BARKS, text) == ["too long"]
