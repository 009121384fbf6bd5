"""What README and docs name is there: commands, flags, settings, modules, files; and no command is unmentioned."""

from __future__ import annotations

import importlib.util
import re
import shlex

import pytest
import typer.main
from pydantic import BaseModel

from flows.cli import app
from tasks.config import PipelineConfig
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEXTS = {page.relative_to(REPOSITORY).as_posix(): page.read_text("utf-8") for page in PAGES}
COMMANDS = typer.main.get_command(app).commands
FOLDERS = "tests|tasks|model|flows|foleygenex|benchmarks|data_contracts|docs"
MODULE = re.compile(r"python -m ((?:benchmarks|tasks)[\w.]*)")


def calls(text: str) -> list[list[str]]:
    """Returns the words of each `foleygenex ...` in a page, without a line's explanation."""
    found = []
    for match in re.finditer(r"foleygenex ((?:[^\n`]|\n(?=[a-z-]+ W ingest`))+)", text):
        line = re.split(r"\s{2,}#?|\s#\s|`", match.group(1))[0]
        try:
            found.append(shlex.split(line.replace("[", " ").replace("]", " ")))
        except ValueError:
            found.append(line.split())
    return found


def flags_of(command: str) -> set[str]:
    """Returns the options a command takes."""
    return {name for parameter in COMMANDS[command].params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", TEXTS)
def test_commands_and_their_flags_exist(page: str) -> None:
    for words in calls(TEXTS[page]):
        if not words or not re.fullmatch(r"[a-z-]+", words[0]) or words[0] not in COMMANDS:
            assert not words or words[0] not in ("codec", "score"), words
            continue
        for word in words[1:]:
            if word.startswith("-"):
                assert word.split("=")[0] in flags_of(words[0]) | {"--help"}, f"{page}: {' '.join(words)}"


def test_the_pages_do_name_commands() -> None:
    named = {words[0] for text in TEXTS.values() for words in calls(text) if words}
    assert set(COMMANDS) - named == set(), "commands that no page explains"
    unknown = {word for word in named if re.fullmatch(r"[a-z][a-z-]+", word)} - set(COMMANDS)
    assert not unknown, unknown


@pytest.mark.parametrize("page", TEXTS)
def test_links_and_modules_exist(page: str) -> None:
    folder = (REPOSITORY / page).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", TEXTS[page]):
        assert not target[0] or (folder / target[0]).exists(), f"{page}: {target[0]}"
    for module in MODULE.findall(TEXTS[page]):
        assert importlib.util.find_spec(module.rstrip(".")), f"{page}: {module}"
    for path in re.findall(
        r"`((?:tests|tasks|model|flows|foleygenex|benchmarks|data_contracts|docs)/[\w./*-]+)`", TEXTS[page]
    ):
        assert any(REPOSITORY.glob(path)) if "*" in path else (REPOSITORY / path).exists(), f"{page}: {path}"


def _fields(model: type[BaseModel], before: str = "") -> set[str]:
    names = set()
    for name, field in model.model_fields.items():
        names.add(f"{before}{name}")
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= _fields(inner, f"{before}{name}.")
    return names


@pytest.mark.parametrize("page", TEXTS)
def test_settings_exist(page: str) -> None:
    known = _fields(PipelineConfig)
    groups = {name.split(".")[0] for name in known if "." in name}
    quoted = re.findall(r"`(?:--set )?([a-z_]+(?:\.[a-z_]+)+)(?:[=:][^`]*)?`", TEXTS[page])
    for name in [*quoted, *re.findall(r"--set ([a-z_.]+)=", TEXTS[page])]:
        group, _, leaf = name.partition(".")
        if group in groups and leaf not in ("py", "md", "json", "parquet", "csv"):
            assert name in known, f"{page}: {name}"
