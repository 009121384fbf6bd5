"""Small weight files and components for tests, and the folder that they lie in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model.weights.catalogue import COMPONENTS, Component, Hub, Packages, Url, WeightFile, WeightSource
from model.weights.locate import location

CONTENT = b"weights"


def sha256(content: bytes = CONTENT) -> str:
    """Returns the SHA-256 of bytes as hex."""
    return hashlib.sha256(content).hexdigest()


def md5(content: bytes = CONTENT) -> str:
    """Returns the MD5 of bytes as hex."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def hub_file(path: str = "sub/w.pth", **values: object) -> WeightFile:
    """Returns a file of the hub repository `someone/model`."""
    return WeightFile(path=path, sources=(Hub("someone/model", path),), **values)  # type: ignore[arg-type]


def web_file(url: str = "https://example.org/x.pth", **values: object) -> WeightFile:
    """Returns a file of a web server."""
    return WeightFile(path="web/x.pth", sources=(Url(url),), **values)  # type: ignore[arg-type]


def package_file(
    path: str, *requirements: str, member: str, first: WeightSource | None = None, **values: object
) -> WeightFile:
    """Returns a file of packages, after another source if one is given."""
    sources = (*([first] if first else []), Packages(requirements, member))
    return WeightFile(path=path, sources=sources, **values)  # type: ignore[arg-type]


def component(*files: WeightFile, **values: object) -> Component:
    """Returns a component called `thing` with these files."""
    plain = {"name": "thing", "use": "codec", "purpose": "test", "licence": "MIT", "files": files}
    return Component(**{**plain, **values})  # type: ignore[arg-type]


def put(file: WeightFile, content: bytes = CONTENT) -> Path:
    """Writes a file where a fetched one would be."""
    place = location(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


@contextmanager
def catalogued(monkeypatch: pytest.MonkeyPatch, *components: Component) -> Iterator[None]:
    """Adds components to the catalogue while the block runs."""
    with monkeypatch.context() as patched:
        for entry in components:
            patched.setitem(COMPONENTS, entry.name, entry)  # type: ignore[arg-type]  # a mapping to its readers
        yield
