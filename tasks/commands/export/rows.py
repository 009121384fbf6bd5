"""Which manifest rows an export contains, and what it says about each. Files are checked by their hash."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data_contracts import ContractError, ManifestRow, UsageError, iter_table
from data_contracts.files import hash_file
from tasks.engine.workspace import Workspace, safe_name

SPLITS: Final = ("train", "val", "test")
SUBSETS: Final = ("vta", "tta", "aa")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_~-]{0,119}")
_KEY_LIMIT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows to export. Empty means all; `licences` are compared with the manifest's text as it is."""

    splits: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, given, known in (("split", self.splits, SPLITS), ("subset", self.subsets, SUBSETS)):
            if wrong := [value for value in given if value not in known]:
                raise UsageError(f"{name} {wrong[0]!r} is unknown; choose from {', '.join(known)}")

    def takes(self, row: ManifestRow) -> bool:
        """Whether a row is exported."""
        return (
            (not self.splits or row.split in self.splits)
            and (not self.subsets or row.subset in self.subsets)
            and (not self.licences or row.licence in self.licences)
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One row with its files. `key` is safe as a file name and has no dot: WebDataset splits names at the first."""

    key: str
    row: ManifestRow
    audio: Path
    video: Path | None

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return self.audio.stat().st_size + (self.video.stat().st_size if self.video else 0)


def selected(workspace: Workspace, selection: Selection) -> list[Sample]:
    """Returns the samples in manifest order. Raises UsageError when none matches, ContractError for a missing file."""
    rows = iter_table(workspace.table("manifest", "manifest"), ManifestRow)
    samples = [_sample(workspace, row) for row in rows if selection.takes(row)]
    if not samples:
        raise UsageError("no manifest row matches the selection; leave out --split, --subset or --licence")
    return samples


def read_checked(sample: Sample) -> bytes:
    """Returns the audio file's bytes. Raises ContractError when they are not what the manifest says."""
    if hash_file(sample.audio) != sample.row.audio_sha256:
        raise ContractError(
            f"{sample.row.audio_path} is damaged (its hash is not the manifest's); "
            f"`foleygenex regenerate WORKSPACE {sample.row.item_id}` restores it"
        )
    return sample.audio.read_bytes()


def description(sample: Sample) -> dict[str, Any]:
    """Returns the manifest row without its paths, as plain JSON values; attributes, recipe and lineage are objects."""
    values = sample.row.to_dict()
    for name in ("attributes", "recipe", "lineage"):
        values[name] = json.loads(values.pop(f"{name}_json"))
    return {name: value for name, value in values.items() if name not in ("audio_path", "video_path")}


def shards(samples: Sequence[Sample], limit_bytes: int) -> Iterator[tuple[str, int, list[Sample]]]:
    """Yields (split, number, samples): shards of one split, at most `limit_bytes` large unless one sample is larger."""
    for split in SPLITS:
        part = (sample for sample in samples if sample.row.split == split)
        yield from ((split, number, shard) for number, shard in enumerate(_cut(part, limit_bytes)))


def empty_folder(out: Path) -> Path:
    """Returns (and makes) the folder. Raises UsageError when it is not empty, so that two exports never mix."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder; name a new one")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _sample(workspace: Workspace, row: ManifestRow) -> Sample:
    audio = workspace.path(row.audio_path)
    video = workspace.path(row.video_path) if row.video_path else None
    for path in (audio, video):
        if path is not None and not path.is_file():
            raise ContractError(f"{workspace.relative(path)} is missing; `foleygenex regenerate` restores it")
    key = row.item_id if _PLAIN_KEY.fullmatch(row.item_id) else safe_name(row.item_id + "\0", limit=_KEY_LIMIT)
    return Sample(key.replace(".", "_"), row, audio, video)


def _cut(samples: Iterable[Sample], limit_bytes: int) -> Iterator[list[Sample]]:
    shard: list[Sample] = []
    total = 0
    for sample in samples:
        if shard and total + sample.size > limit_bytes:
            yield shard
            shard, total = [], 0
        shard.append(sample)
        total += sample.size
    if shard:
        yield shard
