"""`foleygenex export`: one line when it is done, one line when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import cli
from tasks.engine.workspace import Workspace
from tests.tasks.commands.export.conftest import workspace

__all__ = ["workspace"]


@pytest.fixture
def run(workspace: Workspace) -> Workspace:
    """A workspace in which something has run."""
    (workspace.root / "config.yaml").write_text("{}")
    return workspace


@pytest.mark.parametrize(("kind", "files"), [("webdataset", "1 tars"), ("datasets", "1 Parquet files")])
def test_the_rows_asked_for_are_written(
    run: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, files: str
) -> None:
    out = tmp_path / "o"
    assert cli.exit_code(["export", kind, str(run.root), str(out), "--subset", "aa"]) == 0
    assert f"{out}: 20 rows in {files}" in capsys.readouterr().out and (out / "README.md").is_file()


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("zip", [], "export 'zip' is unknown; choose one of webdataset, datasets"),
        ("webdataset", ["--split", "all"], "split 'all' is unknown"),
        ("datasets", ["--licence", "GPL"], "no manifest row matches the selection"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(
    run: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, more: list[str], message: str
) -> None:
    assert cli.exit_code(["export", kind, str(run.root), str(tmp_path / "o"), *more]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and message in lines[0]
    assert not (tmp_path / "o").exists()


def test_a_folder_that_is_no_workspace_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["export", "webdataset", str(tmp_path), str(tmp_path / "o")]) == 2
    assert f"{tmp_path} is not a workspace" in capsys.readouterr().err
