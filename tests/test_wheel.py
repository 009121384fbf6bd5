"""The built wheel, with the packages of its requirements.txt alone, runs what docs/evaluation.md shows."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tasks.evaluate.columns import PACKAGES as OPTIONAL
from tests.conftest import REPOSITORY
from tests.imports import PACKAGES
from tests.tasks.commands.evaluate.conftest import TRUTH, noisy, write
from tests.test_package import NOT_READ

PAGE = (REPOSITORY / "docs" / "evaluation.md").read_text("utf-8")
REQUIREMENTS = "tasks/commands/evaluate/requirements.txt"
LINES = [line for line in (REPOSITORY / REQUIREMENTS).read_text("utf-8").splitlines() if line[0] != "#"]
COMMAND = re.compile(r"^ *foleygenex (evaluate .*--judges embedded.*)$", re.MULTILINE)


def closure(lines: Iterable[str]) -> set[str]:
    """Returns the names of the distributions that pip installs for some requirements."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        one = waiting.pop()
        for asked in {(canonicalize_name(one.name), extra) for extra in ("", *one.extras)} - found:
            found.add(asked)
            for needed in map(Requirement, distribution(asked[0]).requires or ()):
                if needed.marker is None or needed.marker.evaluate({"extra": asked[1]}):
                    waiting.append(needed)
    return {name for name, _ in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel, built of a copy: setuptools writes beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder / "source")
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", code, str(folder)]
    subprocess.run(command, cwd=folder / "source", check=True, capture_output=True)
    (built,) = folder.glob("foleygenex-*-py3-none-any.whl")
    zipfile.ZipFile(built).extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the listed packages and what they need, and to no other."""
    folder = tmp_path_factory.mktemp("site")
    for name in closure(LINES):
        for file in distribution(name).files or ():
            if file.parts[0] not in ("..", "__pycache__") and not (link := folder / file.parts[0]).is_symlink():
                link.symlink_to(Path(str(distribution(name).locate_file(file.parts[0]))))
    return folder


def run(wheel: Path, site: Path, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `foleygenex` with these packages and without a program to call; -S leaves out the environment's own."""
    environment = {
        "PYTHONPATH": f"{wheel}{os.pathsep}{site}",
        "PATH": "",
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    command = [sys.executable, "-S", "-m", "foleygenex", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    expected = {
        path.relative_to(REPOSITORY).as_posix()
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name not in NOT_READ
    }
    found = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.suffix != ".pyc"}
    assert {name for name in found if ".dist-info" not in name and (wheel / name).is_file()} == expected


def test_the_requirements_are_lines_of_the_project_and_sorted() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert set(LINES) < set(declared) and sorted(LINES) == LINES
    left_out = closure(declared) - closure(LINES)
    assert {"prefect", "openai", "spacy", "pyroomacoustics", "descript-audio-codec", "tensorboard"} <= left_out
    assert REQUIREMENTS in PAGE


def test_the_command_of_the_ci_step_scores_two_folders(wheel: Path, site: Path, tmp_path: Path) -> None:
    (line,) = set(COMMAND.findall(PAGE))
    sounds = {name: TRUTH[name] for name in ("clip0", "clip1")}
    write(tmp_path / "truth", sounds)
    write(tmp_path / "out", noisy(sounds))
    first = run(wheel, site, tmp_path, *shlex.split(line))
    assert (first.returncode, first.stdout[:7]) == (0, "2 clips"), first.stderr
    scores = json.loads((tmp_path / "scores" / "scores.json").read_text())["scores"]
    values = {one["metric"]: one["value"] for one in scores if one["system"] == "out"}
    assert values["level_difference_db"] > 0 and 0 < values["likeness-corpus-cnn"] < 1
    assert (tmp_path / "scores" / "index.html").stat().st_size > 0
    again = run(wheel, site, tmp_path, *shlex.split(line), PYTHONPROFILEIMPORTTIME="1")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    loaded = set(re.findall(r"\| +([\w.]+)$", again.stderr, re.MULTILINE))
    assert "tasks.commands.evaluate.finished" in loaded
    assert not loaded & {"torch", "sklearn", "scipy.signal", "scipy.stats", "librosa.core", "transformers"}
    (tmp_path / "truth" / "clip1.wav").unlink()
    failed = run(wheel, site, tmp_path, *shlex.split(line))
    assert failed.returncode == 1 and "clip1" in failed.stderr


def test_a_command_that_needs_more_says_so_in_one_line(wheel: Path, site: Path, tmp_path: Path) -> None:
    done = run(wheel, site, tmp_path, "plan", "demo")
    assert (done.returncode, done.stdout) == (2, "")
    expected = r"error: this needs the Python module \w+, which is not installed; pip install foleygenex adds it\n"
    assert re.fullmatch(expected, done.stderr)


def imported(path: Path) -> Iterator[str]:
    """Yields the first names of a file's imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_every_judge_and_the_fetching_of_weights_need_listed_packages_alone() -> None:
    parts = ("model/judges/*.py", "model/weights/*.py", "tasks/weights/*.py", "model/encoders/minilm.py")
    files = [path for part in (*parts, "model/encoders/efficientnet.py") for path in REPOSITORY.glob(part)]
    modules = {name for path in files for name in imported(path)} - set(sys.stdlib_module_names) - set(PACKAGES)
    listed, owners = {canonicalize_name(Requirement(line).name) for line in LINES}, packages_distributions()
    missing = {name for name in modules if not listed & {canonicalize_name(one) for one in owners.get(name, ())}}
    assert missing <= {module for module, _ in OPTIONAL.values()}
