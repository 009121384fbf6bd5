"""Listings on disk: what was put comes back, in order, as often as one likes; lists of any size are read row by row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.ingest.readers.files import entries_of
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


def test_a_json_list_is_read_with_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    entries = [{"id": 1, "caption": "a caf\u00e9 \U0001f50a"}, 7, None, {"id": "2.5", "duration": 1.5, "data": [1]}]
    path.write_text("\ufeff" + json.dumps({"other": {"data": [9]}, "data": entries}, ensure_ascii=False), "utf-8")
    assert list(entries_of(path, "data")) == entries
    path.write_bytes(b'{"data": [{"caption": "a \xff dog"}]}')
    assert list(entries_of(path, "data")) == [{"caption": "a \ufffd dog"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read as JSON"),
        ("nope", "cannot be read as JSON"),
        ('{"data": [1, ', "cannot be read as JSON"),
        ("[1, 2]", 'an array "data"'),
        ('{"data": {"a": 1}}', 'an array "data"'),
        ('{"Data": []}', 'an array "data"'),
    ],
)
def test_what_is_no_such_list_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=problem) as caught:
        list(entries_of(path, "data"))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
