"""WebDataset tars open in WebDataset, contain the manifest's bytes, and are the same each time."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import webdataset

from data_contracts.files import hash_file
from tasks.commands.export.rows import Selection
from tasks.commands.export.webdataset import export_webdataset
from tasks.engine.workspace import Workspace
from tests.tasks.commands.export.conftest import manifest


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


def test_members_have_neither_time_nor_owner_and_progress_ends_at_all(workspace: Workspace, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export_webdataset(
        workspace, tmp_path / "o", Selection(), shard_bytes=30_000, on_progress=lambda *now: seen.append(now[:2])
    )
    total = len(manifest(workspace))
    assert seen == sorted(seen) and seen[-1] == (total, total)
    for path in (tmp_path / "o").glob("*.tar"):
        with tarfile.open(path) as tar:
            assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in tar.getmembers()} == {(0, 0, 0, "", "")}


def test_shards_stay_within_their_size(workspace: Workspace, tmp_path: Path) -> None:
    for limit in (20_000, 60_000):
        out = tmp_path / str(limit)
        export_webdataset(workspace, out, Selection(), shard_bytes=limit)
        for path in out.glob("*.tar"):
            with tarfile.open(path) as tar:
                media = [m.size for m in tar.getmembers() if m.name.endswith((".flac", ".mp4"))]
            assert sum(media) <= limit or len(media) == 1
