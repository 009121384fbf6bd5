"""A workspace with a manifest whose hashes are those of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import Augmented, Clip, ManifestRow, read_table, write_table
from data_contracts.files import hash_file
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
