"""The list of words: every form is reachable, bounded by word boundaries, and belongs to a known side. SPEC A1."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.adverbs import DIMENSION_OF, MINED_SIDES
from tasks.language.made_words import LEVEL_FORMS, MADE_FORMS
from tasks.language.words import DEGREES, EXPRESSIONS, MINED_FORMS, STEMS, STRONG, Form, bounded

FORMS = (*MINED_FORMS, *MADE_FORMS, *LEVEL_FORMS)
QUICK = settings(max_examples=15, suppress_health_check=list(HealthCheck))


def matching(form: Form) -> st.SearchStrategy[str]:
    """Texts that the form matches as a whole."""
    return st.from_regex(form.pattern, fullmatch=True, alphabet=st.characters(max_codepoint=127))


@pytest.mark.parametrize("form", MINED_FORMS)
@QUICK
@given(data=st.data())
def test_no_form_is_lost_by_the_first_search_for_stems(form: Form, data: st.DataObject) -> None:
    assert STEMS.search(data.draw(matching(form)))


@pytest.mark.parametrize("form", FORMS)
@QUICK
@given(data=st.data(), letter=st.sampled_from("ax-'9"))
def test_a_form_is_never_part_of_a_longer_word(form: Form, data: st.DataObject, letter: str) -> None:
    text = data.draw(matching(form))
    for longer in (f"{letter}{text}", f"{text}{letter}"):
        assert all(match.span() != (longer.index(text), longer.index(text) + len(text))
                   for match in form.pattern.finditer(longer))  # fmt: skip


def test_the_forms_cover_every_side_and_no_other() -> None:
    assert {form.side for form in MINED_FORMS} == set(MINED_SIDES)
    assert {form.side for form in MADE_FORMS} == set(DIMENSION_OF) - set(MINED_SIDES)
    assert {form.pos for form in FORMS} <= {"", "adverb", "adjective", "phrase"}


def test_strong_degrees_are_degrees() -> None:
    assert set(STRONG) < set(DEGREES)
    assert len(set(DEGREES)) == len(DEGREES)


@pytest.mark.parametrize(
    "text", ["fast food", "fast asleep", "out loud", "as fast as", "far more", "into the distance", "close to each"]
)
def test_fixed_expressions_take_their_words(text: str) -> None:
    assert any(pattern.fullmatch(text) for pattern in EXPRESSIONS)


def test_boundaries_take_hyphens_and_apostrophes_for_letters() -> None:
    pattern = bounded("fast|slow")
    assert [match.group() for match in pattern.finditer("fast-food slow, fast's un-slow fast")] == ["slow", "fast"]
