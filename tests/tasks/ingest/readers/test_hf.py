"""A folder that `datasets` wrote: bytes in the shards or files by name, each shard opened once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest

from data_contracts import ItemError, UsageError
from tasks.corpus.config import CorpusConfig
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.ingest import stage
from tasks.ingest.config import IngestConfig
from tasks.ingest.readers import hf
from tasks.ingest.readers.hf import OpenShard
from tasks.ingest.stage import IngestStage
from tests.tasks.ingest.corpora import listing, run_corpora
from tests.tasks.sounds import tone, write_wav


@pytest.mark.parametrize("embedded", [True, False])
def test_a_datasets_folder(tmp_path: Path, embedded: bool) -> None:
    sound = write_wav(tmp_path / "d" / "s.wav", tone(2))
    audio = [{"bytes": sound.read_bytes() if embedded else None, "path": "s.wav"}] * 2
    table = pa.table({"audio": audio, "caption": ["One tone", "Two tones"]})
    datasets.DatasetDict({"test": datasets.Dataset(table)}).save_to_disk(str(tmp_path / "h"))
    clips, reasons, _ = run_corpora(
        tmp_path / "w", {"kind": "hf", "path": str(tmp_path / "h"), "media": str(tmp_path / "d")}
    )
    assert not reasons and sorted(c.caption for c in clips.values()) == ["One tone", "Two tones"]
    assert {c.split for c in clips.values()} == {"test"} and all(c.duration_s == 2 for c in clips.values())


def test_an_arrow_shard_is_opened_once_per_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing opens each once; a worker opens a shard once for all of its records, not once for each."""
    sound = write_wav(tmp_path / "s.wav", tone(1)).read_bytes()
    table = pa.table({"audio": [{"bytes": sound, "path": None}] * 30, "caption": [f"Tone {n}" for n in range(30)]})
    datasets.Dataset(table).save_to_disk(str(tmp_path / "h"), num_shards=3)
    opened: list[str] = []
    looked_at: list[str] = []
    monkeypatch.setattr(hf, "_open", lambda path, plain=hf._open: opened.append(path.name) or plain(path))
    monkeypatch.setattr(stage, "file_identity", lambda path: looked_at.append(path.name) or "same")
    ingest = IngestStage(IngestConfig(corpus=CorpusConfig(kind="hf", path=str(tmp_path / "h"))), "1")
    assert run_stage(ingest, Workspace(tmp_path / "w"), shard_size=12).rows == 30
    names = sorted(set(opened))
    assert len(names) == 3 and sorted(looked_at) == names
    listing, work = opened[:3], opened[3:]
    assert sorted(listing) == names and work == [names[n] for n in (0, 1, 1, 2, 2)]  # of 12, 12 and 6 records


def saved(folder: Path, columns: dict[str, Any]) -> dict[str, Any]:
    """Writes a dataset and returns its corpus."""
    datasets.Dataset(pa.table(columns)).save_to_disk(str(folder / "h"))
    (folder / "m").mkdir(exist_ok=True)
    return {"kind": "hf", "path": str(folder / "h"), "media": str(folder / "m")}


def test_files_by_name_are_looked_up_and_missing_ones_are_said(tmp_path: Path) -> None:
    names = ["deep/a.wav", "C:\\x\\b.wav", "gone.wav", None]
    corpus = saved(tmp_path, {"audio": names, "text": ["One", "Two", "Three", "Four"]})
    write_wav(tmp_path / "m" / "sub" / "a.wav", tone(1))
    write_wav(tmp_path / "m" / "b.wav", tone(1))
    found = list(listing(corpus).recordings)
    assert [(r.audio, r.missing) for r in found] == [
        ("sub/a.wav", False), ("b.wav", False), ("gone.wav", True), ("unnamed", True),
    ]  # fmt: skip
    assert [r.caption for r in found] == ["One", "Two", "Three", "Four"]


def test_columns_that_a_dataset_has_are_kept(tmp_path: Path) -> None:
    columns = {
        "audio": ["a.wav", "b.wav"],
        "label": ["A dog", "A cat"],
        "id": ["x", None],
        "group": ["g", None],
        "licence": ["CC0-1.0", ""],
        "split": ["Validation", "test"],
    }
    first, second = listing(saved(tmp_path, columns)).recordings
    assert (first.item_id, first.group, first.licence, first.split) == ("hf.x", "hf-g", "CC0-1.0", "val")
    assert (second.group, second.licence, second.split) == ("hf-b.wav", "unstated", "test")


@pytest.mark.parametrize("columns", [{"audio": ["a.wav"]}, {"caption": ["A dog"]}])
def test_a_dataset_without_a_needed_column_is_refused_with_those_it_has(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=rf"needs columns audio and caption; it has \['{next(iter(columns))}'\]"):
        listing(saved(tmp_path, columns))


def test_a_folder_with_missing_or_damaged_shards_is_refused(tmp_path: Path) -> None:
    corpus = saved(tmp_path, {"audio": ["a.wav"], "caption": ["A dog"]})
    (shard,) = (tmp_path / "h").glob("*.arrow")
    shard.write_bytes(b"no arrow")
    with pytest.raises(UsageError, match="is not a readable Arrow stream"):
        listing(corpus)
    shard.unlink()
    with pytest.raises(UsageError, match=r"shard .* is missing \(1 of 1 are\)"):
        listing(corpus)
    (tmp_path / "h" / "state.json").unlink()
    with pytest.raises(UsageError, match=r"no state\.json"):
        listing(corpus)


def test_a_record_without_audio_is_that_records_error(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "s.wav", tone(1)).read_bytes()
    saved(tmp_path, {"audio": [{"bytes": sound, "path": None}, {"bytes": None, "path": "x"}], "caption": ["A", "B"]})
    (shard,) = (tmp_path / "h").glob("*.arrow")
    opened = OpenShard()
    assert opened.record_bytes(shard, 0) == sound
    for row, words in ((1, "record 1 has no audio"), (2, "has 2 records; record 2 was asked for"), (-1, "record -1")):
        with pytest.raises(ItemError, match=words) as caught:
            opened.record_bytes(shard, row)
        assert caught.value.reason == "missing_file"


@pytest.mark.parametrize(
    ("name", "cells"), [("caption", [3]), ("caption", [{"text": "A tone"}]), ("audio", [b"RIFF"]), ("audio", [[1.0]])]
)
def test_a_column_that_cannot_be_used_is_refused_by_its_name(tmp_path: Path, name: str, cells: list[object]) -> None:
    columns = {"audio": ["a.wav"], "caption": ["A tone"], name: cells}
    with pytest.raises(UsageError, match=rf"column '{name}' has cells of type .*; expected text"):
        list(listing(saved(tmp_path, columns)).recordings)


def test_several_captions_of_a_record_are_items_of_one_group(tmp_path: Path) -> None:
    columns = {"audio": ["a.wav", "b.wav"], "caption": [["A tone", "A beep"], ["A hum"]], "id": ["x", "y"]}
    found = list(listing(saved(tmp_path, columns)).recordings)
    assert [r.caption for r in found] == ["A tone", "A beep", "A hum"]
    assert [r.item_id for r in found] == ["hf.x-1", "hf.x-2", "hf.y"] and found[0].group == found[1].group
