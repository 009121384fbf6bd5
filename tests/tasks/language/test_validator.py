"""The validator accepts what a caption of a level must be and names what is wrong with the rest. SPEC A6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.adverbs import DEGREES, LEVELS
from tasks.language.content import content_words, is_content, is_copy, unmatched, words
from tasks.language.cues import CuedCaption
from tasks.language.finder import find_cues
from tasks.language.validator import check, find_level, form_problems, is_endless, judge
from tasks.llm.config import LLMConfig
from tasks.mine.parser import ParseMiner
from tasks.recaption.request import FORMS, change_text
from tasks.recaption.stage import RecaptionStage
from tests.tasks.language.captions import GRID, cued, said
from tests.tasks.language.recaption_gold import gold_pairs
from tests.tasks.llm.harness import shots_of

WORDS = st.sampled_from(["bark", "barks", "barking", "dog", "dogs", "loud", "loudly", "strike", "struck", "whoosh"])
BEFORE = cued("A man knocks quickly on a door")


def problems(before: CuedCaption, after: str, level: str) -> list[str]:
    return judge(before, after, level)[1]


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (BEFORE.text, "A man knocks very quickly on a door", "very_fast"),
        (BEFORE.text, "A man is knocking on a door at a moderate pace", "medium"),
        (BEFORE.text, "A man knocks slowly on a door", "slow"),
        ("A dog barks loudly", "A dog barks loudly in the distance", "far"),
        ("A dog barks loudly", "A dog barks loudly, growing louder and louder", "crescendo"),
        ("A dog barks loudly", "A dog's barks fade away", "decrescendo"),
        ("A dog barks loudly three times", "A dog barks 3 times in the distance", "far"),
        ("A nearby owl hoots", "A distant owl hoots", "far"),
        ("A man knocks extremely fast", "A man knocks at a medium pace", "medium"),
        ("A quick tapping near the water", "A very quick tapping near the water", "very_fast"),
    ],
)
def test_good_captions_pass_and_the_new_cue_is_found(before: str, after: str, level: str) -> None:
    found, why = judge(cued(before), after, level)
    assert why == []
    assert found is not None
    assert found.text == after
    assert after[found.cue.start : found.cue.end] == found.cue.words
    assert found.cue.side == LEVELS[level].side


@pytest.mark.parametrize(
    ("after", "level", "problem"),
    [
        (BEFORE.text, "very_fast", "a copy"),
        ("A man knocks quickly on a door!", "fast", "a copy"),
        ("A man knocks rapidly on a door", "very_fast", "does not say the level"),
        ("A man knocks very quickly and slowly on a door", "very_fast", "says the opposite"),
        ("A man knocks very quickly", "very_fast", "lost 'door'"),
        ("A man knocks very quickly on a wooden door", "very_fast", "added 'wooden'"),
        ("A man knocks very quickly. On a door", "very_fast", "more than one sentence"),
        ("A man knocks very quickly\non a door", "very_fast", "more than one sentence"),
        ("A man man knocks very quickly on a door", "very_fast", "repeats a word"),
        ("<b>A man</b> knocks very quickly on a door", "very_fast", "odd characters"),
        ("", "very_fast", "empty"),
        ("...", "very_fast", "empty"),
        ("A man knocks very quickly on a door" + " and so on" * 8, "very_fast", "too long"),
        ("HACKED", "very_fast", "does not say the level"),
        ("HACKED" * 200, "very_fast", "too long"),
    ],
)
def test_bad_captions_are_refused_with_the_reason(after: str, level: str, problem: str) -> None:
    assert problem in problems(BEFORE, after, level)


def test_a_loudness_that_was_not_said_is_refused() -> None:
    before = cued("A nearby dog barks")
    assert "says loud" in problems(before, "A loud dog barks in the distance", "far")


def test_what_the_caption_says_elsewhere_does_not_say_the_level() -> None:
    before = cued("A nearby owl hoots as a dog barks in the distance", "near")
    found, why = judge(before, "A nearby owl hoots as a dog barks in the distance.", "far")
    assert found is None
    assert "does not say the level" in why
    found, why = judge(before, "An owl hoots far away as a dog barks in the distance", "far")
    assert (why, found and found.cue.words) == ([], "far away")


def test_the_edit_is_checked_at_the_mined_cue_and_not_at_another() -> None:
    before = cued("A man quickly knocks, then a dog runs quickly")
    assert before.cue.start == before.text.index("quickly")
    second = "A man quickly knocks, then a dog runs very quickly"
    assert problems(before, second, "very_fast") == ["changes another cue", "says the level of another event"]
    assert problems(before, "A man very rapidly knocks, then a dog is running quickly", "very_fast") == []
    knocks = cued("Fast knocking, then fast tapping")
    assert "changes another cue" in problems(knocks, "Fast knocking, then very fast tapping", "very_fast")
    assert problems(knocks, "Very fast knocking, then fast tapping", "very_fast") == []
    assert "lost 'dog'" in problems(before, "A man very quickly knocks, then runs quickly", "very_fast")


def test_a_cue_of_another_dimension_may_stay_or_go() -> None:
    before = cued("A dog barks loudly")
    for after in ("A dog barks loudly in the distance", "A dog barks in the distance"):
        assert problems(before, after, "far") == []
    assert "says the opposite" in problems(cued("A nearby dog barks"), "A nearby dog barks in the distance", "far")


@pytest.mark.parametrize(("before", "level"), GRID)
def test_the_caption_itself_is_never_its_own_rewrite(before: CuedCaption, level: str) -> None:
    assert problems(before, before.text, level)
    assert check(before, before, level)


def test_the_cue_that_fits_best_is_taken() -> None:
    before = cued("A man speaks loudly as a distant dog barks")
    after = "In the distance a man speaks loudly as a distant dog barks"
    found = find_level(before, after, "far")
    assert found is not None
    assert found.cue.words == "In the distance"
    assert check(before, said(after, "far"), "far") == ["says the level of all events"]


def test_many_sentences_may_stay_many() -> None:
    assert problems(cued("Rain falls quickly. A dog barks."), "Rain falls slowly. A dog barks.", "slow") == []


@given(st.sets(WORDS), st.sets(WORDS))
def test_words_match_in_any_form_and_no_word_is_invented(some: set[str], others: set[str]) -> None:
    lost = unmatched(some, others)
    assert lost == sorted(lost)
    assert set(lost) <= some - others
    assert unmatched(some, some | others) == []
    assert unmatched(some, ()) == sorted(some)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A man strikes a drum quickly", "A man struck a drum very quickly"),
        ("Children run quickly", "Kids are running very quickly"),
        ("A dog's quick barking", "A dog barks very quickly"),
        ("Steady, quick tapping", "A steadily tapping machine at a very fast pace"),
    ],
)
def test_another_form_of_a_word_is_the_same_word(before: str, after: str) -> None:
    lost_or_added = [problem for problem in problems(cued(before), after, "very_fast") if "machine" not in problem]
    assert lost_or_added == []


def test_words_are_compared_by_content_and_order() -> None:
    assert words("A Dog’s bark, twice") == ["a", "dog’s", "bark", "twice"]
    assert content_words("the dog is barking at the dogs") == {"dog", "barking", "dogs"}
    assert is_copy("A dog, barking!", "a dog barking")
    assert not is_copy("A dog barks", "Barks a dog")
    assert is_content("dog")
    assert not is_content("the")


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_form_of_any_text_is_judged(before: str, after: str) -> None:
    assert ("empty" in form_problems(before, after)) == (not words(after))
    assert form_problems(after, after)[:1] == (["a copy"] if words(after) else ["empty"])


def test_an_endless_answer_is_refused_before_it_is_read() -> None:
    """Looking for cues takes time with the square of the length."""
    for text in ("A man knocks very quickly " * 100_000, "a-" * 1_000_000):
        assert is_endless(BEFORE.text, text)
        assert judge(BEFORE, text, "very_fast") == (None, ["too long"])


def test_every_example_of_every_prompt_passes_the_validator() -> None:
    templates = RecaptionStage(LLMConfig(backend="rules")).templates
    assert set(templates.by_name) == {"system", *LEVELS}
    for level in LEVELS:
        examples = shots_of(templates[level])
        assert len(examples) >= (9 if level not in ("fast", "slow") else 5)
        for given_, answer in examples:
            before = example_caption(given_)
            assert problems(before, answer["caption"], level) == [], (level, answer)
            changes = {change_text(before.cue.side, level, degree) for degree in DEGREES}
            assert given_["change"] in changes
            assert given_["form"] in FORMS[LEVELS[level].dimension]


def test_no_example_of_a_prompt_is_in_the_gold_file() -> None:
    templates = RecaptionStage(LLMConfig(backend="rules")).templates
    shown = {text["caption"] for level in LEVELS for shot in shots_of(templates[level]) for text in shot}
    assert shown.isdisjoint({pair.after for pair in gold_pairs()} | {pair.before.text for pair in gold_pairs()})


def example_caption(given_: dict[str, str]) -> CuedCaption:
    """An example's caption with its mined cue."""
    start = given_["caption"].index(given_["words"])
    found = [cue for cue in find_cues(given_["caption"]) if cue.start <= start < cue.end]
    return CuedCaption.at(given_["caption"], found[0].side, start, start + len(given_["words"])).with_degrees()


@pytest.mark.parametrize("held_out", [False, True])
def test_the_validator_accepts_the_good_and_refuses_the_bad(held_out: bool, parser: ParseMiner) -> None:
    """On the gold file: at least 90 % of what a careful reader accepts, at most 5 % of what he refuses."""
    pairs = [pair for pair in gold_pairs() if pair.held_out == held_out]
    accepted = {pair: not problems(pair.before, pair.after, pair.level) for pair in pairs}
    good = [accepted[pair] for pair in pairs if not pair.refused]
    bad = [accepted[pair] for pair in pairs if pair.refused]
    assert len(good) + len(bad) >= (120 if held_out else 280)
    assert sum(good) >= 0.90 * len(good)
    assert sum(bad) <= 0.05 * len(bad)
