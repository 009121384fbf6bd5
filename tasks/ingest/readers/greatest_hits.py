"""Greatest Hits: videos of a stick that hits and scratches, with the time, material and action of each (SPEC D5).

All of it is test data. With another `split` set, the videos of `*video_test.json` beside the list stay test data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.corpus.config import CorpusConfig
from tasks.ingest.readers.files import dicts_of, files_by_name, json_of
from tasks.ingest.recordings import Recording

Event = tuple[float, str, str]
_VERBS = {"hit": "hitting", "scratch": "scratching"}


def greatest_hits(corpus: CorpusConfig, path: Path, media: Path) -> Iterator[Recording]:
    """Yields a recording per row of V-AURA's CSV (2 s files), or per `*_times.txt` of the original (whole videos)."""
    files = files_by_name(media)
    test_videos = _test_videos(path)
    for name, events in _csv_rows(path, corpus.encoding) if path.is_file() else _times_files(path):
        original = name.split("_denoised", maxsplit=1)[0]
        yield Recording(
            item_id=name.removesuffix(".mp4"), audio="", video=files.get(name, name), missing=name not in files,
            caption=caption_of(events), group=f"greatest_hits-{original}",
            split="test" if corpus.split == "official" or original in test_videos else "",
            licence=corpus.licence or "unstated",
            events=tuple(events), source_id=original,
        )  # fmt: skip


def caption_of(events: Sequence[Event]) -> str:
    """Returns a caption with the most frequent action and its material; empty without events."""
    if not events:
        return ""
    action, _ = Counter(action for _, _, action in events if action).most_common(1)[0] if events else ("", 0)
    materials = Counter(material for _, material, act in events if act == action and material not in ("", "None"))
    material = materials.most_common(1)[0][0].replace("-", " ") if materials else "a surface"
    return f"A wooden stick {_VERBS.get(action, 'touching')} {material}"


def _csv_rows(path: Path, encoding: str) -> Iterator[tuple[str, list[Event]]]:
    """Yields (file name, events). The file begins at `start_time`, so its events are relative to that."""
    needed = ("filename", "start_time", "occurring_time", "material", "action_type")
    for row in dicts_of(path, needed, encoding):
        start, time = _number(row["start_time"]), _number(row["occurring_time"])
        known = start is not None and time is not None
        moved = round(time - start, 6) if start is not None and time is not None else 0.0
        yield row["filename"].strip(), [(moved, row["material"].strip(), row["action_type"].strip())] if known else []


def _times_files(path: Path) -> Iterator[tuple[str, list[Event]]]:
    for listed in sorted(path.rglob("*_times.txt")):
        events: list[Event] = []
        for line in listed.read_text("utf-8", errors="replace").splitlines():
            cells = line.split()
            if len(cells) >= 3 and (time := _number(cells[0])) is not None:
                events.append((time, cells[1], cells[2]))
        yield f"{listed.name.removesuffix('_times.txt')}_denoised.mp4", events


def _test_videos(path: Path) -> frozenset[str]:
    folder = path.parent if path.is_file() else path
    lists = [json_of(found) for found in sorted(folder.glob("*video_test.json"))]
    return frozenset(str(name) for names in lists if isinstance(names, list) for name in names)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e6 else None
