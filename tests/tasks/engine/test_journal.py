"""The journal: what was written is read back, the latest run counts, and what is no entry is skipped."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from data_contracts import ContractError, ItemError
from tasks.engine import ItemResult, read_journal
from tasks.engine.journal import appended, entries_of, entry_at, journal_files, line_of
from tasks.engine.workspace import Workspace

ROWS = ({"item_id": "a~1", "text": "ein Hünd 犬\r\u2028"}, {"item_id": "a~2", "text": None})


def journal(folder: Path, *lines: bytes, name: str = "00000.jsonl") -> Workspace:
    space = Workspace(folder)
    with appended(space.stage("tiny") / "journal" / name) as file:
        file.writelines(lines)
    return space


def test_a_result_is_one_line_that_reads_back(tmp_path: Path) -> None:
    done = line_of(ItemResult("a", rows=ROWS), "key", 3)
    failed = line_of(ItemResult("b", error=ItemError("too_short", "0.1 s; 0.25 s are needed")), "key", 3)
    assert done.count(b"\n") == failed.count(b"\n") == 1 and done.endswith(b"\n")
    assert json.loads(done).items() >= {"item_id": "a", "key": "key", "run": 3, "rows": list(ROWS)}.items()
    assert json.loads(failed)["error"] == {"reason": "too_short", "message": "0.1 s; 0.25 s are needed"}


def test_an_entry_is_found_at_its_offset(tmp_path: Path) -> None:
    space = journal(tmp_path, *(line_of(ItemResult(name, rows=ROWS), "k", 1) for name in "abc"))
    (path,) = journal_files(space, "tiny")
    with path.open("rb") as file:
        assert [entry_at(file, offset) for offset, _ in entries_of(path)] == [entry for _, entry in entries_of(path)]


@pytest.mark.parametrize(("first", "second", "kept"), [(1, 2, "new"), (2, 1, "old"), (1, 1, "new")])
def test_the_entry_of_the_later_run_counts_wherever_it_is(tmp_path: Path, first: int, second: int, kept: str) -> None:
    journal(tmp_path, line_of(ItemResult("a"), "old", first), name="00000.jsonl")
    space = journal(tmp_path, line_of(ItemResult("a"), "new", second), name="00001.jsonl")
    assert read_journal(space, "tiny")["a"]["key"] == kept


def test_a_half_line_is_skipped_and_does_not_join_the_next(tmp_path: Path) -> None:
    journal(tmp_path, line_of(ItemResult("a"), "k", 1), b'{"item_id": "b", "ke')
    space = journal(tmp_path, line_of(ItemResult("c"), "k", 2))
    assert list(read_journal(space, "tiny")) == ["a", "c"]


@pytest.mark.parametrize(
    "line", [b'{"item_id": "a", "key": "k", "serial": 1, "rows": []}\n', b"\xff\n", b"[1]\n", b"\n"]
)
def test_the_lines_of_an_older_release_count_as_unfinished(tmp_path: Path, line: bytes) -> None:
    assert read_journal(journal(tmp_path, line), "tiny") == {}


def test_a_line_with_any_changed_or_missing_or_added_byte_counts_as_not_there(tmp_path: Path) -> None:
    line = line_of(ItemResult("a", rows=({"text": "a dog barks"},)), "k", 1)
    space = journal(tmp_path, line)
    (path,) = journal_files(space, "tiny")
    assert list(read_journal(space, "tiny")) == ["a"]
    for place in range(len(line) - 1):
        for damaged in (b"z%c" % line[place], b"", bytes([line[place] ^ 1])):
            path.write_bytes(line[:place] + damaged + line[place + 1 :])
            assert read_journal(space, "tiny") == {}, path.read_bytes()
    with path.open("rb") as file, pytest.raises(ContractError, match=r"00000\.jsonl: the entry at byte 0 is damaged"):
        entry_at(file, 0)


def test_a_line_has_rows_or_an_error(tmp_path: Path) -> None:
    line = line_of(ItemResult("a"), "k", 1)
    content = line.replace(b'"rows"', b'"rowz"').rpartition(b',"crc32"')[0]
    valid = content + b',"crc32":"%08x"}\n' % zlib.crc32(content)
    assert read_journal(journal(tmp_path, valid), "tiny") == {}


def test_a_stage_that_never_ran_has_an_empty_journal(tmp_path: Path) -> None:
    assert read_journal(Workspace(tmp_path), "tiny") == {} and list(tmp_path.iterdir()) == []
