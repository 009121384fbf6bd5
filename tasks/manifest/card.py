"""The dataset card: what the manifest contains, under which licences, and what was left out and why."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from data_contracts import ManifestRow, Quarantine, read_table
from data_contracts.files import atomic_path
from data_contracts.quantities import counted, duration_text
from data_contracts.stages import stages_through
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace, hash_text, read_json

CARD: Final = "card.md"
STAGES: Final = stages_through("manifest")
_SUBSETS: Final = {"vta": "video to audio", "tta": "text to audio", "aa": "adverb-augmented"}
_SPLITS: Final = ("train", "val", "test")
_EXAMPLES: Final = 3
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPES: Final = str.maketrans(_ENTITIES | {character: f"\\{character}" for character in "\\`*_{}[]()#+!|~-"})
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def write_dataset_card(workspace: Workspace) -> Path:
    """Writes `manifest/card.md` from the manifest and the quarantine; returns its path."""
    rows = read_table(workspace.table("manifest", "manifest"), ManifestRow)
    path = workspace.stage("manifest") / CARD
    with atomic_path(path) as temporary:
        temporary.write_text(dataset_card(workspace, rows), "utf-8")
    return path


def dataset_card(workspace: Workspace, rows: Sequence[ManifestRow]) -> str:
    """Returns the card of these rows of a manifest. Captions and ids are escaped, as they come from outside."""
    clips = len({row.clip_id for row in rows})
    parts = [
        "# Dataset card",
        f"{counted(len(rows), 'row')}, {_duration(rows)} of audio, from {counted(clips, 'clip')}.",
        "## Rows and durations per subset and split",
        _size_table(rows),
        "## Sources and licences",
        _source_table(rows),
        "## Augmented rows per level",
        _count_table("Level", Counter(row.level or "" for row in rows if row.subset == "aa")),
        "## Who wrote the captions",
        _count_table("Source", Counter(row.caption_source for row in rows)),
        "## Left out",
        _quarantine_table(workspace, [row for row in read_quarantine(workspace) if row.stage in STAGES]),
        "## Examples",
        _examples(rows),
    ]
    return "\n\n".join(parts) + "\n"


def escape_markdown(text: str) -> str:
    """Returns untrusted text as one line that Markdown and HTML show as it is, without links.

    Control characters and those that change the direction of writing are left out: terminals and browsers act on them.
    """
    line = " ".join(text.split())
    line = "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cs") and c not in _DIRECTIONS)
    return line.translate(_ESCAPES).replace("://", ":&#47;&#47;").replace("www.", "www&#46;")


def _size_table(rows: Sequence[ManifestRow]) -> str:
    lines = []
    for subset, meaning in _SUBSETS.items():
        cells = [f"{subset} ({meaning})"]
        for split in _SPLITS:
            part = [row for row in rows if (row.subset, row.split) == (subset, split)]
            cells.append(f"{len(part)} ({_duration(part)})")
        lines.append(cells)
    return _table(("Subset", *_SPLITS), lines)


def _source_table(rows: Sequence[ManifestRow]) -> str:
    parts: dict[tuple[str, str], list[ManifestRow]] = {}
    for row in rows:
        source = json.loads(row.lineage_json).get("source", {}).get("corpus", "unknown")
        parts.setdefault((source, row.licence), []).append(row)
    lines = [
        (escape_markdown(source), escape_markdown(licence), str(len(part)), _duration(part))
        for (source, licence), part in sorted(parts.items())
    ]
    return _table(("Source", "Licence", "Rows", "Duration"), lines)


def _count_table(name: str, counts: Counter[str]) -> str:
    if not counts:
        return "None."
    return _table((name, "Rows"), [(escape_markdown(key), str(n)) for key, n in sorted(counts.items())])


def _quarantine_table(workspace: Workspace, failures: Sequence[Quarantine]) -> str:
    if not failures:
        return "Nothing: no item was quarantined."
    counts = Counter((failure.stage, failure.reason) for failure in failures)
    lines = []
    for (stage, reason), count in sorted(counts.items()):
        items = _item_count(workspace, stage)
        rate = f"{count / items:.1%} of {items}" if items else "unknown"
        lines.append((escape_markdown(stage), escape_markdown(reason), str(count), rate))
    return _table(("Stage", "Reason", "Items", "Share"), lines)


def _item_count(workspace: Workspace, stage: str) -> int:
    marker = workspace.path(stage, "stage.json")
    if not marker.exists():
        return 0
    summary: dict[str, Any] = read_json(marker)["summary"]
    return int(summary["done"]) + int(summary["quarantined"])


def _examples(rows: Sequence[ManifestRow]) -> str:
    lines = []
    for subset in _SUBSETS:
        part = sorted((row for row in rows if row.subset == subset), key=lambda row: hash_text("card", row.item_id))
        lines += [
            (subset, escape_markdown(row.item_id), escape_markdown(row.caption), row.level or "")
            for row in part[:_EXAMPLES]
        ]
    return _table(("Subset", "Id", "Caption", "Level"), lines)


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    rows = [head, tuple("---" for _ in head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _duration(rows: Iterable[ManifestRow]) -> str:
    return duration_text(sum(row.duration_s for row in rows))
