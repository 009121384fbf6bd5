"""Listings on disk: what was put comes back, in order, any number of times, by several readers at once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.recordings import Recording
from tasks.ingest.spool import Spool

TEXT = st.text(max_size=20)
RECORDINGS = st.builds(
    Recording,
    item_id=TEXT,
    audio=TEXT,
    video=TEXT,
    caption=st.text(st.characters(), max_size=40),
    group=TEXT,
    split=TEXT,
    licence=TEXT,
    row=st.none() | st.integers(0, 9),
    events=st.lists(st.tuples(st.floats(0, 9), TEXT, TEXT), max_size=2).map(tuple),
    missing=st.booleans(),
)


@given(st.lists(RECORDINGS, max_size=5))
def test_rows_come_back_as_they_were_put(recordings: list[Recording]) -> None:
    spool = Spool()
    for recording in recordings:
        spool.put(recording)
    assert len(spool) == len(recordings)
    assert list(spool) == list(spool) == recordings
    spool.finish = lambda recording: replace(recording, split="test")
    assert {r.split for r in spool} <= {"test"}


def test_readers_of_one_listing_do_not_disturb_each_other() -> None:
    spool = Spool()
    rows = [
        Recording(item_id=f"{n}", audio="", video="", caption="x" * 999, group="", split="", licence="")
        for n in range(300)
    ]
    for row in rows:
        spool.put(row)
    assert [(a.item_id, b.item_id) for a, b in zip(spool, spool, strict=True)] == [(r.item_id, r.item_id) for r in rows]
