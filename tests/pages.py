"""Commands and settings as the pages under docs/ show them, for the tests that run them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.conftest import REPOSITORY

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """Returns the content of a page's blocks of a language, e.g. sh, yaml."""
    text = (REPOSITORY / "docs" / page).read_text("utf-8")
    return [content for found, content in _BLOCK.findall(text) if found == language]


def commands(page: str) -> list[list[str]]:
    """Returns the words of each command that a page's sh blocks show, in order; what follows # is left out."""
    lines = (line for block in blocks(page, "sh") for line in block.splitlines())
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def write_configs(page: str, folder: Path) -> None:
    """Writes each yaml block that begins with its file's name in a comment, e.g. `# first.yaml`."""
    for block in blocks(page, "yaml"):
        if name := re.match(r"# ([\w-]+\.yaml)\n", block):
            (folder / name.group(1)).write_text(block, "utf-8")
