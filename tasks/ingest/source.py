"""One recording to be cut, wherever it came from: a row of a list, or a scene of the built-in corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from data_contracts import ItemError
from tasks.corpus.builtin import LICENCE, render
from tasks.corpus.scene import Scene
from tasks.engine import Item
from tasks.ingest.config import IngestConfig
from tasks.ingest.readers.greatest_hits import Event
from tasks.ingest.readers.text_rules import require_valid
from tasks.ingest.recordings import clean_caption
from tasks.media.video import probe_video


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One recording, wherever it came from: files that exist on this machine, and what is known of them."""

    item_id: str
    name: str  # the corpus: its licence and paths are to be read in its terms
    path: str
    audio: Path
    video: Path | None
    caption: str
    group: str
    split: str
    licence: str
    event_times_s: tuple[float, ...] | None
    attributes: dict[str, Any]
    portions: int | None = None  # at most this many
    events: tuple[Event, ...] = ()  # Greatest Hits: (seconds, material, action)


def source_of_row(item: Item, folder: Path, config: IngestConfig) -> Source:
    """Returns the recording of a list's row. Raises ItemError for what is wrong with the row, and a broken video."""
    row = item.payload
    if row["split"] == "held_out":
        raise ItemError("held_out", f"recording {row['group']!r} is in a test set; it is not trained on (SPEC D5)")
    if row["split"] not in ("train", "val", "test"):
        raise ItemError(*_split_problem(row["split"], row["group"]))
    if row.get("filtered"):
        require_valid(row["caption"])
    caption = clean_caption(row["caption"])
    if not row["audio"] and not row["video"]:
        raise ItemError("missing_file", "the row names neither audio nor video")
    for name in filter(None, (row["audio"], row["video"])):
        if row.get("corpus") and not _inside(name):
            raise ItemError("missing_file", f"{name[:80]!r} does not stay in the corpus folder")
    video = folder / row["video"] if row["video"] else None
    if video is not None:
        probe_video(video)  # a broken video is named as such, also where its sound track is the audio
    return Source(
        item_id=item.item_id,
        name=row.get("corpus") or Path(str(config.corpus.path)).stem,
        path=(row["audio"] or row["video"]) + (f"#{row['row']}" if row.get("row") is not None else ""),
        audio=folder / (row["audio"] or row["video"]),
        video=video,
        caption=caption,
        group=row["group"],
        split=row["split"],
        licence=row["licence"],
        event_times_s=tuple(event[0] for event in row["events"]) if row.get("events") else None,
        attributes={},
        portions=row.get("portions"),
        events=tuple((time, material, action) for time, material, action in row.get("events", ())),
    )


def source_of_scene(item: Item, folder: Path) -> Source:
    """Renders a scene of the built-in corpus into `folder` and returns it as a recording."""
    scene = Scene.from_dict(item.payload["scene"])
    rendered = render(scene, folder)
    return Source(
        item_id=item.item_id,
        name="builtin",
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


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _split_problem(split: str, group: str) -> tuple[str, str]:
    if split == "conflict":
        return "split_conflict", f"the table puts group {group!r} on more than one side of the split; choose one"
    return "invalid_split", f"split {split!r} is not one of train, val, test"
