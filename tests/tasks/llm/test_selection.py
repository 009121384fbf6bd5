"""The items that a limited budget is spent on: stable, growing, and spread over the table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.llm.selection import select_evenly

IDS = st.lists(st.text(min_size=1, max_size=6), unique=True, max_size=40)


@given(IDS, st.integers(0, 50), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_and_grows_with_the_count(ids: list[str], count: int, chance) -> None:
    chosen = select_evenly(ids, count)
    shuffled = list(ids)
    chance.shuffle(shuffled)
    assert chosen == select_evenly(shuffled, count)
    assert len(chosen) == min(count, len(ids))
    assert chosen <= select_evenly(ids, count + 1) <= select_evenly(ids, None) == frozenset(ids)


@given(IDS, st.text(min_size=7, max_size=9), st.integers(1, 20))
def test_a_new_item_displaces_at_most_one(ids: list[str], new: str, count: int) -> None:
    assert len(select_evenly(ids, count) - select_evenly([*ids, new], count)) <= 1


def test_the_choice_is_spread_over_the_table() -> None:
    ids = [f"clip-{number:05d}" for number in range(10_000)]
    chosen = sorted(int(name.removeprefix("clip-")) for name in select_evenly(ids, 1000))
    per_tenth = [sum(start <= number < start + 1000 for number in chosen) for start in range(0, 10_000, 1000)]
    assert min(per_tenth) > 60  # of 100; by chance below 60 about once in 100,000 tables
