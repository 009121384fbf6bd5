"""VGGSound, AudioCaps, WavCaps and Clotho, as their downloaders leave them (SPEC D1-D3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tasks.corpus.config import CorpusConfig
from tasks.ingest.readers.files import array_entries, dicts_of, files_by_name, lists_in, rows_of, seconds
from tasks.ingest.recordings import SPLITS, Recording

_AUDIO_SUFFIXES: Final = (".flac", ".wav", ".mp3", ".ogg", ".m4a", ".opus")
_VIDEO_SUFFIXES: Final = (".mp4", ".webm", ".mkv")
_VGG_NAME: Final = re.compile(r"^(?P<id>.+)_(?P<start>\d{1,6})(?:\.mp4)?$", re.DOTALL)
_ID_COLUMNS: Final = ("id", "filename", "file", "youtube_id", "ytid", "video_id")
_LABEL_COLUMNS: Final = ("label", "desc", "caption")


def vggsound(corpus: CorpusConfig, path: Path, media: Path) -> Iterator[Recording]:
    """Yields one recording per video `{id}_{start:06d}.mp4`; the class label is the caption.

    Lists: `id,start,label,split` with or without a header, `file.mp4,label`, and `id<TAB>label`.
    """
    files = files_by_name(media)
    for listed in lists_in(path, (".csv", ".tsv")):
        for name, start, label, split in _vgg_rows(listed, corpus.encoding):
            whole = f"{name}_{start:06d}" if start is not None else name
            video, missing = _found(files, [f"{whole}{suffix}" for suffix in _VIDEO_SUFFIXES])
            yield Recording(
                item_id=whole, audio="", video=video, missing=missing, caption=label, group=f"youtube-{name}",
                split=SPLITS.get(split.lower(), split) or _stem_split(listed), licence=corpus.licence or "CC-BY-4.0",
                source_id=name,
            )  # fmt: skip


def audiocaps(corpus: CorpusConfig, path: Path, media: Path) -> Iterator[Recording]:
    """Yields one recording per caption of `audiocap_id,youtube_id,start_time,caption`; the file name is the split."""
    files = files_by_name(media)
    for listed in lists_in(path, (".csv", ".tsv")):
        for row in dicts_of(listed, ("audiocap_id", "youtube_id", "start_time", "caption"), corpus.encoding):
            youtube, start = row["youtube_id"].strip(), row["start_time"].strip()
            stems = [f"{youtube}_{start}", youtube, row["audiocap_id"].strip(), f"Y{youtube}"]
            if (whole := seconds(start)) is not None:
                stems += [f"{youtube}_{whole:06d}", f"{youtube}_{whole}_{whole + 10}"]
            audio, missing = _found(files, [f"{stem}{suffix}" for stem in stems for suffix in _AUDIO_SUFFIXES])
            yield Recording(
                item_id=row["audiocap_id"].strip(), audio=audio, video="", missing=missing, caption=row["caption"],
                group=f"youtube-{youtube}", split=row.get("split", "").strip() or _stem_split(listed),
                licence=corpus.licence or "unstated", portions=1, source_id=youtube,
            )  # fmt: skip


def wavcaps(corpus: CorpusConfig, path: Path, media: Path) -> Iterator[Recording]:
    """Yields one recording per entry of each source's JSON; the audio is `{id}.flac`, anywhere below the folder."""
    files = files_by_name(media)
    for listed in lists_in(path, (".json",)):
        for entry in array_entries(listed, "data", corpus.encoding):
            row = entry if isinstance(entry, dict) else {}
            name = str(row.get("id", "")).strip()
            stem = name.rsplit(".", 1)[0] if name.endswith((".wav", ".flac")) else name
            audio, missing = _found(files, [f"{stem}{suffix}" for suffix in _AUDIO_SUFFIXES])
            video_id = stem[1:] if len(stem) == 12 and stem.startswith("Y") else ""
            caption = row.get("caption")
            yield Recording(
                item_id=f"{listed.stem}-{stem}", audio=audio, video="", missing=missing,
                caption=caption if isinstance(caption, str) else "",
                group=f"youtube-{video_id}" if video_id else f"wavcaps-{listed.stem}-{stem}",
                split="", licence=corpus.licence or "unstated", filtered=True, source_id=stem,
            )  # fmt: skip


def clotho(corpus: CorpusConfig, path: Path, media: Path) -> Iterator[Recording]:
    """Yields one recording per caption of `file_name,caption_1,...,caption_5`; the file name is the split."""
    files = files_by_name(media)
    for listed in lists_in(path, (".csv",)):
        for row in dicts_of(listed, ("file_name", "caption_1"), corpus.encoding):
            name = row["file_name"].strip()
            audio, missing = _found(files, [name, f"{Path(name).stem}.flac"])
            for number in range(1, 6):
                if caption := row.get(f"caption_{number}", "").strip():
                    yield Recording(
                        item_id=f"{name}-{number}", audio=audio, video="", missing=missing, caption=caption,
                        group=f"clotho-{name}", split=_stem_split(listed), licence=corpus.licence or "unstated",
                        source_id=name,
                    )  # fmt: skip


def _vgg_rows(listed: Path, encoding: str) -> Iterator[tuple[str, int | None, str, str]]:
    """Yields (YouTube id, start or None, label, split)."""
    columns: list[str] | None = None
    for number, row in enumerate(rows_of(listed, encoding)):
        cells = [cell.strip() for cell in row]
        if number == 0 and cells[0].lower() in _ID_COLUMNS:
            columns = [cell.lower() for cell in cells]
            continue
        named = dict(zip(columns or _plain_columns(cells), cells, strict=False))
        name = next((named[c] for c in _ID_COLUMNS if c in named), "")
        label = next((named[c] for c in _LABEL_COLUMNS if c in named), "")
        start = seconds(named.get("start", named.get("start_seconds", "")))
        if start is None and (match := _VGG_NAME.match(name)):
            name, start = match["id"], int(match["start"])
        yield name, start, label, named.get("split", "")


def _plain_columns(cells: list[str]) -> list[str]:
    return ["id", "label"] if len(cells) == 2 else ["id", "start", "label", "split"]


def _stem_split(listed: Path) -> str:
    """Returns the split in a list's name: `test.csv`, `vgg-val.tsv`, `audiocaps_train.csv`."""
    words = re.split(r"[-_.]", listed.stem.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), "")


def _found(files: Mapping[str, str], names: list[str]) -> tuple[str, bool]:
    """Returns the path of the first of `names` that exists, else the first one, and whether it is missing."""
    found = next((files[name] for name in names if name in files), None)
    return (names[0], True) if found is None else (found, False)
