"""Hashes of weights files, each computed once per process: the files have gigabytes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from data_contracts.files import hash_file


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hash of a file as hex. It is computed again when size or modification time of the file change."""
    state = path.stat()
    return _digest(path, algorithm, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, _size: int, _mtime_ns: int) -> str:
    return hash_file(path, algorithm)


def digest_of(paths: list[Path]) -> str:
    """Returns one file's SHA-256, or the SHA-256 over several files' hashes, in the order given."""
    digests = [digest(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
