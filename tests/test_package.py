"""A wheel holds every file that the code reads beside its modules: weights, prompts, pages, configs."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch

from tests.conftest import REPOSITORY

PACKAGES = ("foleygenex", "flows", "tasks", "model", "data_contracts")
NOT_READ = {"install_system_packages.sh"}  # the Makefile's, for a checkout


def test_every_data_file_is_packaged() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert {pattern.rstrip("*") for pattern in settings["packages"]["find"]["include"]} == set(PACKAGES)
    patterns = settings["package-data"]["*"]
    found = [
        path
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name not in NOT_READ
    ]
    assert len(found) > 25
    for path in found:
        assert any(fnmatch(path.name, pattern) for pattern in patterns), f"{path} would not be in a wheel"
        folder = path.parent
        inside = any((parent / "__init__.py").exists() for parent in (folder, *folder.parents) if parent != REPOSITORY)
        assert inside, path
