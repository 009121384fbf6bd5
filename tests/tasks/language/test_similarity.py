"""The similarity floor: equal events are alike whatever level they have, other events are not. SPEC A6."""

from __future__ import annotations

import pytest

from tasks.language.cues import CuedCaption
from tasks.language.similarity import event_similarity, similarity_problems
from tasks.language.validator import judge
from tasks.llm.config import LLMConfig
from tests.tasks.language.captions import cued, said
from tests.tasks.language.recaption_gold import GoldPair, gold_pairs

FLOOR = LLMConfig().min_similarity
BARKS = cued("A dog barks quickly in a yard")


def test_words_that_say_a_level_do_not_count() -> None:
    for text in ("A dog barks very quickly in a yard", "A dog barks at breakneck speed in a yard"):
        assert event_similarity(BARKS, said(text, "very_fast")) == pytest.approx(1.0, abs=1e-5)


def test_similarity_is_symmetric_and_at_most_one() -> None:
    texts = ("A dog barks very quickly in a yard", "A cat meows very quickly", "Very fast typing on a keyboard")
    captions = [said(text, "very_fast") for text in texts]
    for one in captions:
        for other in captions:
            found = event_similarity(one, other)
            assert found == pytest.approx(event_similarity(other, one), abs=1e-6)
            assert -1 <= found <= 1 + 1e-5
            assert found == pytest.approx(1.0, abs=1e-5) or one is not other


def test_other_events_are_less_similar() -> None:
    near = said("Very quick barking by a dog in a yard", "very_fast")
    far = said("A woman very quickly types on a keyboard", "very_fast")
    assert event_similarity(BARKS, near) > FLOOR > event_similarity(BARKS, far)


def test_the_floor_names_both_numbers_and_zero_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    far = said("A woman very quickly types on a keyboard", "very_fast")
    (problem,) = similarity_problems(BARKS, far, 0.65)
    assert problem == f"tells of something else: similarity {event_similarity(BARKS, far):.2f}, at least 0.65"

    def fails(*_: CuedCaption) -> float:
        raise AssertionError("measured")

    monkeypatch.setattr("tasks.language.similarity.event_similarity", fails)
    assert similarity_problems(BARKS, far, 0.0) == []


def test_a_model_s_caption_is_held_to_the_floor_after_all_other_checks() -> None:
    after = "A dog is barking very quickly in a yard"
    assert judge(BARKS, after, "very_fast", min_similarity=FLOOR)[1] == []
    found, problems = judge(BARKS, after, "very_fast", min_similarity=1.0)
    assert found is not None
    assert problems[0].startswith("tells of something else")
    problems = judge(BARKS, "A dog very quickly types in a yard", "very_fast", min_similarity=1.0)[1]
    assert problems == ["lost 'barks'", "added 'types'"]  # the similarity is not measured where words tell already


def similarities(pairs: list[GoldPair]) -> list[float]:
    found = ((pair.before, judge(pair.before, pair.after, pair.level)[0]) for pair in pairs)
    return [event_similarity(before, after) for before, after in found if after is not None]


def test_the_floor_refuses_no_good_caption_and_some_that_lost_an_event() -> None:
    """Of the gold file; of the good ones every third."""
    pairs = gold_pairs()
    assert min(similarities([pair for pair in pairs if not pair.refused][::3])) > FLOOR
    assert min(similarities([pair for pair in pairs if pair.refused == "lost"])) < FLOOR
