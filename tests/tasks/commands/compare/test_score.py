"""The GSB score: the paper's example, its mirror image, and an interval that covers what it should (SPEC E4)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.commands.compare.score import gsb, gsb_score

COUNTS = st.integers(0, 500)
PAPER = (386, 66, 48)  # good, same, bad of 50 captions and 10 raters


def test_the_papers_counts_give_its_score() -> None:
    assert sum(PAPER) == 500 and gsb_score(*PAPER) == pytest.approx(3.965, abs=5e-4)


@given(COUNTS, COUNTS, COUNTS)
def test_swapping_the_systems_inverts_the_score(good: int, same: int, bad: int) -> None:
    one, other = gsb_score(good, same, bad), gsb_score(bad, same, good)
    if one and other:
        assert one * other == pytest.approx(1)
    assert gsb_score(good, same, 0 if same else 1) is not None and gsb_score(3, 0, 0) is None


def votes(share: tuple[float, float, float], raters: int, items: int, seed: int) -> dict[str, dict[str, str]]:
    drawn = np.random.default_rng(seed).choice(["a", "same", "b"], (raters, items), p=share)
    return {f"r{r}": {f"i{i}": str(drawn[r, i]) for i in range(items)} for r in range(raters)}


def test_counts_are_those_of_a_loop_and_open_answers_do_not_count() -> None:
    given_ = votes((0.5, 0.2, 0.3), 4, 10, 1)
    del given_["r0"]["i3"], given_["r1"]["i3"]
    given_["r3"] = {}
    items = [f"i{i}" for i in range(10)]
    found = gsb(given_, items)
    flat = [answer for answers in given_.values() for answer in answers.values()]
    assert (found.good, found.same, found.bad) == tuple(flat.count(name) for name in ("a", "same", "b"))
    assert (found.answers, found.raters, found.items) == (28, 3, 10)
    assert found.low is not None and found.high is not None and found.score is not None
    assert found.low <= found.score <= found.high
    part = gsb(given_, items[:2])
    assert part.answers == 6


def test_who_and_what_has_no_answer_changes_nothing() -> None:
    """A rater who has only opened the page, or heard sounds that were replaced since, is none of those drawn."""
    given_, items = votes((0.5, 0.2, 0.3), 3, 8, 2), [f"i{i}" for i in range(8)]
    assert gsb({**given_, "r9": {}, "s": {"other": "a"}}, items) == gsb(given_, items)
    assert gsb(given_, [*items, "i8", "i9"]) == gsb(given_, items)


def test_a_draw_without_an_answer_is_no_draw() -> None:
    """Two raters of different captions: half of the draws have neither's answer."""
    found = gsb({"r": {"i": "b"}, "s": {"j": "b"}}, ["i", "j"])
    assert (found.score, found.low, found.high) == (0.0, 0.0, 0.0)


def test_one_rater_or_one_caption_has_no_interval() -> None:
    assert gsb({"r": {"i": "a", "j": "b"}}, ["i", "j"]).low is None
    assert gsb({"r": {"i": "a"}, "s": {"i": "b"}}, ["i"]).high is None
    empty = gsb({}, ["i"])
    assert (empty.answers, empty.score, empty.low) == (0, None, None)


def test_without_a_same_or_bad_answer_there_is_no_upper_end() -> None:
    found = gsb(votes((1.0, 0.0, 0.0), 3, 5, 1), [f"i{i}" for i in range(5)])
    assert found.score is None and found.low == found.high == float("inf")


def test_the_interval_covers_the_truth() -> None:
    """Independent answers: the interval over raters and captions is wider than needed, never narrower."""
    share = (0.5, 0.2, 0.3)
    truth = gsb_score(*share)
    assert truth is not None
    covered = 0
    for seed in range(40):
        found = gsb(votes(share, 8, 20, seed), [f"i{i}" for i in range(20)], seed=seed)
        assert found.low is not None and found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 36
