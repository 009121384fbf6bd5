"""What a run leaves in the UI: progress, counts with the quarantine as harmless text, and the address of the report."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest

from data_contracts import QualityError
from flows import artifacts
from flows.artifacts import report_url
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.steps import run_step
from tests.flows.steps import tiny_step
from tests.tasks.engine.test_quality import Limited
from tests.tasks.engine.tiny import TinyStage


def test_the_report_has_an_address_where_workspaces_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "run 1")
    assert report_url(space).startswith("file:///") and report_url(space).endswith("/run%201/report/report.html")
    monkeypatch.setenv("FOLEYGENEX_FILES_URL", "http://files:8000/runs/")
    assert report_url(space) == "http://files:8000/runs/run%201/report/report.html"


def test_quarantined_text_cannot_break_the_artifact() -> None:
    cell = artifacts.plain("a | b\n<script>alert(1)</script> ![x](http://y/z) `c` *d* ~~e~~ www://f")
    assert "\n" not in cell and "://" not in cell
    for mark in "|<>![]`*~":
        assert f"\\{mark}" in cell and mark not in cell.replace(f"\\{mark}", "")


def test_stage_markdown_names_the_quarantine(tmp_path: Path) -> None:
    space, step = Workspace(tmp_path), tiny_step("tiny", lambda _: TinyStage(bad=(3, 11)))
    text = artifacts.stage_markdown(step, run_step(step, PipelineConfig(), space), PipelineConfig(), space)
    assert "| 38 | 40 | 38 | 2 |" in text and "number 3 is bad" in text


def test_stage_markdown_has_the_shares_of_every_limit_also_when_all_is_well(tmp_path: Path) -> None:
    space, step = Workspace(tmp_path), tiny_step("tiny", lambda _: Limited(bad=(3,)))
    text = artifacts.stage_markdown(step, run_step(step, PipelineConfig(), space), PipelineConfig(), space)
    assert "| quarantined | 1 of 40 | 2 % | 50 % | `tiny.accept` |" in text
    assert "| by the second choice | 0 of 0 | 0 % | 50 % | `tiny.accept_second` |" in text


def test_no_artifact_has_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    assert "sk-0" not in artifacts.plain("the server says sk-0123456789")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, str]]:
    """What was made or changed in the UI: kind, percent, description."""
    made: list[tuple[str, float, str]] = []

    def create(percent: float, key: str, description: str) -> UUID:
        made.append((key, percent, description))
        return UUID(int=1)

    def update(artifact_id: UUID, percent: float, description: str) -> None:
        made.append(("update", percent, description))

    def markdown(text: str, key: str, description: str) -> None:
        made.append((key, 0.0, text))

    monkeypatch.setattr(artifacts, "create_progress_artifact", create)
    monkeypatch.setattr(artifacts, "update_progress_artifact", update)
    monkeypatch.setattr(artifacts, "create_markdown_artifact", markdown)
    return made


def test_the_ui_gets_every_fifth_percent_once_and_the_end(shown: list[tuple[str, float, str]]) -> None:
    progress = artifacts.ui_progress("train", "steps")
    for done in (0, 1, 2, 2, 10, 11, 37, 40):
        progress(done, 40, "loss 2.1" if done == 10 else "")
    assert [(kind, percent) for kind, percent, _ in shown] == [
        ("train-progress", 0.0),
        ("update", 5.0),
        ("update", 25.0),
        ("update", 100.0),
    ]
    assert shown[2][2] == "train: 10 of 40 steps, loss 2.1"


def test_a_stage_past_its_limit_shows_the_numbers_and_its_quarantine(
    tmp_path: Path, shown: list[tuple[str, float, str]]
) -> None:
    space, step = Workspace(tmp_path), tiny_step("tiny", lambda _: Limited(bad=tuple(range(30))))
    with pytest.raises(QualityError) as error:
        run_step(step, PipelineConfig(), space)
    artifacts.publish_excess(step, error.value, space)
    ((key, _, text),) = shown
    assert key.endswith("-tiny-summary") and "number 29 is bad" in text
    assert "30 of 40 quarantined (75 %), tiny.accept is 0.5" in text and "--set tiny.accept=0.75" in text.replace(
        "\\", ""
    )


def test_nothing_to_do_is_all_done(shown: list[tuple[str, float, str]]) -> None:
    artifacts.ui_progress("mine")(0, 0, "")
    assert shown == [("mine-progress", 100.0, "mine: 0 of 0 items")]


def test_the_pipelines_table_has_a_row_per_stage_and_harmless_names(
    shown: list[tuple[str, float, str]], tmp_path: Path
) -> None:
    space = Workspace(tmp_path / "Run|1")
    results = [
        {"stage": "mine", "done": 3, "new": 1, "quarantined": 2},
        {"stage": "train", "done": 1, "new": 0, "quarantined": 0},
    ]
    artifacts.publish_pipeline(results, PipelineConfig(), space)
    ((key, _, text),) = shown
    assert key == "run-1-pipeline-summary" and "| mine | 3 | 1 | 2 |" in text and "| train | 1 | 0 | 0 |" in text
    assert text.startswith("# Run\\|1\n") and "report" not in text and "since the last run" not in text
    space.stage("report").joinpath("report.html").write_text("")
    artifacts.publish_pipeline(results, PipelineConfig(), space)
    assert "[the report](file:///" in shown[-1][2] and "Nothing changed since the last run." in shown[-1][2]


def test_an_artifact_has_a_key_of_its_workspace(tmp_path: Path) -> None:
    assert artifacts.artifact_key(Workspace(tmp_path / "Night run_2"), "mine", "summary") == "night-run-2-mine-summary"
    names = ("夜", "昼", "r\udc80n", "run-Ü", "run-Ö", "..run..", "..%..")
    keys = [artifacts.artifact_key(Workspace(tmp_path / name), "mine", "summary") for name in names]
    assert len(set(keys)) == len(keys) and all(re.fullmatch("[a-z0-9-]+", key) for key in keys)
    assert keys[0].startswith("workspace-") and keys[3].startswith("run-") and keys[5] == "run-mine-summary"
    assert artifacts.artifact_key(None, "train-codec", "progress") == "train-codec-progress"
