"""What a run shows in the UI: its progress, counts with the quarantine, and a link to the report."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.logging import get_run_logger

from data_contracts import QualityError, Quarantine, read_table
from flows.markdown import plain
from flows.pipeline_page import pipeline_markdown, stage_section
from flows.progress import bar
from tasks.config import PipelineConfig
from tasks.engine import StageSummary
from tasks.engine.progress import OnProgress, ProgressLines, progress_text
from tasks.engine.quality import percent
from tasks.engine.workspace import Workspace, hash_text
from tasks.pipeline import Step
from tasks.report import REPORT

FILES_URL: Final = "FOLEYGENEX_FILES_URL"
_SHOWN: Final = 50  # rows of the quarantine in the artifact; the table has all


@contextmanager
def run_progress(name: str, unit: str, workspace: Workspace | None = None) -> Iterator[OnProgress]:
    """Yields a callback that shows a run's progress: as a bar in the terminal, in the UI, and in the run's log."""
    with bar(name, unit) as terminal:
        shown = ui_progress(name, unit, workspace)
        callbacks = (terminal, shown, ProgressLines(get_run_logger().info, name, unit))

        def show(done: int, total: int, note: str) -> None:
            for callback in callbacks:
                callback(done, total, note)

        yield show


def ui_progress(name: str, unit: str = "items", workspace: Workspace | None = None) -> OnProgress:
    """Returns a callback that keeps a progress artifact of this run up to date, every five percent."""
    artifact_id: UUID | None = None
    shown_percent = -1

    def update(done: int, total: int, note: str) -> None:
        nonlocal artifact_id, shown_percent
        percent = int(100 * done / total) if total else 100
        if percent == shown_percent or (percent % 5 and done < total):
            return
        first, shown_percent = shown_percent < 0, percent
        text = progress_text(name, done, total, unit, note)
        if first:
            made = create_progress_artifact(
                float(percent), key=artifact_key(workspace, name, "progress"), description=text
            )
            artifact_id = made if isinstance(made, UUID) else None
        elif artifact_id is not None:
            update_progress_artifact(artifact_id, float(percent), description=text)

    return update


def publish(step: Step, summary: StageSummary, config: PipelineConfig, workspace: Workspace) -> None:
    """Writes the stage's artifacts: what it made, its counts and quarantine as markdown, and the report's link."""
    text = stage_markdown(step, summary, config, workspace)
    create_markdown_artifact(
        text,
        key=artifact_key(workspace, step.name, "summary"),
        description=_title(f"{workspace.root.name}: {summary.line()}"),
    )
    if step.name == REPORT[0] and workspace.path(*REPORT).exists():
        where, key = str(workspace.path(*REPORT)), artifact_key(workspace, "report", "link")
        create_link_artifact(report_url(workspace), link_text="the report", key=key, description=where)


def publish_excess(step: Step, error: QualityError, workspace: Workspace) -> None:
    """Writes the artifact of a stage that is past a quality limit: the numbers, the ways on, and its quarantine."""
    lines = [f"# {step.name} of {plain(workspace.root.name)} is past its quality limit", "", plain(str(error), 2000)]
    lines += _quarantine_lines(step, workspace)
    title = _title(f"{workspace.root.name}: {error}")
    create_markdown_artifact("\n".join(lines), key=artifact_key(workspace, step.name, "summary"), description=title)


def publish_pipeline(results: Sequence[dict[str, Any]], config: PipelineConfig, workspace: Workspace) -> None:
    """Writes the page of all stages."""
    text = pipeline_markdown(results, config, workspace, report_url(workspace))
    title = _title(f"all stages of {workspace.root.name}")
    create_markdown_artifact(text, key=artifact_key(workspace, "pipeline", "summary"), description=title)


def artifact_key(workspace: Workspace | None, *parts: str) -> str:
    """Returns an artifact's key, which begins with the workspace's name: the UI keeps one history per key.

    A key has only a-z, 0-9 and -. A name with other letters gets a part of its hash, as other names give the same rest.
    """
    if workspace is None:
        return "-".join(parts)
    name = workspace.root.resolve().name
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    is_lost = not name.isascii() or not key
    return "-".join([key or "workspace", *([hash_text(os.fsencode(name).hex())[:6]] if is_lost else []), *parts])


def stage_markdown(step: Step, summary: StageSummary, config: PipelineConfig, workspace: Workspace) -> str:
    """Returns what the UI shows of a finished stage."""
    lines = [f"# {step.name} of {plain(workspace.root.name)}", "", step.description, ""]
    lines += ["| done | now | rows | quarantined |", "|---|---|---|---|"]
    lines += [f"| {summary.done} | {summary.new} | {summary.rows} | {summary.quarantined} |", "", plain(summary.line())]
    if summary.shares:
        lines += ["", "| quality | items | share | accepted | setting |", "|---|---|---|---|---|"]
        lines += [
            f"| {s.name} | {s.count:,} of {s.of:,} | {percent(s.count, s.of)} | {100 * s.most:g} % | `{s.setting}` |"
            for s in summary.shares
        ]
    if found := stage_section(step.name, workspace, config):
        lines += ["", *found]
    if summary.quarantined:
        lines += _quarantine_lines(step, workspace)
    return "\n".join(lines)


def _quarantine_lines(step: Step, workspace: Workspace) -> list[str]:
    path = workspace.table(step.name, "quarantine")
    failures = read_table(path, Quarantine) if path.exists() else []
    if not failures:
        return []
    lines = ["", "## Quarantine", "", "| item | reason | message |", "|---|---|---|"]
    lines += [f"| {plain(f.item_id)} | {plain(f.reason)} | {plain(f.message)} |" for f in failures[:_SHOWN]]
    if len(failures) > _SHOWN:
        lines += ["", f"and {len(failures) - _SHOWN} more in `{step.name}/quarantine.parquet`"]
    return lines


def report_url(workspace: Workspace) -> str:
    """Returns the report's address: below FOLEYGENEX_FILES_URL where the folder of workspaces is served, else its file.

    A browser follows a `file://` link only when it is copied into the address bar.
    """
    base = os.environ.get(FILES_URL)
    if not base:
        return workspace.path(*REPORT).as_uri()
    return "/".join([base.rstrip("/"), quote(workspace.root.resolve().name), *REPORT])


def _title(text: str) -> str:
    """Returns text for a description, which lists show as it is and pages as markup: without any marks."""
    return re.sub(r"[^\w .,;:()%-]+", " ", text)
