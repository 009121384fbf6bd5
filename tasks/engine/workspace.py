"""A workspace: the folder of a run, with a subfolder per stage; paths that cannot leave it, hashes, seeds, JSON files.

Every path that comes from a table or a user goes through `Workspace.path`, which refuses paths outside the folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.files import atomic_path

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one run. `root` is made when first written to."""

    root: Path

    def path(self, *parts: str) -> Path:
        """Returns the absolute path of a workspace-relative path. Raises UsageError for one outside of it."""
        root = self.root.resolve()
        candidate = root.joinpath(*parts).resolve()
        if not candidate.is_relative_to(root):
            raise UsageError(f"path {'/'.join(parts)!r} leaves the workspace {root}; use paths inside it")
        return candidate

    def relative(self, path: Path) -> str:
        """Returns `path` relative to the workspace, with forward slashes, as tables store it."""
        return path.resolve().relative_to(self.root.resolve()).as_posix()

    def stage(self, name: str) -> Path:
        """Returns (and makes) the folder of a stage."""
        folder = self.path(name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def table(self, stage: str, table: str) -> Path:
        """Returns the path of a stage's table."""
        return self.path(stage, f"{table}.parquet")


def safe_name(text: str, *, limit: int = 60) -> str:
    """Returns untrusted text as a safe file name, with a hash at its end when anything had to be changed."""
    cleaned = _UNSAFE.sub("_", text).strip("._-")[:limit]
    if cleaned == text and cleaned:
        return cleaned
    return f"{cleaned or 'item'}-{hash_text(text)[:10]}"


def hash_text(*parts: str) -> str:
    """Returns the SHA-256 of the parts, unambiguous in their boundaries, as hex."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def seed_for(*parts: str) -> int:
    """Returns a 63-bit seed from names (dataset version, item, recipe): no global random state anywhere."""
    return int(hash_text(*parts)[:16], 16) >> 1


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON to a temporary name and renames it, so a killed run leaves no partial file."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path, mend: str = "remove it and run its stage again") -> Any:
    """Reads a JSON file. Raises UsageError when it is missing, or broken: names the file, what is wrong, and `mend`."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing") from error
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON ({error}); {mend}") from error
