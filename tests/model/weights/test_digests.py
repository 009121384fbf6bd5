"""Hashes of weights files: right, computed once, and again when the file changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from model.weights import digests
from model.weights.digests import digest, digest_of
from tests.model.weights.builders import md5, sha256


def test_a_hash_is_the_one_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "w"
    for content in (b"", b"weights", bytes(3_000_000)):
        path.write_bytes(content)
        assert digest(path) == sha256(content)
        assert digest(path, "md5") == md5(content)


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "w", []
    monkeypatch.setattr(digests, "hash_file", lambda path, algorithm: read.append(algorithm) or "hash")
    path.write_bytes(b"weights")
    for _ in range(3):
        digest(path)
    assert read == ["sha256"]
    os.utime(path, ns=(1, 1))
    digest(path)
    path.write_bytes(b"longer weights")
    digest(path)
    assert len(read) == 3


def test_several_files_have_one_hash_that_depends_on_their_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"a"), b.write_bytes(b"b")
    assert digest_of([a]) == sha256(b"a")
    assert digest_of([a, b]) == hashlib.sha256(f"{sha256(b'a')}\n{sha256(b'b')}".encode()).hexdigest()
    assert digest_of([a, b]) != digest_of([b, a])
