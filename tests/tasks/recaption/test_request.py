"""A model is told what changed and how much, in a form that varies, and never what to write. SPEC A6."""

from __future__ import annotations

from collections import Counter

import pytest

from data_contracts.adverbs import CHANGES, DEGREES, LEVELS
from tasks.language.cues import CuedCaption
from tasks.llm.config import LLMConfig
from tasks.recaption.request import EXAMPLE_SETS, EXAMPLES, FORMS, change_text, example_set, request_fields
from tasks.recaption.stage import RecaptionStage
from tests.tasks.language.captions import GRID, cued
from tests.tasks.llm.harness import shots_of

MANY = [cued(f"Person {number} knocks quickly") for number in range(400)]


@pytest.mark.parametrize(("caption", "level"), GRID)
def test_the_request_names_the_mined_words_and_the_change(caption: CuedCaption, level: str) -> None:
    fields = request_fields(caption, level)
    assert set(fields) == {"caption", "words", "change", "form"}
    assert fields["words"] in fields["caption"]
    assert fields == request_fields(caption, level)


def test_every_change_and_degree_has_a_text_of_its_own() -> None:
    for change in CHANGES:
        texts = {change_text(change.side, change.level, degree) for degree in DEGREES}
        assert len(texts) == len(DEGREES)
    assert change_text("fast", "medium") != change_text("slow", "medium")
    with pytest.raises(KeyError):
        change_text("fast", "medium", "huge")


def test_forms_and_examples_vary_evenly_with_the_caption() -> None:
    for drawn, count in (
        (Counter(request_fields(one, "very_fast")["form"] for one in MANY), len(FORMS["speed"])),
        (Counter(example_set(one, "very_fast") for one in MANY), EXAMPLE_SETS),
    ):
        assert len(drawn) == count
        assert max(drawn.values()) < 1.4 * len(MANY) / count


@pytest.mark.parametrize("level", LEVELS)
def test_each_draw_has_five_examples_and_asks_for_several_forms(level: str) -> None:
    templates = RecaptionStage(LLMConfig(backend="rules")).templates
    draws = [templates.drawn(level, number, EXAMPLES) for number in range(EXAMPLE_SETS)]
    for messages in draws:
        assert messages[0] == templates[level][0]
        assert len(shots_of(messages)) == EXAMPLES
        assert len({given["form"] for given, _ in shots_of(messages)}) > 1
    assert len({str(messages) for messages in draws}) == EXAMPLE_SETS
