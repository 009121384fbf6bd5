"""The workspace: no path leaves it, files appear whole or not at all, seeds come from names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.engine.workspace import Workspace, hash_text, read_json, safe_name, seed_for, write_json


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "ingest/../../../x", ".."])
def test_no_path_leaves_the_workspace(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError, match="leaves the workspace"):
        Workspace(tmp_path / "w").path(path)


def test_a_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "w"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="leaves the workspace"):
        Workspace(root).path("link", "x")


def test_inner_paths_are_kept_and_stored_relative(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    assert space.path("ingest", "audio/a.flac") == tmp_path.resolve() / "ingest/audio/a.flac"
    assert space.relative(space.path("ingest", "a.flac")) == "ingest/a.flac"
    assert space.table("ingest", "clips").name == "clips.parquet"


@given(st.text(min_size=1))
def test_safe_names_are_safe(text: str) -> None:
    name = safe_name(text)
    assert "/" not in name and "\\" not in name and name not in ("", ".", "..") and len(name) <= 80
    assert not name.startswith((".", "-"))


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_safe_names_differ(texts: list[str]) -> None:
    assert safe_name(texts[0]) != safe_name(texts[1])


@given(st.text(), st.text())
def test_hashes_keep_the_boundaries_of_their_parts(a: str, b: str) -> None:
    assert hash_text(a, b) != hash_text(a + b)
    assert not b or hash_text(a, b) != hash_text(a + b, "")


def test_seeds_are_stable_and_positive() -> None:
    assert seed_for("1", "item", "recipe") == seed_for("1", "item", "recipe")
    assert seed_for("1", "item", "recipe") != seed_for("2", "item", "recipe")
    assert all(0 <= seed_for(str(number)) < 2**63 for number in range(100))


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_json_round_trip_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"b": [1, 2.5, "ü"], "a": None})
    assert read_json(path) == {"a": None, "b": [1, 2.5, "ü"]}
    path.write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        read_json(path)
    with pytest.raises(UsageError, match="missing"):
        read_json(tmp_path / "none.json")
