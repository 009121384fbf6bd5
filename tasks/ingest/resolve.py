"""Resolves an item to a recording with files on this machine: a row of a list, or a scene of the built-in corpus."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from data_contracts import ItemError
from tasks.corpus.builtin import LICENCE, render
from tasks.corpus.config import RENDERED
from tasks.corpus.scene import Scene
from tasks.engine import Item
from tasks.ingest.config import IngestConfig
from tasks.ingest.readers.greatest_hits import Event
from tasks.ingest.readers.text_rules import require_valid
from tasks.ingest.recordings import clean_caption
from tasks.media.video import probe_video


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRecording:
    """A recording with its files and what is known of it. `name` is the corpus, `path` as its list writes it."""

    item_id: str
    name: str
    path: str
    audio: Path
    video: Path | None
    caption: str
    group: str
    split: str
    licence: str
    event_times_s: tuple[float, ...] | None
    split_stated: bool = True
    attributes: dict[str, Any] = field(default_factory=dict)
    portions: int | None = None  # at most this many
    events: tuple[Event, ...] = ()  # Greatest Hits: (seconds, material, action)


def resolve_row(item: Item, folder: Path, config: IngestConfig) -> ResolvedRecording:
    """Returns the recording of a list's row. Raises ItemError for what is wrong with the row, and a broken video."""
    row = item.payload
    _check_split(row["split"], row["group"])
    if row.get("filtered"):
        require_valid(row["caption"])
    caption = clean_caption(row["caption"])
    _check_paths(row)
    video = folder / row["video"] if row["video"] else None
    if video is not None:
        probe_video(video)  # a broken video is named as such, also where its audio track is the audio
    events = tuple((time, material, action) for time, material, action in row.get("events", ()))
    return ResolvedRecording(
        item_id=item.item_id,
        name=row.get("corpus") or Path(str(config.corpus.path)).stem,
        path=(row["audio"] or row["video"]) + (f"#{row['row']}" if row.get("row") is not None else ""),
        audio=folder / (row["audio"] or row["video"]),
        video=video,
        caption=caption,
        group=row["group"],
        split=row["split"],
        split_stated=row.get("split_stated", False),
        licence=row["licence"],
        event_times_s=tuple(event[0] for event in events) if events else None,
        portions=row.get("portions"),
        events=events,
    )


def resolve_scene(item: Item, folder: Path) -> ResolvedRecording:
    """Renders a scene of the built-in corpus into `folder` and returns it as a recording."""
    scene = Scene.from_dict(item.payload["scene"])
    rendered = render(scene, folder)
    return ResolvedRecording(
        item_id=item.item_id,
        name=RENDERED,
        path=scene.scene_id,
        audio=rendered.audio_path,
        video=rendered.video_path,
        caption=rendered.caption,
        group=rendered.group_id,
        split=rendered.split,
        licence=LICENCE,
        event_times_s=rendered.event_times_s,
        attributes=rendered.attributes,
    )


def _check_split(split: str, group: str) -> None:
    """Raises ItemError unless the recording has one known split."""
    if split == "held_out":
        raise ItemError("held_out", f"recording {group!r} is in a test set; it is not trained on (SPEC D5)")
    if split == "conflict":
        raise ItemError("split_conflict", f"the table puts group {group!r} in two splits; choose one")
    if split not in ("train", "val", "test"):
        raise ItemError("invalid_split", f"split {split!r} is not one of train, val, test")


def _check_paths(row: dict[str, Any]) -> None:
    """Raises ItemError unless a row names a file, and of a corpus only files inside its folder."""
    if not row["audio"] and not row["video"]:
        raise ItemError("missing_file", "the row names neither audio nor video")
    for name in filter(None, (row["audio"], row["video"])):
        path = PurePosixPath(name)
        if row.get("corpus") and (path.is_absolute() or ".." in path.parts or "\0" in name):
            raise ItemError("missing_file", f"{name[:80]!r} is not inside the corpus folder")
