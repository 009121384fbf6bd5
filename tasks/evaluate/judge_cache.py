"""What judges and measurements said of each file, kept on disk: one small safetensors file per key.

A key is a hash of all that the values depend on: the file's content, the judge, its weights, the settings. Files are
written to a temporary name and renamed, so a killed run leaves no partial one; a damaged one counts as absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from data_contracts import to_json
from data_contracts.files import atomic_path, hash_file
from tasks.engine.workspace import hash_text, write_json

Arrays = dict[str, npt.NDArray[Any]]
"""Values by name."""

_RECORDS: Final = "files.json"
_State = tuple[int, int, int]


def cache_key(kind: str, **depends_on: Any) -> str:
    """Returns the key of values of a kind, from all that they depend on (JSON-able)."""
    return hash_text(kind, to_json(depends_on))


@dataclass(frozen=True, slots=True)
class JudgeCache:
    """Arrays by key in a folder."""

    folder: Path

    def path(self, key: str) -> Path:
        """Returns the file of a key."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def get(self, key: str) -> Arrays | None:
        """Returns the arrays of a key; None where there are none or the file is damaged."""
        try:
            return load(self.path(key).read_bytes())
        except (OSError, SafetensorError, ValueError):
            return None

    def put(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Path:
        """Writes the arrays of a key and returns the file; equal arrays give equal bytes."""
        content = save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})
        path = self.path(key)
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        return path


@dataclass(slots=True)
class FileHashes:
    """SHA-256 of files, remembered in a folder while a file's size and times stay the same."""

    folder: Path
    _known: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            found = json.loads((self.folder / _RECORDS).read_text("utf-8"))
        except (OSError, ValueError):
            return
        self._known = found if isinstance(found, dict) else {}

    def sha256(self, path: Path) -> str:
        """Returns the SHA-256 of a file's content. Raises OSError."""
        name, state = str(path.resolve()), list(_state(path))
        known = self._known.get(name)
        if isinstance(known, list) and known[:-1] == state and isinstance(known[-1], str):
            return known[-1]
        sha256 = hash_file(path)
        self._known[name] = [*state, sha256]
        return sha256

    def save(self) -> None:
        """Keeps what was found for the next run."""
        write_json(self.folder / _RECORDS, self._known)


def _state(path: Path) -> _State:
    """Returns size, modification and change time: the last one cannot be set back by a program."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
