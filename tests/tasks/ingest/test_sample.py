"""Laws of an even sample of a stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.sample import EvenSample


@given(st.integers(0, 500), st.integers(1, 40))
def test_a_sample_is_every_nth_item_and_bounded(count: int, limit: int) -> None:
    sample = EvenSample[int](limit)
    for number in range(count):
        sample.add(number)
    assert len(sample) == count
    assert sample.kept == list(range(0, count, sample.step))
    assert len(sample.kept) <= limit and (count <= limit) == (sample.step == 1)
    assert len(sample.kept) >= min(count, (limit + 1) // 2)
