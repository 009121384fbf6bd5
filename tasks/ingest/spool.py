"""Recordings of a listing, kept on disk in their order: listing a corpus of any size needs the memory of one row."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Final

from tasks.ingest.recordings import Recording

_BLOCK: Final = 1 << 16
_FIELDS: Final = tuple(f.name for f in fields(Recording))


class Spool:
    """A list of recordings in a temporary file, read any number of times, each time through `finish`.

    The file has no name and ends with this object.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="foleygenex-listing-")  # noqa: SIM115 (open as long as this object)
        self._count = 0
        self.finish: Callable[[Recording], Recording] = lambda recording: recording

    def put(self, recording: Recording) -> None:
        """Adds a row."""
        row = [getattr(recording, name) for name in _FIELDS]
        self._file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Recording]:
        self._file.flush()
        place, rest = 0, b""
        while block := os.pread(self._file.fileno(), _BLOCK, place):  # iterations do not disturb each other
            place += len(block)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield self.finish(_recording(json.loads(line)))


def _recording(row: list[Any]) -> Recording:
    values = dict(zip(_FIELDS, row, strict=True))
    values["events"] = tuple((time, material, action) for time, material, action in values["events"])
    return Recording(**values)
