"""The page's names for what the command line calls options, in labels and in messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from data_contracts.generation import TASKS
from tasks.commands.generate.options import with_option_names

LABELS: Final[Mapping[str, str]] = {
    "video": "Video",
    "text": "Prompt",
    "negative": "Sounds to avoid",
    "original": "Audio to edit",
    "reference-audio": "Reference audio",
    "reference-video": "Reference video",
    "window": "Window",
    "duration": "Seconds",
    "seed": "Seed",
    "steps": "Steps",
    "cfg": "Guidance",
    "variants": "Variants",
}
"""By the option's name on the command line, which has no variants."""
HINTS: Final[Mapping[str, str]] = {
    "original": "without it the video's own",
    "reference-video": "of the reference audio",
    "window": "in seconds, e.g. 2.0:3.5",
}


def label(field: str) -> str:
    """Returns the name of a form's field, which is that of its option with underscores."""
    return LABELS[field.replace("_", "-")]


def label_with_hint(field: str, *, is_optional: bool) -> str:
    """Returns what stands above a field."""
    hint = HINTS.get(field.replace("_", "-"), "")
    notes = [note for note in (hint, "optional" if is_optional else "") if note]
    return f"{label(field)} ({', '.join(notes)})" if notes else label(field)


def in_page_words(message: str, files: Iterable[Path]) -> str:
    """Returns a message of the command line in one line, with the page's names for options and tasks.

    Of `files`, which the page keeps in folders of its own, only the names are left.
    """
    for path in files:
        message = message.replace(str(path), path.name)
    message = re.sub(r"\btask ([a-z-]+)\b", lambda found: _title(found[1]) or found[0], message)
    return " ".join(with_option_names(message, _option).split())


def _title(task: str) -> str | None:
    return f"“{TASKS[task].title}”" if task in TASKS else None


def _option(name: str) -> str:
    return f"“{LABELS[name]}”" if name in LABELS else name.replace("-", " ")
