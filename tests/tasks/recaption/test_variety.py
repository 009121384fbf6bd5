"""How varied captions are: counted by model and by rule, originals left out. SPEC A6."""

from __future__ import annotations

import pytest

from tasks.recaption.variety import variety, variety_by_writer, variety_text
from tests.tasks.language.captions import augmented, cued
from tests.tasks.rows import caption_row

ROW = augmented(0, cued("A dog barks quickly"), "very_fast")


def test_wordings_and_pairs_of_words_are_counted_once() -> None:
    found = variety([("A dog barks Very fast", "Very fast"), ("A cat purrs very fast", "very fast"), ("A b", "b")])
    assert found is not None
    assert (found.captions, found.wordings, found.commonest) == (3, 2, "very fast")
    assert found.commonest_share == pytest.approx(2 / 3)
    pairs = {("a", "dog"), ("dog", "barks"), ("barks", "very"), ("very", "fast"), ("a", "cat"), ("cat", "purrs")}
    assert found.bigrams == len(pairs | {("purrs", "very"), ("a", "b")})
    assert variety([]) is None


def test_the_line_names_model_and_rule_and_leaves_originals_out() -> None:
    rows = [caption_row(ROW, "A dog barks at top speed", source) for source in ("llm", "llm_retry", "rule", "original")]
    text = variety_text(rows)
    assert text.startswith("2 by model: 1 wordings, commonest 100.0 %")
    assert "; 1 by rule: " in text
    assert variety_text(rows[3:]) == ""
    assert {by: found.captions for by, found in variety_by_writer(rows).items()} == {"model": 2, "rule": 1}
    assert variety_by_writer(rows[3:]) == {}
