"""The quarantine of a workspace as text: per stage and reason the count, items with their messages, and advice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from data_contracts import Quarantine
from data_contracts.quantities import counted
from tasks.config import PipelineConfig
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, find_step
from tasks.steps import require_quarantine

# What a person can do about a reason; other reasons are explained by their message alone.
ADVICE: Final = {
    "missing_file": "put the files where the list names them, or set the corpus's media folder",
    "not_a_file": "copy its content to a regular file; pipes, sockets and devices are not opened",
    "empty_file": "copy the files again",
    "truncated": "copy the files again; the download or the copy stopped early",
    "not_audio": "give audio files, or take the rows out of the list",
    "points_to_files": "give the files that the playlist names",
    "silent": "nothing can be heard in them: look at the recordings, or leave the rows out",
    "too_short": "lower ingest.min_s, or leave them out",
    "split_conflict": "give each group one split in the list",
    "crashed_worker": "the file crashes what reads it, or needs more memory than there is: look at it, or leave it out",
    "tool_failed": "see the program's message; a run with augment.backend=fast needs no programs",
    "effect_missing": "the recording does not take this change; the caption's other levels are kept",
    "invalid_caption": "correct the captions in the list; docs/corpora.md has the rules",
    "clipped": "the recording is too loud at its source; give one with headroom",
}


def quarantine_text(workspace: Workspace, stage: str | None = None, *, most: int = 10) -> str:
    """Returns the lines for a terminal, at most `most` items per reason.

    Raises UsageError for a stage that is unknown or has no quarantine.
    """
    if stage is not None and find_step(stage).single:
        require_quarantine(find_step(stage).make(PipelineConfig()))
    rows = [row for row in read_quarantine(workspace) if stage in (None, row.stage)]
    groups: dict[tuple[str, str], list[Quarantine]] = defaultdict(list)
    for row in rows:
        groups[row.stage, row.reason].append(row)
    order = {step.name: number for number, step in enumerate(STEPS)}
    blocks = [
        _block(name, reason, groups[name, reason], most)
        for name, reason in sorted(groups, key=lambda key: (order.get(key[0], len(order)), key))
    ]
    where = f"{workspace.root}{f' {stage}' if stage else ''}"
    total = f"{where}: {counted(len(rows), 'item')} in quarantine"
    again = [f"again: foleygenex retry-quarantine {workspace.root} {stage or 'STAGE'}"] if rows else []
    return "\n\n".join([total, *blocks, *again])


def _block(stage: str, reason: str, rows: Sequence[Quarantine], most: int) -> str:
    advice = ADVICE.get(reason)
    lines = [f"{stage}: {counted(len(rows), 'item')} {reason}{f' ({advice})' if advice else ''}"]
    lines += [f"  {_printable(row.item_id)}  {_printable(row.message)}" for row in rows[:most]]
    if len(rows) > most:
        lines.append(f"  and {len(rows) - most:,} more in {stage}/quarantine.parquet (--most {len(rows)})")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """Returns untrusted text without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)
