"""Progress is read from the journal: each line counted once, reported while a stage runs and at its end."""

from __future__ import annotations

from pathlib import Path

from flows.progress import JournalCount, watch


def test_journal_growth_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "00000.jsonl").write_bytes(b"old\n")
    count = JournalCount(tmp_path)
    assert count.update() == 0
    with (tmp_path / "00000.jsonl").open("ab") as file:
        file.write(b"new\nhalf")
    (tmp_path / "00001.jsonl").write_bytes(b"new\n")
    assert (count.update(), count.update()) == (2, 2)


def test_watch_reports_at_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with watch(tmp_path, 3, lambda done, total, note: seen.append((done, total)), every_s=60):
        (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    assert seen == [(2, 3)]
