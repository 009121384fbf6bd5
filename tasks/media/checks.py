"""Checks of files by their bytes: whether one is there, looks like a media file, and ends where its header says."""

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
    b"\xff\xf1",  # AAC
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV",
    b"caff",
    b"0&\xb2u",  # WMA, WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
)
_TS_PACKET: Final = 188
_MP3_LAYERS: Final = (b"\xfa", b"\xfb", b"\xf2", b"\xf3", b"\xe2", b"\xe3")
_OGG_HEADER: Final = 27
_PLACEHOLDER_BYTES: Final = 0x7FFF0000  # programs that write to a pipe state such a length, or 0: it was not known


def require_file(path: Path) -> None:
    """Raises ItemError `missing_file`, `not_a_file` (a folder, named pipe, socket or device) or `empty_file`.

    Nothing is opened: to open a named pipe waits until somebody writes.
    """
    try:
        found, exists = path.is_file(), path.exists()
    except (OSError, ValueError) as error:  # a name that is too long, a folder that may not be entered
        raise ItemError("missing_file", f"{str(path)[:200]}: {getattr(error, 'strerror', None) or error}") from error
    if not exists:
        raise ItemError("missing_file", f"{path} does not exist")
    if not found:
        raise ItemError("not_a_file", f"{path} is not a regular file but a folder, named pipe, socket or device")
    if path.stat().st_size == 0:
        raise ItemError("empty_file", f"{path} has 0 bytes")


def looks_like_media(path: Path) -> bool:
    """Returns whether the first bytes are those of a known audio or video container."""
    with path.open("rb") as file:
        head = file.read(_TS_PACKET + 1)
    transport_stream = head[:1] == b"G" and head[_TS_PACKET:] == b"G"
    return head.startswith(_MAGIC) or head[4:8] == b"ftyp" or transport_stream


def looks_like_mp3(path: Path) -> bool:
    """Returns whether a file begins with a tag, as most MP3 files do, or with the header of an MP3 frame."""
    with path.open("rb") as file:
        head = file.read(3)
    return head == b"ID3" or (head[:1] == b"\xff" and head[1:2] in _MP3_LAYERS)


def is_cut_short(path: Path) -> bool:
    """Returns whether a WAV or Ogg file ends inside what its header or last page announces.

    libsndfile reads such files without an error, so the loss would go unnoticed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head.startswith(b"RIFF") and head[8:] in (b"", b"WAVE"):  # an AVI is a RIFF file, too
            return _wav_cut_short(file, size)
        if head.startswith(b"OggS"):
            return _ogg_cut_short(file, size)
    return False


def _wav_cut_short(file: BinaryIO, size: int) -> bool:
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            known = 0 < length < _PLACEHOLDER_BYTES
            return known and position + 8 + length > size
        position += 8 + length + (length & 1)
    return True


def _ogg_cut_short(file: BinaryIO, size: int) -> bool:
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(_OGG_HEADER)
        if header[:4] != b"OggS":
            return False  # other bytes may follow the last page
        if len(header) < _OGG_HEADER:
            return True
        lacing = file.read(header[26])
        position += _OGG_HEADER + header[26] + sum(lacing)
    return position > size
