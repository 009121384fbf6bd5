"""Rules of the code: imports run one way, everything public is typed and described, nothing names a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.imports import PICTURE, arrows_up, circles, draw, import_graph, project_files

FILES = {name: path for name, path in project_files().items() if name != "tasks"}
GRAPH = import_graph(FILES)
PYTHON = list(FILES.values())


def name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def test_imports_run_down_the_layers() -> None:
    assert not arrows_up(GRAPH), "docs/architecture.md has the order of the layers"


def test_no_files_import_each_other_in_a_circle() -> None:
    assert not circles(GRAPH)


def test_the_picture_of_the_imports_is_up_to_date() -> None:
    assert PICTURE.read_text("utf-8") == draw(GRAPH), "run `python -m tests.imports`"


def test_circles_and_arrows_up_are_found_also_inside_functions(tmp_path: Path) -> None:
    sources = {
        "model/low.py": "def f():\n    from tasks.mine.stage import g\n",
        "tasks/mine/stage.py": "from model import low\n",
        "tasks/mine/alone.py": "import json\n",
    }
    for place, source in sources.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(source)
    graph = import_graph(project_files(tmp_path))
    assert arrows_up(graph) == ["model.low -> tasks.mine.stage"]
    assert circles(graph) == [["model.low", "tasks.mine.stage"]]
    with pytest.raises(KeyError, match="belongs to no layer"):
        arrows_up({"tasks.newcomer": {"model.low"}, "model.low": set()})


def outside(path: Path) -> set[str]:
    """Returns the first names of all imports of a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", [p for n, p in FILES.items() if not n.startswith("flows")], ids=name)
def test_only_flows_knows_prefect(path: Path) -> None:
    assert not outside(path) & {"prefect", "prefect_dask", "typer", "tests"}


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
