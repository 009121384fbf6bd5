"""Fetches published weights from the model hub, each file checked before it gets its final name.

A file that is already there is only checked; one with a wrong hash is refused and left where it is. What arrives lies
in a folder of its own until its hash was found right (or, where none is published, was recorded).
"""

from __future__ import annotations

import os
import shutil
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import UsageError, WeightsError
from model.weights.catalogue import PARTS, Part, WeightFile
from model.weights.locate import check, find, weights_folder

_INCOMING: Final = ".incoming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of one file. `path` is None when it is not there; `message` says what happened in one line."""

    part: str
    file: str
    path: Path | None
    message: str


def parts_named(names: Sequence[str]) -> list[Part]:
    """Returns parts by name, as in a config. Raises UsageError listing the known ones."""
    if not names:
        raise UsageError(f"name what to fetch: {', '.join(PARTS)}")
    found = []
    for name in names:
        asked = name.replace("_", "-")
        part = next((part for part in PARTS.values() if asked in (part.name, *part.names)), None)
        if part is None:
            raise UsageError(f"no published part is called {name!r}; known: {', '.join(PARTS)}")
        found.append(part)
    return found


def fetch(parts: Sequence[Part]) -> Iterator[Fetched]:
    """Yields what came of each file of each part, as it happens. Never raises for one file's trouble."""
    for part in parts:
        for file in part.files:
            try:
                path, message = _fetch(file)
            except (WeightsError, OSError) as error:
                yield Fetched(part=part.name, file=file.path, path=None, message=_line(error))
            else:
                yield Fetched(part=part.name, file=file.path, path=path, message=message)


def _fetch(file: WeightFile) -> tuple[Path, str]:
    there = find(file)
    if there is not None:
        return there, f"already there, sha256 {check(file, there)[:16]}"
    place = weights_folder() / file.place
    if file.url is not None:
        raise WeightsError(f"not on the model hub; `curl -fL --create-dirs -o {place} '{file.url}'` fetches it")
    arrived = _download(file)
    try:
        sha256 = check(file, arrived)
        place.parent.mkdir(parents=True, exist_ok=True)
        arrived.replace(place)
        check(file, place)  # records the file under its final name
    finally:
        shutil.rmtree(_incoming(file), ignore_errors=True)
    return place, f"fetched, sha256 {sha256[:16]}"


def _download(file: WeightFile) -> Path:
    import huggingface_hub
    from huggingface_hub import constants

    if not hub_reachable(constants.ENDPOINT):
        raise WeightsError(f"the model hub cannot be reached from here; {file.source} was not fetched")
    try:
        found = huggingface_hub.hf_hub_download(file.repo, file.path, revision=file.revision, local_dir=_incoming(file))
    except Exception as error:  # the hub library raises many unrelated types; each means "not from here"
        raise WeightsError(
            f"the model hub did not deliver {file.source} ({type(error).__name__}: {_line(error)})"
        ) from error
    return Path(found)


def _incoming(file: WeightFile) -> Path:
    return weights_folder() / _INCOMING / file.repo


def hub_reachable(endpoint: str) -> bool:
    """Whether the hub's host has an address: the hub library itself retries for half a minute before it says no."""
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return False
    if urllib.request.getproxies():
        return True
    try:
        socket.getaddrinfo(urllib.parse.urlsplit(endpoint).hostname, None)
    except OSError:
        return False
    return True


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__
