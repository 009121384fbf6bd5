"""Export as WebDataset tars: `KEY.flac`, `KEY.txt` (caption), `KEY.json` (everything else), `KEY.mp4` with a video.

The same manifest gives the same bytes: members have neither time nor owner, and are in the manifest's order.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from data_contracts.files import atomic_path, hash_file
from tasks.commands.export.rows import (
    Sample,
    Selection,
    description,
    empty_folder,
    read_checked,
    selected,
    shards,
)
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace, write_json
from tasks.manifest.card import dataset_card


def export_webdataset(
    workspace: Workspace, out: Path, selection: Selection, *, shard_bytes: int, on_progress: OnProgress = silent
) -> str:
    """Writes `SPLIT-000000.tar`, ..., `index.json` (rows and SHA-256 per shard) and the dataset card.

    Returns the line that the command prints. Raises UsageError for a folder that is not empty or an empty selection.
    """
    samples = selected(workspace, selection)
    empty_folder(out)
    index = []
    done = 0
    for split, number, part in shards(samples, shard_bytes):
        path = out / f"{split}-{number:06d}.tar"
        with atomic_path(path) as temporary:
            _write_tar(temporary, part)
        index.append({"file": path.name, "split": split, "rows": len(part), "sha256": hash_file(path)})
        done += len(part)
        on_progress(done, len(samples), "")
    (out / "README.md").write_text(dataset_card(workspace, [sample.row for sample in samples]), "utf-8")
    write_json(out / "index.json", {"format": "webdataset", "rows": len(samples), "shards": index})
    return f"{out}: {len(samples):,} rows in {len(index)} tars"


def _write_tar(path: Path, samples: Sequence[Sample]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            _add(tar, f"{sample.key}.flac", read_checked(sample))
            _add(
                tar, f"{sample.key}.json", json.dumps(description(sample), ensure_ascii=False, sort_keys=True).encode()
            )
            if sample.video is not None:
                _add(tar, f"{sample.key}{sample.video.suffix.lower()}", sample.video.read_bytes())
            _add(tar, f"{sample.key}.txt", sample.row.caption.encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    tar.addfile(member, io.BytesIO(content))
