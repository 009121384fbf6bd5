"""What a run leaves in the UI for people: its progress, counts with the quarantine, and a link to the report."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)

from data_contracts import Quarantine, read_table
from tasks.engine import StageSummary
from tasks.engine.progress import OnProgress
from tasks.engine.workspace import Workspace
from tasks.pipeline import Step
from tasks.report import REPORT

FILES_URL: Final = "FOLEYGENEX_FILES_URL"
_SHOWN: Final = 50  # rows of the quarantine in the artifact; the table has all


def ui_progress(name: str, unit: str = "items") -> OnProgress:
    """Returns a callback that keeps a progress artifact of this run up to date, every five percent."""
    known: dict[str, Any] = {"artifact": None, "percent": -1}

    def advance(done: int, total: int, word: str) -> None:
        percent = int(100 * done / total) if total else 100
        if percent == known["percent"] or (percent % 5 and done < total):
            return
        known["percent"] = percent
        text = progress_text(name, done, total, unit, word)
        if known["artifact"] is None:
            known["artifact"] = create_progress_artifact(float(percent), key=f"{name}-progress", description=text)
        elif isinstance(known["artifact"], UUID):
            update_progress_artifact(known["artifact"], float(percent), description=text)

    return advance


def logged(write: Callable[[str], None], name: str, unit: str = "items", *, every_s: float = 30.0) -> OnProgress:
    """Returns a callback that writes a line into the run's log, at most one every `every_s` seconds."""
    last_s = time.monotonic()

    def advance(done: int, total: int, word: str) -> None:
        nonlocal last_s
        if done < total and time.monotonic() - last_s >= every_s:
            last_s = time.monotonic()
            write(progress_text(name, done, total, unit, word))

    return advance


def progress_text(name: str, done: int, total: int, unit: str, word: str) -> str:
    """Returns e.g. `train: 40 of 100 steps, loss 2.101`."""
    return f"{name}: {done} of {total} {unit}" + (f", {word}" if word else "")


def publish(step: Step, result: StageSummary, workspace: Workspace) -> None:
    """Writes the stage's artifacts: counts and quarantine as markdown, and the report's link."""
    text = stage_markdown(step, result, workspace)
    create_markdown_artifact(
        text, key=f"{step.name}-summary", description=_title(f"{workspace.root.name}: {result.line()}")
    )
    if step.name == "report" and workspace.path(*REPORT).exists():
        where = str(workspace.path(*REPORT))
        create_link_artifact(report_url(workspace), link_text="the report", key="report-link", description=where)


def publish_pipeline(results: Iterable[dict[str, Any]], workspace: Workspace) -> None:
    """Writes the table of all stages."""
    lines = [f"# {plain(workspace.root.name)}", "", "| stage | done | now | quarantined |", "|---|---|---|---|"]
    lines += [f"| {r['stage']} | {r['done']} | {r['new']} | {r['quarantined']} |" for r in results]
    lines += ["", f"workspace {plain(str(workspace.root))}"]
    if workspace.path(*REPORT).exists():
        lines += ["", f"[the report]({report_url(workspace)}): {plain(str(workspace.path(*REPORT)))}"]
    title = _title(f"all stages of {workspace.root.name}")
    create_markdown_artifact("\n".join(lines), key="pipeline-summary", description=title)


def stage_markdown(step: Step, result: StageSummary, workspace: Workspace) -> str:
    """Returns what the UI shows of a finished stage."""
    lines = [f"# {step.name} of {plain(workspace.root.name)}", "", step.title, ""]
    lines += ["| done | now | rows | quarantined |", "|---|---|---|---|"]
    lines += [f"| {result.done} | {result.new} | {result.rows} | {result.quarantined} |", "", plain(result.line())]
    if result.quarantined:
        failures = read_table(workspace.table(step.name, "quarantine"), Quarantine)
        lines += ["", "## Quarantine", "", "| item | reason | message |", "|---|---|---|"]
        lines += [f"| {plain(f.item_id)} | {plain(f.reason)} | {plain(f.message)} |" for f in failures[:_SHOWN]]
        if len(failures) > _SHOWN:
            lines += ["", f"and {len(failures) - _SHOWN} more in `{step.name}/quarantine.parquet`"]
    return "\n".join(lines)


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


def plain(text: str) -> str:
    """Returns untrusted text for a table cell: no line breaks, no cell ends, no markup."""
    cleaned = "".join(c if c.isprintable() else " " for c in text[:300])
    for mark in "\\|`<>[]*_~!":
        cleaned = cleaned.replace(mark, f"\\{mark}")
    return cleaned.replace("://", ":\\//")
