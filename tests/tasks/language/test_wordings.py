"""The wordings of a level say that level, each in its place of the grammar, and there are many of them. SPEC A6."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from data_contracts.adverbs import CHANGES, DEGREES, LEVELS
from tasks.language.finder import find_cues
from tasks.language.wordings import degree_said, drawn, wording_of

CASES = [(level, degree) for level in LEVELS for degree in DEGREES]
MADE = sorted({change.level for change in CHANGES if change.operation != "original"})


@pytest.mark.parametrize(("level", "degree"), CASES)
def test_every_wording_of_a_level_says_that_level_and_nothing_else(level: str, degree: str) -> None:
    wanted, wording = LEVELS[level], wording_of(level, degree)
    captions = {f"A dog barks {words}": words for words in (*wording.adverbs, *wording.endings, *wording.instead)}
    adjectives = (*wording.adjectives, *wording.instead_adjectives)
    captions |= {f"The {words} barking of a dog": words for words in adjectives}
    for caption, words in captions.items():
        (cue,) = find_cues(caption)
        assert (cue.side, cue.words) == (wanted.side, words), caption
        assert cue.strong >= wanted.strong, caption


@pytest.mark.parametrize("level", MADE)
def test_there_are_forty_forms_and_more_for_each_operation(level: str) -> None:
    wordings = {id(one): one for one in (wording_of(level, degree) for degree in DEGREES)}.values()
    forms = {words for one in wordings for words in (*one.adverbs, *one.adjectives, *one.endings, *one.instead)}
    assert len(forms) >= 40
    assert len({words for one in wordings for words in one.endings}) >= 40


@pytest.mark.parametrize(("level", "degree"), CASES)
def test_wordings_are_plain_lower_case_without_repeats(level: str, degree: str) -> None:
    wording = wording_of(level, degree)
    for words in (wording.adverbs, wording.adjectives, wording.endings):
        assert words
        assert len(set(words)) == len(words)
        assert all(text == text.strip(" ,").lower() and "  " not in text for text in words)


@pytest.mark.parametrize(("level", "degree"), CASES)
def test_no_wording_has_an_adverb_of_time_right_before_one_of_degree(level: str, degree: str) -> None:
    """No "steadily markedly quieter"; "increasingly loudly" is one of degree alone."""
    timely = {"gradually", "steadily", "slowly", "progressively", "continually"}
    wording = wording_of(level, degree)
    for words in (*wording.adverbs, *wording.adjectives, *wording.endings, *wording.instead):
        pairs = pairwise(words.split())
        assert not any(one in timely and other.endswith("ly") for one, other in pairs), words


def test_quite_stands_before_its_article() -> None:
    texts = {words for level, degree in CASES for words in wording_of(level, degree).endings}
    assert "at quite a moderate pace" in texts
    assert not any("a quite" in words for words in texts)


def test_a_wording_tells_its_degree() -> None:
    assert degree_said("far", "a bit further away") == "slight"
    assert degree_said("far", "in the distance") == "plain"
    assert degree_said("far", "miles away") == "strong"
    assert degree_said("crescendo", "with sharply rising volume") == "strong"
    assert degree_said("crescendo", "louder and louder") == "plain"
    assert degree_said("very_fast", "no wording at all") == "plain"
    assert wording_of("medium", "strong") is wording_of("medium")
    with pytest.raises(KeyError, match="huge"):
        wording_of("far", "huge")


def test_a_draw_is_the_same_again_and_puts_each_option_first_about_equally_often() -> None:
    options = wording_of("medium").adverbs
    assert drawn(options, "a caption") == drawn(tuple(reversed(options)), "a caption")
    assert sorted(drawn(options, "a caption")) == sorted(options)
    first = Counter(drawn(options[:10], f"caption {number}")[0] for number in range(1000))
    assert len(first) == 10
    assert max(first.values()) < 150
