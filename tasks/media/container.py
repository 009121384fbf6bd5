"""Opens audio and video containers through FFmpeg's libraries (PyAV), the same way everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av

from data_contracts import ItemError

_POINTING: Final = {
    "avisynth", "concat", "dash", "hls", "imf", "lavfi", "mlv", "rtp", "rtsp", "sap", "sdp", "vapoursynth", "vobsub",
}  # fmt: skip
"""Formats whose files name other files or addresses, and scripts; a file of any name can have one of them."""
_FILE_ALONE: Final = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(sorted(av.formats_available - _POINTING)),
}
_PLAYLISTS: Final = (b"#EXTM3U", b"ffconcat version", b"[playlist]", b"v=0\r\no=", b"v=0\no=")
_MANIFESTS: Final = (b"<MPD", b"<CompositionPlaylist", b"<smil", b"<SmoothStreamingMedia")
_HEAD: Final = 1024  # bytes in which a manifest's first element is looked for


def open_container(path: Path, **options: str) -> Any:
    """Opens a file for reading, with further options of FFmpeg's; tags that are not UTF-8 are read as far as they are.

    Raises ItemError `points_to_files` for a playlist, whatever its name: nothing but the file itself is read. Raises
    av.FFmpegError; callers do so inside `media_errors`.
    """
    _require_own_content(path)
    return av.open(str(path), options={**_FILE_ALONE, **options}, metadata_errors="replace")


def _require_own_content(path: Path) -> None:
    """Raises ItemError for what is known as a list of other files; other formats of that kind FFmpeg refuses."""
    with path.open("rb") as file:
        head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(_PLAYLISTS) or (head.startswith(b"<") and any(name in head for name in _MANIFESTS)):
        raise ItemError("points_to_files", f"{path.name} is a playlist, which names other files; give those themselves")


def default_stream(streams: Sequence[Any]) -> Any:
    """Returns the first stream that the file marks as the default one, the first of all where none is marked."""
    marked = (stream for stream in streams if stream.disposition & av.stream.Disposition.default)
    return next(marked, streams[0])


def origin_s(container: Any) -> float:
    """Returns the time at which the container starts, in seconds on its own clock: times of a file count from there."""
    return float(container.start_time or 0) / av.time_base
