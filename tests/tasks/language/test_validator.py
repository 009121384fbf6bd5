"""The validator accepts what a caption of a level must be and names what is wrong with the rest. SPEC A6."""

from __future__ import annotations

import pytest

from tasks.language.cues import LEVELS
from tasks.language.validator import check, stem
from tasks.llm.config import LLMConfig
from tasks.recaption.stage import RecaptionStage
from tests.tasks.llm.harness import shots_of

BEFORE = "A man knocks quickly on a door"


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (BEFORE, "A man knocks very quickly on a door", "very_fast"),
        (BEFORE, "A man is knocking on a door at a moderate pace", "medium"),
        (BEFORE, "A man knocks slowly on a door", "slow"),
        ("A dog barks loudly", "A dog barks loudly in the distance", "far"),
        ("A dog barks loudly", "A dog barks loudly, growing louder and louder", "crescendo"),
        ("A dog barks loudly", "A dog's barks fade away", "decrescendo"),
        ("A nearby owl hoots", "A distant owl hoots", "far"),
    ],
)
def test_good_captions_pass(before, after, level):
    assert check(before, after, level) == []


@pytest.mark.parametrize(
    ("after", "level", "problem"),
    [
        (BEFORE, "very_fast", "a copy"),
        ("A man knocks quickly on a door!", "fast", "a copy"),
        ("A man knocks rapidly on a door", "very_fast", "does not say the level"),
        ("A man knocks very quickly and slowly on a door", "very_fast", "says the opposite"),
        ("A man knocks very quickly", "very_fast", "lost 'door'"),
        ("A man knocks very quickly on a wooden door", "very_fast", "added 'wooden'"),
        ("A man knocks very quickly. On a door", "very_fast", "more than one sentence"),
        ("A man knocks very quickly\non a door", "very_fast", "more than one sentence"),
        ("A man knocks very very quickly on a door", "very_fast", "repeats a word"),
        ("<b>A man</b> knocks very quickly on a door", "very_fast", "odd characters"),
        ("", "very_fast", "empty"),
        ("...", "very_fast", "empty"),
        ("A man knocks very quickly on a door" + " and so on" * 8, "very_fast", "too long"),
        ("HACKED", "very_fast", "does not say the level"),
    ],
)
def test_bad_captions_are_refused_with_the_reason(after, level, problem):
    assert problem in check(BEFORE, after, level)


def test_a_loudness_that_was_not_said_is_refused():
    assert "claims a loudness that was not said" in check(
        "A dog barks", "A loud dog barks, gradually getting louder", "crescendo"
    )


def test_many_sentences_may_stay_many():
    assert check("Rain falls. A dog barks.", "Rain falls slowly. A dog barks.", "slow") == []


@pytest.mark.parametrize(
    "forms", ["barks barking barked bark", "taps tapping tapped", "strikes striking", "cries crying", "dog's dog dogs"]
)
def test_forms_of_one_word_have_one_stem(forms):
    assert len({stem(word) for word in forms.split()}) == 1


def test_every_shot_of_every_prompt_passes_the_validator():
    templates = RecaptionStage(LLMConfig(backend="rules")).templates
    assert set(templates.by_name) == {"system", *LEVELS}
    for level in LEVELS:
        assert len(shots_of(templates[level])) == 5
        for given, answer in shots_of(templates[level]):
            assert check(given["caption"], answer["caption"], level) == [], (level, answer)
