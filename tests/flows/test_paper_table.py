"""The flow of a table: its artifact, its lock, the settings that it leaves alone, and the command that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows import cli, run
from flows import paper_table as module
from flows.artifacts import artifact_key
from flows.paper_table import paper_table
from tasks.commands.paper_tables import job
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import holder_of
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.paper_tables.result import ResultRow, TableCell, TableHead, TableResult

HOSTILE = "<b>[x](http://evil.example)|`y` ![z](http://evil.example/z.png)"


def table(number: int) -> TableResult:
    """Returns a small table with a row that a user has named."""
    head = TableHead(system="", name="IS", metric="IS_PANNs", higher_is_better=True)
    row = ResultRow(head=HOSTILE, part="all", cells=(TableCell(paper="1.0"),))
    return TableResult(number=number, title="T", corner="Method", heads=(head,), rows=(row,), lines=(HOSTILE,))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the flow asked for and showed."""
    found: list[Any] = []

    def make(config: EvaluateConfig, workspace: Workspace, on_progress: OnProgress) -> TableResult:
        holder = holder_of(workspace.root)
        found.append((config.table, config.steps, holder.what if holder else None))
        return table(config.table or 0)

    @contextmanager
    def progress(name: str, unit: str, workspace: Workspace) -> Iterator[OnProgress]:
        yield silent

    monkeypatch.setattr(job, "make_table", make)
    monkeypatch.setattr(module, "run_progress", progress)
    monkeypatch.setattr(module, "create_markdown_artifact", lambda text, key, description: found.append((key, text)))
    return found


def test_a_table_is_an_artifact_and_leaves_the_runs_settings_alone(tmp_path: Path, seen: list[Any]) -> None:
    store(PipelineConfig.load(None, ["train.steps=9", "evaluate.steps=3"]), Workspace(tmp_path))
    text = paper_table.fn(workspace=str(tmp_path), changes=("evaluate.table=2",))
    (asked, (key, artifact)) = seen
    assert asked == (2, 3, f"a table of {tmp_path.name}"), "without a config the stored settings count"
    assert key == artifact_key(Workspace(tmp_path), "table-2")
    assert text.startswith("Table 2: T")
    stored = load_stored(Workspace(tmp_path))
    assert (stored.train.steps, stored.evaluate.table) == (9, None)
    assert holder_of(tmp_path) is None
    for mark in ("<b>", "[x]", "://", "![z]", "|`"):
        assert mark not in artifact


def test_a_config_file_replaces_the_stored_settings_for_the_table(tmp_path: Path, seen: list[Any]) -> None:
    (tmp_path / "c.yaml").write_text("evaluate: {table: 3, steps: 5}")
    paper_table.fn(workspace=str(tmp_path / "w"), config_file=str(tmp_path / "c.yaml"))
    assert seen[0][:2] == (3, 5)
    assert not (tmp_path / "w" / "config.yaml").exists(), "a workspace of its own is no pipeline's"


def test_run_evaluate_with_a_table_runs_the_flow(
    tmp_path: Path, seen: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[Workspace | None] = []

    @contextmanager
    def prefect(workspace: Workspace | None) -> Iterator[None]:
        opened.append(workspace)
        yield

    monkeypatch.setattr(run, "_prefect", prefect)
    monkeypatch.setattr(module, "paper_table", paper_table.fn)
    (tmp_path / "c.yaml").write_text("{}")
    asked = ["run", "evaluate", str(tmp_path / "c.yaml"), "-w", str(tmp_path / "w"), "--set", "evaluate.table=7"]
    assert cli.exit_code(asked) == 0
    assert cli.exit_code([*asked, "--wait", "3"]) == 0
    assert [one[0] for one in seen[::2]] == [7, 7]
    assert opened == [Workspace(tmp_path / "w"), None], "with --wait the workspace may be in use at first"
    assert "Table 7: T" in capsys.readouterr().out
