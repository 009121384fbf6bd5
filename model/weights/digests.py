"""Hashes of weights files, each computed once per process: the files have gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from data_contracts.files import hash_file

_KNOWN: Final[dict[tuple[Path, str, int, int], str]] = {}  # by path, algorithm, size and modification time


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hash of a file as hex. It is computed again when size or modification time of the file change."""
    key = _key(path, algorithm)
    if key not in _KNOWN:
        _KNOWN[key] = hash_file(path, algorithm)
    return _KNOWN[key]


def remember(path: Path, algorithm: str, value: str) -> None:
    """Makes `digest` return a hash that an earlier process computed of the file as it is now."""
    _KNOWN[_key(path, algorithm)] = value


def digest_of(paths: list[Path]) -> str:
    """Returns one file's SHA-256, or the SHA-256 over several files' hashes, in the order given."""
    digests = [digest(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _key(path: Path, algorithm: str) -> tuple[Path, str, int, int]:
    state = path.stat()
    return path, algorithm, state.st_size, state.st_mtime_ns
