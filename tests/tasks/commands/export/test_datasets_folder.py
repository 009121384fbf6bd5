"""The folder opens in Hugging Face `datasets`, with its splits, types and the manifest's bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import yaml

from tasks.commands.export.datasets_folder import export_datasets
from tasks.commands.export.rows import Selection
from tasks.engine.workspace import Workspace
from tests.tasks.commands.export.conftest import manifest


def test_a_datasets_folder_opens_with_its_splits_and_types(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_datasets(workspace, out, Selection(), shard_bytes=30_000)
    rows = manifest(workspace)
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {row.split for row in rows.values()}
    for split, part in loaded.items():
        assert isinstance(part.features["audio"], datasets.Audio)
        plain = part.cast_column("audio", datasets.Audio(decode=False)).cast_column(
            "video", datasets.Video(decode=False)
        )
        for sample in plain:
            row = rows.pop(sample["item_id"])
            assert (sample["caption"], tuple(sample["paraphrases"]), split) == (row.caption, row.paraphrases, row.split)
            assert hashlib.sha256(sample["audio"]["bytes"]).hexdigest() == row.audio_sha256
            assert (sample["video"] is not None) == bool(row.video_path)
    assert not rows


def test_file_names_say_their_place_among_the_splits_files(workspace: Workspace, tmp_path: Path) -> None:
    line = export_datasets(workspace, tmp_path / "o", Selection(), shard_bytes=30_000)
    names = sorted(path.name for path in (tmp_path / "o" / "data").iterdir())
    assert f"in {len(names)} Parquet files" in line
    for split in {name.partition("-")[0] for name in names}:
        mine = [name for name in names if name.startswith(f"{split}-")]
        assert mine == [f"{split}-{n:05d}-of-{len(mine):05d}.parquet" for n in range(len(mine))]


def test_the_front_matter_names_only_splits_that_are_there(workspace: Workspace, tmp_path: Path) -> None:
    export_datasets(workspace, tmp_path / "o", Selection(splits=("train",)), shard_bytes=10**9)
    front = yaml.safe_load((tmp_path / "o" / "README.md").read_text().split("---")[1])
    assert [files["split"] for files in front["configs"][0]["data_files"]] == ["train"]


def test_the_schema_of_every_file_has_the_librarys_feature_types(workspace: Workspace, tmp_path: Path) -> None:
    export_datasets(workspace, tmp_path / "o", Selection(), shard_bytes=30_000)
    schemas = [pq.read_schema(path) for path in (tmp_path / "o" / "data").iterdir()]
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    features = json.loads(schemas[0].metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schemas[0].names and features["audio"] == {"_type": "Audio"}
