"""The report step: written again when a table or a shown setting changes, and only then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.engine import is_stage_finished, run_stage
from tasks.engine.workspace import Workspace
from tasks.report import REPORT
from tasks.report import stage as module
from tasks.report.stage import ReportStage
from tests.tasks.report.conftest import SETTINGS


@pytest.fixture
def copy(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the tables; the page itself is a placeholder, which is enough for when it is written."""
    monkeypatch.setattr(module, "write_report", lambda run, settings: run.path(*REPORT).write_text(str(len(settings))))
    ignore = shutil.ignore_patterns("*.flac", "*.mp4", "report.html")
    return Workspace(Path(shutil.copytree(workspace.root, tmp_path / "copy", ignore=ignore)))


def test_a_finished_report_is_not_written_again(copy: Workspace) -> None:
    stage = ReportStage(all_settings=SETTINGS)
    assert run_stage(stage, copy).new == 1
    assert is_stage_finished(stage, copy) and run_stage(stage, copy).new == 0


def test_a_lost_or_changed_page_is_written_again(copy: Workspace) -> None:
    stage = ReportStage(all_settings=SETTINGS)
    run_stage(stage, copy)
    copy.path(*REPORT).unlink()
    assert not is_stage_finished(stage, copy)
    run_stage(stage, copy)
    assert copy.path(*REPORT).exists()


def test_a_changed_table_and_a_shown_setting_make_it_again_and_the_machines_do_not(copy: Workspace) -> None:
    run_stage(ReportStage(all_settings=SETTINGS), copy)
    moved = SETTINGS | {"workers": 7, "runner": "processes", "workspace": "elsewhere"}
    assert is_stage_finished(ReportStage(all_settings=moved), copy)
    assert not is_stage_finished(ReportStage(all_settings=SETTINGS | {"dataset_version": "2"}), copy)
    copy.table("score", "clip_scores").write_bytes(b"changed")
    assert not is_stage_finished(ReportStage(all_settings=SETTINGS), copy)
