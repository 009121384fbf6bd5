"""Items whose process died: each is run once more in a process of its own, and quarantined when that dies too.

A shard notes the item that it has begun in a small file beside its journal, which a kill leaves there. The next run
finds it and gives that item a process of its own, before the others: it ends well (the death had another cause), or
it is ended by a signal again (a broken file that crashes a decoder, memory that runs out) and is quarantined as
`crashed_worker`. Stages that work on many items at once (`large_shards`) note none.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, overload

from data_contracts import FoleyGenExError, ItemError
from data_contracts.errors import error_class
from tasks.engine.stage import Item

log = logging.getLogger(__name__)

CRASHED: Final = "crashed_worker"
"""The quarantine's reason for an item whose process died twice."""
_SUFFIX: Final = ".begun"
_STOPPING: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}  # from a person or a scheduler, not from the item


class BegunItems(Sequence[Item]):
    """A shard's items; taking one writes its id into a file, in place of the one before."""

    def __init__(self, items: Sequence[Item], handle: int) -> None:
        self._items, self._handle = items, handle
        self._longest = 0

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return self._items[index]
        item = self._items[index]
        content = json.dumps(item.item_id).encode()
        self._longest = max(self._longest, len(content))
        os.pwrite(self._handle, content.ljust(self._longest), 0)  # one call: what a kill leaves is whole
        return item


@contextmanager
def noted(items: Sequence[Item], journal: Path) -> Iterator[Sequence[Item]]:
    """Yields a shard's items so that the one in work is noted beside the journal file. Removes the note at the end."""
    path = note_path(journal)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        yield BegunItems(items, handle)
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)


def begun_items(journal_folder: Path) -> set[str]:
    """Returns the ids of the items that were in work when a process died."""
    return {item_id for path in begun_files(journal_folder) if (item_id := _read(path))}


def begun_files(journal_folder: Path) -> list[Path]:
    """Returns the notes that dead processes have left."""
    return sorted(journal_folder.glob(f"*{_SUFFIX}"))


def note_path(journal: Path) -> Path:
    """Returns the note beside a shard's journal file."""
    return journal.with_suffix(_SUFFIX)


def forget_begun(paths: Iterable[Path]) -> None:
    """Removes notes, once their items have a result."""
    for path in paths:
        path.unlink(missing_ok=True)


def run_alone(what: str, work: Callable[[], object]) -> ItemError | None:
    """Calls `work` in a process of its own. Returns the item's error when that process is ended by a signal.

    Raises what `work` raises (FoleyGenExError for what is not of this project), and FoleyGenExError when the process is
    told to stop.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_child, args=(sender, work), name=f"alone: {what}")
    log.info("%s was in work when its process died; it is run in a process of its own", what)
    process.start()
    sender.close()
    try:
        failure = json.loads(receiver.recv_bytes())
    except EOFError:
        failure = None
    finally:
        receiver.close()
    process.join()
    if failure is not None:
        raise _failure(*failure)
    if not process.exitcode:
        return None
    number = -process.exitcode
    if number in _STOPPING:
        raise FoleyGenExError(f"the process of {what} was stopped by signal {number}; run again to continue")
    name = signal.Signals(number).name if number in set(signal.Signals) else f"exit code {process.exitcode}"
    cause = "; memory may have run out" if number == signal.SIGKILL else ""
    return ItemError(CRASHED, f"the process that worked on it died twice, the second time by {name}{cause}")


@cache
def end_with_parent() -> None:
    """Ends this worker process when its parent has ended, however that was: the parent's locks are free then."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch_parent, name="parent", daemon=True).start()


def _in_child(sender: Connection, work: Callable[[], object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to the whole group; the parent ends this one
    end_with_parent()
    try:
        work()
    except Exception as error:
        sender.send_bytes(json.dumps([type(error).__name__, str(error)]).encode())
    finally:
        sender.close()


def _failure(name: str, message: str) -> Exception:
    """Returns an error of another process: of the same class where it is one of this project's."""
    kind = error_class(name)
    return kind(message) if kind is not None else FoleyGenExError(f"{name}: {message}")


def _read(path: Path) -> str:
    try:
        return str(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return ""
