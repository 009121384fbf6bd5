"""Progress of a stage: a bar in the terminal, and the growth of the stage's journal as the number to show.

Workers are threads, processes or other machines; the journal is what all of them write to, one line per finished item.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tasks.engine.progress import OnProgress, ProgressLines


@dataclass(slots=True)
class JournalCount:
    """Counts the lines added to a journal folder since this object was made, reading each byte once."""

    folder: Path
    offsets: dict[Path, int] = field(default_factory=dict)
    lines: int = 0

    def __post_init__(self) -> None:
        self.offsets = {path: path.stat().st_size for path in self.folder.glob("*.jsonl")}

    def update(self) -> int:
        """Returns the lines added so far."""
        for path in self.folder.glob("*.jsonl"):
            with path.open("rb") as file:
                file.seek(self.offsets.get(path, 0))
                added = file.read()
            self.offsets[path] = self.offsets.get(path, 0) + len(added)
            self.lines += added.count(b"\n")
        return self.lines


@contextmanager
def bar(title: str, unit: str) -> Iterator[OnProgress]:
    """Shows a progress bar on stderr while the block runs; a line every 30 s where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield ProgressLines(_to_stderr, title, unit)
        return
    columns = (
        TextColumn("[bold]{task.description:<11}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None, note="")

        def update(done: int, total: int, note: str) -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield update


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def watch(folder: Path, total: int, on_progress: OnProgress, *, every_s: float = 0.5) -> Iterator[None]:
    """Reports a journal's growth to `on_progress` while the block runs, and once at its end."""
    count, stop = JournalCount(folder), threading.Event()

    def report() -> None:
        on_progress(min(count.update(), total), total, "")

    def loop() -> None:
        while not stop.wait(every_s):
            report()

    # In a copy of the context, so that an artifact made by `on_progress` belongs to the flow run.
    thread = threading.Thread(target=copy_context().run, args=(loop,), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        report()
