"""docs/troubleshooting.md quotes messages that the code has: each part between two `...` is in one message."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.imports import PACKAGES

PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text("utf-8")
CELLS = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
MESSAGES = [message for cell in CELLS for message in re.findall(r"`([^`]+)`", cell)]


@cache
def texts() -> frozenset[str]:
    """Returns all strings of the code; what an f-string puts in is a NUL."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            found |= strings(path)
    return frozenset(found)


def strings(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def is_said(message: str) -> bool:
    """Whether one string has the message's parts in their order; backquotes do not count."""
    parts = [re.escape(part) for part in message.removeprefix("error: ").split("...")]
    pattern = re.compile(".*".join(parts), re.DOTALL)
    return any(pattern.search(text.replace("`", "")) for text in texts())


@pytest.mark.parametrize("message", MESSAGES)
def test_the_code_says_so(message: str) -> None:
    assert is_said(message)


def test_what_the_code_does_not_say_is_found() -> None:
    assert len(MESSAGES) > 30
    assert not is_said("the moon is not installed; ask for cheese") and not is_said("... is in use by a moon")
