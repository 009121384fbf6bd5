"""What a file's first and last bytes tell: is it there, what is it, does it end where its own header says."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

from data_contracts import ItemError

_MAGIC: Final = (
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"fLaC",
    b"OggS",
    b"FORM",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\x1aE\xdf\xa3",
)
_OGG_HEADER: Final = 27


def require_file(path: Path) -> None:
    """Raises ItemError `missing_file` or `empty_file`."""
    try:
        found = path.is_file()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ItemError("missing_file", f"{str(path)[:200]}: {error.strerror}") from error
    if not found:
        raise ItemError("missing_file", f"{path} does not exist or is not a file")
    if path.stat().st_size == 0:
        raise ItemError("empty_file", f"{path} has 0 bytes")


def looks_like_media(path: Path) -> bool:
    """Returns whether the first bytes are those of a known sound or video container."""
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith(_MAGIC) or head[4:8] == b"ftyp"


def is_cut_short(path: Path) -> bool:
    """Returns whether a WAV or Ogg file ends inside what its header or last page announces.

    libsndfile reads such files without a word, so the loss would go unseen.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head == b"RIFF":
            return _wav_cut_short(file, size)
        if head == b"OggS":
            return _ogg_cut_short(file, size)
    return False


def _wav_cut_short(file: BinaryIO, size: int) -> bool:
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            streamed = length in (0, 0xFFFFFFFF)  # written to a pipe: the length was not known
            return not streamed and position + 8 + length > size
        position += 8 + length + (length & 1)
    return True


def _ogg_cut_short(file: BinaryIO, size: int) -> bool:
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(_OGG_HEADER)
        if header[:4] != b"OggS":
            return False  # bytes after the last page belong to no page
        if len(header) < _OGG_HEADER:
            return True
        lacing = file.read(header[26])
        position += _OGG_HEADER + header[26] + sum(lacing)
    return position > size
