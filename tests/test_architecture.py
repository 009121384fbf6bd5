"""Laws of the house: imports go one way, everything public is typed and described, nothing names this machine."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = ("flows", "tasks", "model", "data_contracts")
ALLOWED = {
    "flows": {"flows", "tasks", "model", "data_contracts"},
    "tasks": {"tasks", "model", "data_contracts"},
    "model": {"model", "data_contracts"},
    "data_contracts": {"data_contracts"},
}
PYTHON = [path for room in ROOMS for path in sorted((REPOSITORY / room).rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Yields the first name of every import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(REPOSITORY).parts[0]
    back = (set(imported(path)) & set(ROOMS)) - ALLOWED[room]
    assert not back, f"{name(path)} imports {back}"


@pytest.mark.parametrize("path", [p for p in PYTHON if "flows" not in p.relative_to(REPOSITORY).parts], ids=name)
def test_only_flows_knows_prefect(path: Path) -> None:
    assert not set(imported(path)) & {"prefect", "prefect_dask", "typer", "tests"}


def public_functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yields module-level functions and methods of public classes that have no leading underscore."""
    for path in PYTHON:
        tree = ast.parse(path.read_text("utf-8"))
        owners: list[ast.Module | ast.ClassDef] = [tree]
        owners += [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        for owner in owners:
            for node in owner.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                    yield path, node


def is_typed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    named = [a for a in arguments if a.arg not in ("self", "cls")]
    return function.returns is not None and all(argument.annotation is not None for argument in named)


def test_public_functions_are_typed() -> None:
    found = list(public_functions())
    untyped = [f"{name(path)}:{node.lineno} {node.name}" for path, node in found if not is_typed(node)]
    assert len(untyped) <= 0.03 * len(found), untyped


def test_public_functions_have_docstrings() -> None:
    found = list(public_functions())
    bare = [f"{name(path)}:{node.lineno} {node.name}" for path, node in found if not ast.get_docstring(node)]
    assert len(bare) <= 0.3 * len(found), bare


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_modules_have_docstrings_and_a_readable_size(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 450
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return [REPOSITORY / entry for entry in listed.stdout.split("\0") if entry]


MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root|Users)/|/tmp/\w")


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a git checkout")
def test_no_machine_paths() -> None:
    found = []
    for path in tracked():
        if not path.is_file() or path == Path(__file__) or path.stat().st_size > 1_000_000:
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name(path)}: {match.group()}" for match in MACHINE.finditer(text)]
    assert not found


def test_known_breaking_versions_are_pinned() -> None:
    """fastapi and sqlalchemy: newer ones break prefect 3.8 without pip noticing (docs/operations.md)."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert "fastapi>=0.139,<0.151" in project["dependencies"]
    assert "sqlalchemy[asyncio]>=2.0.45,<2.1" in project["dependencies"]
    assert "torch==2.13.0\n" in (REPOSITORY / "constraints.txt").read_text("utf-8")
