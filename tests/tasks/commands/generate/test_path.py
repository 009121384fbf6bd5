"""How many of the project's files one `generate fe` call needs: a reader who follows it should not get lost."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import FrameType

import pytest

from flows import cli
from tests.conftest import REPOSITORY

PACKAGES = ("flows", "tasks", "model", "data_contracts")
MOST_FILES = 40


@pytest.fixture
def files_that_ran(files: Path, tmp_path: Path) -> set[str]:
    """The project's files of which a function ran while one file was generated from the command line."""
    ran: set[str] = set()
    roots = tuple(f"{REPOSITORY / package}/" for package in PACKAGES)

    def called(frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code.co_flags & inspect.CO_OPTIMIZED and code.co_filename.startswith(roots):  # a function, no module body
            ran.add(Path(code.co_filename).relative_to(REPOSITORY).as_posix())

    command = ["generate", "fe", "--video", str(files / "sounding.mp4"), "--window", "0.8:2.0", "--steps", "2"]
    command += ["--checkpoint", str(files / "c.safetensors"), "--out", str(tmp_path / "out.wav")]
    before = sys.gettrace()
    sys.settrace(called)
    try:
        assert cli.exit_code([*command, "--set", "sum_reference=path"]) == 0
    finally:
        sys.settrace(before)
    return ran


def test_one_file_passes_few_of_the_projects_files(files_that_ran: set[str]) -> None:
    assert len(files_that_ran) <= MOST_FILES, sorted(files_that_ran)


def test_no_stage_of_the_pipeline_takes_part(files_that_ran: set[str]) -> None:
    own = ("tasks/commands/generate/", "tasks/media/", "tasks/engine/", "tasks/evaluate/sampling.py")
    others = {name for name in files_that_ran if name.startswith("tasks/") and not name.startswith(own)}
    assert not others
