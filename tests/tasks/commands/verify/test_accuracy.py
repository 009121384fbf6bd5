"""SPEC A8: accuracy per stratum with its interval, and how far raters agree, against plain counting."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.commands.verify.accuracy import ALL, accuracy_table, agreement, majority, wilson_interval
from tasks.commands.verify.ratings import Answer, Rating
from tasks.commands.verify.sheet import STRATA, Entry

WORDS: dict[str, Answer] = {"y": "yes", "n": "no", "u": "unsure"}


def entry(number: int, stratum: str) -> Entry:
    return Entry(
        stratum=stratum, item_id=f"i{number}", level="far", audio_before="a", audio_path="b", audio_sha256="c",
        caption_before="d", caption="e",
    )  # fmt: skip


def test_a8_accuracy_per_stratum_and_over_all() -> None:
    entries = [entry(n, "speed very_fast" if n < 3 else "speed fast" if n < 6 else "near source") for n in range(9)]
    answers = {f"i{n}": WORDS[a] for n, a in enumerate("ynuyy")}
    found = {row.stratum: row for row in accuracy_table(entries, answers)}
    first = found["speed very_fast"]
    assert (first.rows, first.answered, first.correct, first.unsure, first.accuracy) == (3, 2, 1, 1, 0.5)
    assert found["speed fast"].accuracy == 1.0 and found["near source"].accuracy is None
    assert (found["all"].answered, found["all"].correct, found["all"].unsure) == (4, 3, 1)
    assert list(found) == ["speed very_fast", "speed fast", "near source", ALL]


@given(st.lists(st.tuples(st.sampled_from(list(STRATA)), st.sampled_from("ynu.")), max_size=60))
def test_the_strata_add_up_to_all(rows: list[tuple[str, str]]) -> None:
    entries = [entry(number, stratum) for number, (stratum, _) in enumerate(rows)]
    answers = {f"i{number}": WORDS[answer] for number, (_, answer) in enumerate(rows) if answer != "."}
    *parts, total = accuracy_table(entries, answers)
    for name in ("rows", "answered", "correct", "unsure"):
        assert sum(getattr(part, name) for part in parts) == getattr(total, name)
    assert all(
        part.low <= part.accuracy + 1e-12 and part.accuracy <= part.high + 1e-12
        for part in parts
        if part.accuracy is not None
    )


def test_wilson_interval_of_known_values() -> None:
    assert wilson_interval(291, 300) == pytest.approx((0.9440, 0.9841), abs=1e-3)
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)


@given(st.integers(1, 500), st.data())
def test_wilson_interval_solves_its_own_equation(answered: int, data: st.DataObject) -> None:
    """The ends are the shares p whose own standard error puts the found share 1.96 of it away."""
    correct = data.draw(st.integers(0, answered))
    low, high = wilson_interval(correct, answered)
    assert 0 <= low <= correct / answered + 1e-12 and correct / answered <= high + 1e-12 <= 1 + 1e-12
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            error = np.sqrt(end * (1 - end) / answered)
            assert abs(correct / answered - end) == pytest.approx(1.959964 * error, abs=1e-6)
    mirrored = wilson_interval(answered - correct, answered)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def ratings_of(*columns: str) -> dict[str, dict[str, Rating]]:
    """One string of y, n, u or . per rater."""
    return {
        f"r{number}": {f"i{k}": Rating(WORDS[a]) for k, a in enumerate(column) if a != "."}
        for number, column in enumerate(columns)
    }


def test_agreement_by_hand() -> None:
    found = agreement(ratings_of("yyn.", "yny.", "...y"))
    assert (found.raters, found.shared) == (3, 3) and found.observed == pytest.approx(1 / 3)
    # two raters, 3 units, coincidences: yy 2, yn 2, ny 2; alpha = 1 - (n-1) o_yn / (n_y n_n) = 1 - 5*2/(4*2)
    assert found.alpha == pytest.approx(1 - 5 * 2 / (4 * 2))
    same = agreement(ratings_of("yyy", "yyy"))
    assert (same.observed, same.alpha) == (1.0, None)
    assert agreement(ratings_of("yy")).observed is None


@given(st.lists(st.text(alphabet="ynu.", min_size=6, max_size=6), min_size=2, max_size=4))
def test_agreement_counts_pairs(columns: list[str]) -> None:
    found = agreement(ratings_of(*columns))
    shares = []
    for answers in zip(*columns, strict=True):
        pairs = list(itertools.combinations([a for a in answers if a != "."], 2))
        if pairs:
            shares.append(np.mean([a == b for a, b in pairs]))
    assert found.shared == len(shares)
    assert found.observed == (pytest.approx(np.mean(shares)) if shares else None)
    assert found.alpha is None or found.alpha <= 1.0 + 1e-9


@given(st.lists(st.text(alphabet="ynu", min_size=1, max_size=8), min_size=1, max_size=1), st.integers(2, 4))
def test_raters_who_say_the_same_agree_wholly(columns: list[str], raters: int) -> None:
    found = agreement(ratings_of(*columns * raters))
    assert (found.observed, found.shared, found.raters) == (1.0, len(columns[0]), raters)
    assert found.alpha is None if len(set(columns[0])) == 1 else found.alpha == pytest.approx(1.0)


def test_majority_and_ties() -> None:
    assert majority(ratings_of("yyn", "ynn", "nuu")) == {"i0": "yes", "i1": "unsure", "i2": "no"}


@given(st.lists(st.text(alphabet="ynu.", min_size=4, max_size=4), min_size=1, max_size=5), st.randoms())
def test_the_majority_does_not_depend_on_the_order_of_raters(columns: list[str], random) -> None:
    shuffled = random.sample(columns, len(columns))
    assert majority(ratings_of(*columns)) == majority(ratings_of(*shuffled))
    for number, answers in enumerate(zip(*columns, strict=True)):
        given = [answer for answer in answers if answer != "."]
        found = majority(ratings_of(*columns)).get(f"i{number}")
        clear = [a for a in "ynu" if 2 * given.count(a) > len(given)]
        assert found == (None if not given else WORDS[clear[0]] if clear else found)
