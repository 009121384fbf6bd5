"""Finds the files of the catalogue on this machine and checks them; fetches nothing.

A file is looked for in the user's cache folder, then in the model hub's own cache. `$FOLEYGENEX_WEIGHTS` replaces the
folder of published weights, by default `~/.cache/foleygenex/weights`; you may put files there yourself. A file must
have its published hash or, where none is published, the one recorded when it was first used. The record also saves
hashing gigabytes again while size and modification time of a file stay the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, Final

import platformdirs

from data_contracts import WeightsError
from data_contracts.files import atomic_path
from model.weights.catalogue import COMPONENTS, Component, WeightFile
from model.weights.digests import digest, remember

log = logging.getLogger(__name__)

VARIABLE: Final = "FOLEYGENEX_WEIGHTS"
_RECORDS: Final = ".seen"


def user_cache() -> Path:
    """Returns the user's cache folder of this project (`$XDG_CACHE_HOME/foleygenex` on Linux); does not make it."""
    return platformdirs.user_cache_path("foleygenex")


def weights_folder() -> Path:
    """Returns the folder for published weights; does not make it."""
    chosen = os.environ.get(VARIABLE, "")
    return Path(chosen).expanduser() if chosen else user_cache() / "weights"


def root_of(file: WeightFile) -> Path:
    """Returns the folder below which the file has its `place`."""
    return weights_folder() if file.folder == "weights" else user_cache() / file.folder


def location(file: WeightFile) -> Path:
    """Returns where a fetched file is put."""
    return root_of(file) / file.place


def find(file: WeightFile) -> Path | None:
    """Returns the path of a file that is on this machine, or None. A copy in the project's folder comes first."""
    if file.installed is not None:
        return file.installed.find()
    own = location(file)
    if own.is_file():
        return own
    if file.hub is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(file.hub.repo, file.hub.path, revision=file.hub.revision)
    return Path(cached) if isinstance(cached, str) else None


def available(name: str) -> bool:
    """Whether all files of a component are on this machine with the sizes that are exactly known. Reads no content."""
    found = [(file, find(file)) for file in COMPONENTS[name].files]
    return all(path and (not file.size_exact or path.stat().st_size == file.size_bytes) for file, path in found)


def located(name: str) -> list[Path]:
    """Returns the files of a component in the catalogue's order, unchecked.

    Raises WeightsError naming what is missing, where it comes from and the command that fetches it.
    """
    component = COMPONENTS[name]
    found = [find(file) for file in component.files]
    missing = [file for file, path in zip(component.files, found, strict=True) if path is None]
    if missing:
        raise WeightsError(_missing(component, missing))
    return [path for path in found if path is not None]


def require(name: str) -> list[Path]:
    """Returns the files of a component in the catalogue's order, each checked.

    Raises WeightsError as `located` does, or with the two hashes of a file that is not the published one.
    """
    component, paths = COMPONENTS[name], located(name)
    for file, path in zip(component.files, paths, strict=True):
        try:
            check(file, path)
        except WeightsError as error:
            raise WeightsError(f"{error}; move it away and run `{component.fetch_command}`") from error
    return paths


def check(file: WeightFile, path: Path) -> str:
    """Returns the file's SHA-256 and records it.

    Raises WeightsError when it differs from the published hash or, where none is published, from the one recorded at
    first use. Deletes nothing.
    """
    published = file.sha256 is not None or file.md5 is not None
    if file.installed is not None and not published:
        return digest(path)  # an upgrade of the package may replace it
    seen = _read_record(file)
    found = path.stat()
    state = {"path": str(path), "size": found.st_size, "mtime_ns": found.st_mtime_ns, "md5": file.md5}
    is_recorded = seen is not None and {key: seen.get(key) for key in state} == state
    if seen is not None and is_recorded and file.sha256 in (None, seen["sha256"]):
        return _remembered(file, path, str(seen["sha256"]))
    sha256 = digest(path)
    if file.sha256 not in (None, sha256):
        raise WeightsError(f"{path} has SHA-256 {sha256}, expected {file.sha256}: it is not the published file")
    if file.md5 is not None and (md5 := digest(path, "md5")) != file.md5:
        raise WeightsError(f"{path} has MD5 {md5}, expected {file.md5}: it is not the published file")
    if seen is not None and not published and seen["sha256"] != sha256:
        raise WeightsError(
            f"{path} has SHA-256 {sha256[:16]}, at its first use {str(seen['sha256'])[:16]}: it was replaced "
            f"(if you meant that, delete {_record_path(file)})"
        )
    _write_record(file, {**state, "sha256": sha256})
    return sha256


def _remembered(file: WeightFile, path: Path, sha256: str) -> str:
    """Saves whoever loads an unchanged file from hashing it; the record holds the MD5 that it was checked against."""
    remember(path, "sha256", sha256)
    if file.md5 is not None:
        remember(path, "md5", file.md5)
    return sha256


def recorded_sha256(file: WeightFile) -> str | None:
    """Returns the SHA-256 recorded at the file's first use, if any."""
    seen = _read_record(file)
    return None if seen is None else str(seen["sha256"])


def _missing(component: Component, missing: list[WeightFile]) -> str:
    sources = "; ".join(file.source for file in missing[:3])
    more = f"; and {len(missing) - 3} more" if len(missing) > 3 else ""
    return (
        f"{component.name} is not downloaded; it comes from {sources}{more} (licence: {component.licence}); "
        f"{component.advice}, or put it there as {location(missing[0])}"
    )


def _record_path(file: WeightFile) -> Path:
    revision = file.hub.revision if file.hub else "main"
    name = hashlib.sha256(f"{file.place}@{revision}".encode()).hexdigest()[:24]
    return weights_folder() / _RECORDS / f"{name}.json"


def _read_record(file: WeightFile) -> dict[str, Any] | None:
    try:
        values = json.loads(_record_path(file).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) and isinstance(values.get("sha256"), str) else None


def _write_record(file: WeightFile, values: dict[str, Any]) -> None:
    """Records what was found. In a folder that cannot be written, the file is hashed again next time."""
    path = _record_path(file)
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({"file": file.place, **values}), "utf-8")
    except OSError as error:
        log.info("the hash of %s was not recorded: %s", path, error)
