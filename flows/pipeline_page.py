"""The page of a pipeline's run: stages, changes, quarantine, scores, loss and examples on one screen."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flows.markdown import plain, table
from flows.run_changes import changes_since_last, numbers_of
from flows.stage_pages import score_overview, scores_of, section
from tasks.config import PipelineConfig
from tasks.engine import read_quarantine
from tasks.engine.workspace import Workspace
from tasks.report import REPORT

log = logging.getLogger(__name__)

_REASONS: Final = 10
_SECTIONS: Final = {"train": "Training", "augment": "New audio", "recaption": "Captions"}
"""Stages whose own pages are shown on the pipeline's, with their titles, in this order."""


def pipeline_markdown(
    results: Sequence[Mapping[str, Any]], config: PipelineConfig, workspace: Workspace, report: str
) -> str:
    """Returns the page. `report`: the address of the report, which is linked where there is one."""
    lines = [f"# {plain(workspace.root.name)}", ""]
    if workspace.path(*REPORT).exists():
        lines += [f"[the report]({report}): {plain(str(workspace.path(*REPORT)))}", ""]
    lines += shown("changes", lambda: changes_since_last(numbers_of(results, workspace), workspace))
    if scores := shown("scores", lambda: score_overview(scores_of(workspace))):
        lines += ["", "## Scores", "", *scores]
    for stage, title in _SECTIONS.items():
        if found := stage_section(stage, workspace, config):
            lines += ["", f"## {title}", "", *found]
    cells = [[str(one[key]) for key in ("stage", "done", "new", "quarantined")] for one in results]
    lines += ["", "## Stages", "", *table(("stage", "done", "now", "quarantined"), cells)]
    lines += shown("quarantine", lambda: _quarantine(workspace))
    return "\n".join([*lines, "", f"workspace {plain(str(workspace.root))}"])


def stage_section(stage: str, workspace: Workspace, config: PipelineConfig) -> list[str]:
    """Returns what a stage's page shows of its output."""
    return shown(stage, lambda: section(stage, workspace, config))


def shown(what: str, lines: Callable[[], list[str]]) -> list[str]:
    """Returns the lines that a function gives. A page that cannot be made does not fail a run whose work is done."""
    try:
        return lines()
    except Exception as error:  # damaged tables and audio raise anything, depending on what reads them
        log.warning("%s cannot be shown in the UI: %s", what, error)
        return [f"{what} cannot be shown: {plain(str(error))}"]


def _quarantine(workspace: Workspace) -> list[str]:
    counts = Counter((row.stage, row.reason) for row in read_quarantine(workspace))
    cells = [[plain(stage), plain(reason), f"{n:,}"] for (stage, reason), n in counts.most_common(_REASONS)]
    return ["", "## Quarantine", "", *table(("stage", "reason", "items"), cells)] if cells else []
