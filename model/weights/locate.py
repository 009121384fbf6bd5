"""Where downloaded weights lie: the project's own folder, else the model hub's cache.

The folder is `$FOLEYGENEX_WEIGHTS`, by default `~/.cache/foleygenex/weights`; a file lies there as REPOSITORY/PATH. You
may put files there yourself. What is there is checked against its published hash, or against the one recorded when it
was first used; the record also saves hashing gigabytes again while size and time of a file stay the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, Final

from data_contracts import WeightsError
from data_contracts.files import atomic_path
from model.weights.catalogue import PARTS, Part, WeightFile
from model.weights.files import digest

log = logging.getLogger(__name__)

VARIABLE: Final = "FOLEYGENEX_WEIGHTS"
_RECORDS: Final = ".seen"


def weights_folder() -> Path:
    """Returns the folder for downloaded weights; makes nothing."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "foleygenex" / "weights"


def find(file: WeightFile) -> Path | None:
    """Returns where a file lies, or None. The project's folder comes before the hub's cache."""
    own = weights_folder() / file.place
    if own.is_file():
        return own
    if file.url is not None:
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(file.repo, file.path, revision=file.revision)
    return Path(cached) if isinstance(cached, str) else None


def require(name: str) -> list[Path]:
    """Returns the files of a part of the catalogue, checked, in the catalogue's order.

    Raises WeightsError naming what is missing, where it comes from and the command that fetches it, or the two hashes.
    """
    part = PARTS[name]
    found = {file: find(file) for file in part.files}
    missing = [file for file, path in found.items() if path is None]
    if missing:
        raise WeightsError(_not_there(part, missing))
    paths = {file: path for file, path in found.items() if path is not None}
    for file, path in paths.items():
        check(file, path)
    return list(paths.values())


def check(file: WeightFile, path: Path) -> str:
    """Returns the file's SHA-256.

    Raises WeightsError when it differs from the published hash or, where none is published, from the one recorded at
    first use. Nothing is deleted.
    """
    seen = _read_record(file)
    state = {"path": str(path), "size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
    if seen is not None and {key: seen.get(key) for key in state} == state:
        return str(seen["sha256"])
    sha256 = digest(path)
    if file.sha256 not in (None, sha256):
        raise WeightsError(_wrong(path, "SHA-256", sha256, str(file.sha256), file))
    if file.md5 is not None and (md5 := digest(path, "md5")) != file.md5:
        raise WeightsError(_wrong(path, "MD5", md5, file.md5, file))
    published = file.sha256 is not None or file.md5 is not None
    if seen is not None and not published and seen["sha256"] != sha256:
        raise WeightsError(
            f"{path} has SHA-256 {sha256[:16]}, at its first use {str(seen['sha256'])[:16]}: it was replaced. "
            f"If you meant that, delete {_record_path(file)}"
        )
    _write_record(file, {**state, "sha256": sha256})
    return sha256


def recorded_sha256(file: WeightFile) -> str | None:
    """Returns the SHA-256 recorded at the file's first use, if any."""
    seen = _read_record(file)
    return None if seen is None else str(seen["sha256"])


def _not_there(part: Part, missing: list[WeightFile]) -> str:
    files = "; ".join(f"{file.path} from {file.repo if file.url is None else file.url}" for file in missing)
    return (
        f"{part.name} is not downloaded: {files} (licence: {part.licence}); "
        f"`{part.fetch_command}` fetches it to {weights_folder()}, or put it there as "
        f"{missing[0].place}"
    )


def _wrong(path: Path, kind: str, found: str, expected: str, file: WeightFile) -> str:
    return (
        f"{path} has {kind} {found}, expected {expected}; it is not the published {file.path} and is not used. "
        "Move it away and fetch it again"
    )


def _record_path(file: WeightFile) -> Path:
    name = hashlib.sha256(f"{file.place}@{file.revision}".encode()).hexdigest()[:24]
    return weights_folder() / _RECORDS / f"{name}.json"


def _read_record(file: WeightFile) -> dict[str, Any] | None:
    try:
        values = json.loads(_record_path(file).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) and isinstance(values.get("sha256"), str) else None


def _write_record(file: WeightFile, values: dict[str, Any]) -> None:
    """Keeps what was found. A folder that cannot be written costs only time: the file is hashed again next time."""
    path = _record_path(file)
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({"file": file.place, **values}), "utf-8")
    except OSError as error:
        log.info("the hash of %s was not recorded: %s", path, error)
