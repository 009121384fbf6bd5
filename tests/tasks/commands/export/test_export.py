"""Exports open in the tools they are for, hold the manifest's bytes, and let no name or caption out of its place."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import datasets
import pytest
import webdataset
from typer.testing import CliRunner

from data_contracts import Augmented, Clip, ContractError, ManifestRow, UsageError, read_table, write_table
from data_contracts.files import hash_file
from flows.cli import app
from tasks.commands.export.datasets_folder import export_datasets
from tasks.commands.export.rows import Selection
from tasks.commands.export.webdataset import export_webdataset
from tasks.engine.workspace import Workspace
from tests.tasks.commands.verify.build import verified
from tests.tasks.manifest.build import run

HOSTILE = 'A dog | <script>alert(1)</script>\n---\n../../x "barks"'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A manifest whose hashes are those of its files."""
    found = verified(tmp_path / "w", per_side=2, caption=HOSTILE, sounds=True)
    (found.root / "ingest" / "video").mkdir()
    found.path("ingest/video/with-video.mp4").write_bytes(b"video")
    for table, row_type in ((("ingest", "clips"), Clip), (("augment", "augmented"), Augmented)):
        path = found.table(*table)
        rows = [
            row_type(**{**row.__dict__, "audio_sha256": hash_file(found.path(row.audio_path))})
            for row in read_table(path, row_type)
        ]
        write_table(path, row_type, rows)
    run(found)
    return found


def manifest(workspace: Workspace) -> dict[str, ManifestRow]:
    return {row.item_id: row for row in read_table(workspace.table("manifest", "manifest"), ManifestRow)}


def test_webdataset_opens_and_holds_the_manifest(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = export_webdataset(workspace, out, Selection(), shard_bytes=30_000)
    rows = manifest(workspace)
    index = json.loads((out / "index.json").read_text())
    assert index["rows"] == len(rows) and f"{len(rows)} rows" in line and len(index["shards"]) > 2
    seen = {}
    for shard in index["shards"]:
        assert hash_file(out / shard["file"]) == shard["sha256"] and shard["file"].startswith(shard["split"])
        for sample in webdataset.WebDataset(str(out / shard["file"]), shardshuffle=False):
            known = json.loads(sample["json"])
            row = rows[known["item_id"]]
            assert row.split == shard["split"] and sample["txt"].decode() == row.caption == known["caption"]
            assert hashlib.sha256(sample["flac"]).hexdigest() == row.audio_sha256
            assert ("mp4" in sample) == bool(row.video_path) and known["lineage"] == json.loads(row.lineage_json)
            seen[row.item_id] = sample["__key__"]
    assert seen.keys() == rows.keys() and len(set(seen.values())) == len(rows)


def test_the_same_manifest_gives_the_same_tars(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_webdataset(workspace, tmp_path / name, Selection(), shard_bytes=10**9)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


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


def test_a_selection_by_split_subset_and_licence(workspace: Workspace, tmp_path: Path) -> None:
    for number, (selection, expected) in enumerate(
        [(Selection(subsets=("aa",)), 20), (Selection(splits=("test",)), 1), (Selection(licences=("CC0-1.0",)), 29)]
    ):
        assert f"{expected} rows" in export_webdataset(workspace, tmp_path / str(number), selection, shard_bytes=10**9)
    with pytest.raises(UsageError, match="no manifest row matches"):
        export_webdataset(workspace, tmp_path / "none", Selection(licences=("GPL",)), shard_bytes=10**9)
    with pytest.raises(UsageError, match="subset 'AA' is unknown"):
        Selection(subsets=("AA",))


def test_hostile_captions_and_ids_stay_in_their_place(workspace: Workspace, tmp_path: Path) -> None:
    path = workspace.table("manifest", "manifest")
    rows = read_table(path, ManifestRow)
    ids = ["../../evil", "/etc/passwd", "a.b.c", "-x", "con\nrol", "é" * 200]
    changed = [ManifestRow(**{**row.__dict__, "item_id": name}) for row, name in zip(rows, ids, strict=False)]
    write_table(path, ManifestRow, [*changed, *rows[len(ids) :]])
    out = tmp_path / "deep" / "out"
    export_webdataset(workspace, out, Selection(), shard_bytes=10**9)
    keys = set()
    for tar_path in out.glob("*.tar"):
        with tarfile.open(tar_path) as tar:
            for name in tar.getnames():
                assert "/" not in name and "\n" not in name and not name.startswith(("-", ".")) and name.count(".") == 1
                keys.add(name.split(".")[0])
    assert len(keys) == len(rows)
    card = (out / "README.md").read_text()
    assert "<script>" not in card and "\n---\n../" not in card
    export_datasets(workspace, tmp_path / "hf", Selection(), shard_bytes=10**9)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "hf", "w"]


def test_damage_and_a_folder_in_use_are_named(workspace: Workspace, tmp_path: Path) -> None:
    row = next(iter(manifest(workspace).values()))
    sound = workspace.path(row.audio_path)
    sound.write_bytes(sound.read_bytes() + b"x")
    with pytest.raises(ContractError, match=rf"damaged.*regenerate WORKSPACE {row.item_id}"):
        export_webdataset(workspace, tmp_path / "a", Selection(), shard_bytes=10**9)
    assert not (tmp_path / "a" / "index.json").exists() and not list((tmp_path / "a").glob(".tmp*"))
    sound.unlink()
    with pytest.raises(ContractError, match="missing"):
        export_datasets(workspace, tmp_path / "b", Selection(), shard_bytes=10**9)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    sound.write_bytes(b"")
    with pytest.raises(UsageError, match="not an empty folder"):
        export_webdataset(workspace, tmp_path / "used", Selection(splits=("train",)), shard_bytes=10**9)
    assert (tmp_path / "used" / "note.txt").read_text() == "mine"


def test_the_command(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.root / "config.yaml").write_text("{}")
    arguments = ["export", "webdataset", str(workspace.root), str(tmp_path / "o"), "--subset", "aa"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "20 rows in 1 tars" in result.output
