"""Opens audio and video containers through FFmpeg's libraries (PyAV), the same way everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av

_FILES_ONLY: Final = {"protocol_whitelist": "file"}  # a playlist that is named like a video fetches nothing


def open_container(path: Path, **options: str) -> Any:
    """Opens a file for reading, with further options of FFmpeg's; tags that are not UTF-8 are read as far as they are.

    Raises av.FFmpegError; callers do so inside `media_errors`.
    """
    return av.open(str(path), options={**_FILES_ONLY, **options}, metadata_errors="replace")


def default_stream(streams: Sequence[Any]) -> Any:
    """Returns the first stream that the file marks as the default one, the first of all where none is marked."""
    marked = (stream for stream in streams if stream.disposition & av.stream.Disposition.default)
    return next(marked, streams[0])


def origin_s(container: Any) -> float:
    """Returns the time at which the container starts, in seconds on its own clock: times of a file count from there."""
    return float(container.start_time or 0) / av.time_base
