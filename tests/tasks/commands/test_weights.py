"""The list of weights: every component with source, hash and command, for a person and for a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.weights.catalogue import CAPTION_PARSER, COMPONENTS, EMBEDDED_LLM
from model.weights.digests import digest
from model.weights.locate import check
from tasks.commands.weights import ComponentRow, rows, text
from tests.model.weights.builders import catalogued, component, hub_file, md5, put, sha256
from tests.model.weights.conftest import cache

__all__ = ["cache"]


def row(name: str) -> ComponentRow:
    return next(row for row in rows() if row.name == name)


def test_the_list_has_the_whole_catalogue_and_what_is_installed() -> None:
    assert [row.name for row in rows()] == list(COMPONENTS)
    assert {row.kind for row in rows()} == {"published", "embedded"}


def test_what_is_not_there_says_the_command_and_what_is_there_says_the_path() -> None:
    for name in ("clip-dfn5b", CAPTION_PARSER, EMBEDDED_LLM):
        missing = row(name)
        assert not missing.there and not any(file.found for file in missing.files)
        assert f"fetch    {COMPONENTS[name].fetch_command}" in text([missing])
        assert text([missing]).splitlines()[0].endswith("missing")
    installed = row("embedded_16k")
    (file,) = installed.files
    assert installed.there and file.size_bytes == Path(str(file.found)).stat().st_size
    assert file.hash == f"sha256 {digest(Path(str(file.found)))}"
    assert "fetch" not in text([installed]) and text([installed]).splitlines()[0].endswith("present")
    assert row("motion").there and row("motion").files == ()


def test_a_component_is_there_when_all_its_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [hub_file("a"), hub_file("b")]
    with catalogued(monkeypatch, component(*files)):
        put(files[0])
        assert not row("thing").there
        put(files[1])
        assert row("thing").there


def test_a_hash_is_published_recorded_or_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [hub_file("a", sha256=sha256()), hub_file("b", md5=md5()), hub_file("c")]
    with catalogued(monkeypatch, component(*files)):
        expected = [f"sha256 {sha256()}", f"md5 {md5()}", "sha256 unknown, recorded at first use"]
        assert [file.hash for file in row("thing").files] == expected
        for file in files:
            check(file, put(file))
        recorded = f"sha256 {sha256()} (recorded here at first use)"
        assert [file.hash for file in row("thing").files] == [expected[0], f"{expected[1]}, {recorded}", recorded]


def test_sizes_are_readable_and_rounded_ones_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [hub_file("a", size_bytes=3_947_081_637, size_exact=True), hub_file("b", size_bytes=12_000_000)]
    with catalogued(monkeypatch, component(*files)):
        page = text([row("thing")])
    assert "  3.95 GB" in page and "about 3.95 GB" not in page and "about 12 MB" in page


def test_a_long_list_of_files_is_shortened_for_people_only() -> None:
    parser = row(CAPTION_PARSER)
    assert f"and {len(parser.files) - 4} more files" in text([parser])
    assert len(parser.to_dict()["files"]) == len(parser.files) > 4


def test_the_page_names_every_component_with_its_licence_and_caveat() -> None:
    page = text(rows())
    for listed in rows():
        assert listed.name in page and listed.licence in page and listed.caveat in page


def test_a_row_is_plain_json() -> None:
    assert [json.loads(json.dumps(listed.to_dict()))["name"] for listed in rows()] == [row.name for row in rows()]
