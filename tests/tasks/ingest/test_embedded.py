"""Audio inside a Parquet table, as `datasets` writes it, and special files in the place of recordings and lists."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts import ItemError, UsageError
from tasks.ingest.planned import PlannedCorpus
from tasks.ingest.readers.files import ids_in, json_of, rows_of
from tasks.ingest.readers.hf import OpenShard
from tasks.ingest.recordings import file_identity, read_recordings
from tests.tasks.ingest.corpora import reasons_in, run_corpora, run_ingest, table_stage, write_table
from tests.tasks.sounds import tone, write_wav


def cells(folder: Path) -> list[dict[str, Any]]:
    """Returns five embedded recordings of one to five seconds; the third has no bytes."""
    found: list[dict[str, Any]] = []
    for number in range(1, 6):
        path = write_wav(folder / f"{number}.wav", tone(float(number), 200.0 + 50 * number))
        found.append({"bytes": None if number == 3 else path.read_bytes(), "path": path.name})
    return found


def embedded(folder: Path, name: str = "t.parquet") -> Path:
    """Writes a table of five embedded recordings in row groups of two."""
    audio = cells(folder / "source")
    captions = [f"Tone {number}" for number in range(1, 6)]
    pq.write_table(pa.table({"audio": audio, "caption": captions}), folder / name, row_group_size=2)
    return folder / name


def test_embedded_audio_is_cut_as_files_are(tmp_path: Path) -> None:
    stage = table_stage(embedded(tmp_path))
    summary, clips = run_ingest(stage, tmp_path / "w")
    assert sorted((c.caption, c.duration_s) for c in clips.values()) == [(f"Tone {n}", float(n)) for n in (1, 2, 4, 5)]
    assert (summary.done, summary.quarantined) == (4, 1)
    assert list(reasons_in(tmp_path / "w").values()) == ["missing_file"]
    assert {c.source_path for c in clips.values()} == {f"t.parquet#{row}" for row in (0, 1, 3, 4)}
    planned = list(PlannedCorpus(stage.config, "1"))
    assert sorted(p.clips_s for p in planned) == [(1.0,), (2.0,), (4.0,), (5.0,)]


def test_embedded_audio_is_read_in_several_corpora(tmp_path: Path) -> None:
    table = str(embedded(tmp_path))
    clips, reasons, counts = run_corpora(tmp_path / "w", {"kind": "table", "path": table, "name": "own"})
    assert len(clips) == 4 and list(reasons.values()) == ["missing_file"] and counts["own"]["listed"] == 5


def test_ids_do_not_depend_on_the_place_of_a_record(tmp_path: Path) -> None:
    table = embedded(tmp_path)
    content = pq.read_table(table)
    pq.write_table(content.take([4, 3, 2, 1, 0]), tmp_path / "turned.parquet")
    shares = {"val_share": 0.1, "test_share": 0.1, "version": "1"}
    first, second = (list(read_recordings(path, **shares)) for path in (table, tmp_path / "turned.parquet"))
    assert [r.item_id for r in first] == [r.item_id for r in second][::-1]
    assert [r.row for r in first] == [0, 1, 2, 3, 4]


def test_a_struct_without_any_bytes_names_files(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(1.0))
    columns = {"audio": [{"bytes": None, "path": "a.wav"}], "caption": ["A tone"]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    _, clips = run_ingest(table_stage(tmp_path / "t.parquet"), tmp_path / "w")
    assert [clip.source_path for clip in clips.values()] == ["a.wav"]


def test_records_are_read_in_any_order_and_those_that_are_not_there_are_said(tmp_path: Path) -> None:
    table, opened, audio = embedded(tmp_path), OpenShard(), cells(tmp_path / "source")
    for row in (4, 0, 3, 1):
        assert opened.record_bytes(table, row) == audio[row]["bytes"]
    for row, words in ((5, "has 5 records; record 5"), (-1, "record -1"), (2, "record 2 has no audio")):
        with pytest.raises(ItemError, match=words):
            opened.record_bytes(table, row)
    table.write_bytes(table.read_bytes()[:100])
    with pytest.raises(ItemError, match="record 0 cannot be read"):
        OpenShard().record_bytes(table, 0)


def test_pipes_sockets_and_devices_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "s.wav"))
    (folder / "null.mp4").symlink_to("/dev/null")
    write_wav(folder / "good.wav", tone(1.0))
    names = ("pipe.wav", "s.wav", "good.wav", "absent.wav")
    rows = [{"id": name, "audio": name, "caption": "A tone"} for name in names]
    table = write_table(folder, [*rows, {"id": "null", "video": "null.mp4", "caption": "A tone"}])
    _, clips = run_ingest(table_stage(table), tmp_path / "w")
    assert list(clips) == ["good.wav"]
    special = dict.fromkeys(("pipe.wav", "s.wav", "null"), "not_a_file")
    assert reasons_in(tmp_path / "w") == {**special, "absent.wav": "missing_file"}
    assert file_identity(folder / "pipe.wav") == "absent"


def test_lists_that_are_pipes_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    for read in (lambda path: list(rows_of(path)), json_of, lambda path: ids_in(str(path))):
        with pytest.raises(UsageError, match=r"list\.csv is a named pipe, socket or device; copy it to a regular file"):
            read(tmp_path / "list.csv")
