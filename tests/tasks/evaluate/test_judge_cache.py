"""The cache of judgements: what is put is got, damage counts as absent, equal values give equal bytes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tasks.evaluate import judge_cache
from tasks.evaluate.judge_cache import FileHashes, JudgeCache, cache_key

ARRAYS = {"embedding": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array([1.5])}


def test_what_is_put_is_got_whatever_its_layout(tmp_path: Path) -> None:
    cache = JudgeCache(tmp_path)
    key = cache_key("sound", content="x")
    assert cache.get(key) is None
    path = cache.put(key, {**ARRAYS, "turned": np.asfortranarray(ARRAYS["embedding"])})
    found = cache.get(key)
    assert found is not None and found.keys() == {"embedding", "count", "turned"}
    np.testing.assert_array_equal(found["turned"], ARRAYS["embedding"])
    assert found["count"].dtype == np.float64 and path.suffix == ".safetensors"


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    first = JudgeCache(tmp_path / "a").put("aa", ARRAYS).read_bytes()
    assert first == JudgeCache(tmp_path / "b").put("aa", dict(reversed(ARRAYS.items()))).read_bytes()


def test_keys_differ_by_everything_that_they_are_made_of() -> None:
    keys = [
        cache_key("sound", content="x", rate_hz=16000),
        cache_key("video", content="x", rate_hz=16000),
        cache_key("sound", content="y", rate_hz=16000),
        cache_key("sound", content="x", rate_hz=8000),
        cache_key("sound", content="x", rate_hz=None),
        cache_key("sound", content="x"),
    ]
    assert len(set(keys)) == len(keys) and cache_key("sound", rate_hz=16000, content="x") == keys[0]


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 40])
def test_a_damaged_file_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    cache = JudgeCache(tmp_path)
    cache.put("ab", ARRAYS).write_bytes(content)
    assert cache.get("ab") is None


def test_hashes_are_remembered_while_a_file_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    hashes = FileHashes(tmp_path / "cache")
    first = hashes.sha256(path)
    hashes.save()
    with monkeypatch.context() as patch:
        patch.setattr(judge_cache, "hash_file", lambda path: pytest.fail("hashed again"))
        assert FileHashes(tmp_path / "cache").sha256(path) == first
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # the change time still tells
    assert FileHashes(tmp_path / "cache").sha256(path) != first


@pytest.mark.parametrize("text", ["", "[]", '{"x": 3}', "{broken"])
def test_records_that_are_damaged_are_made_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "files.json").write_text(text)
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    assert len(FileHashes(tmp_path).sha256(path)) == 64
