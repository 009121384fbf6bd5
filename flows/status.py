"""What `foleygenex status` says of a workspace: how far each stage is, and why it would run again."""

from __future__ import annotations

from pathlib import Path

from data_contracts.quantities import counted
from tasks.choices import with_choices
from tasks.config import PipelineConfig, load_stored
from tasks.engine import StageState, check_stage
from tasks.engine.choices import choices_text
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import in_use
from tasks.pipeline import find_step
from tasks.reasons import reason
from tasks.steps import pipeline_states


def status_text(folder: Path, *, verify: bool = False) -> str:
    """Returns the table of `foleygenex status`. With `verify` also how many files are missing or damaged."""
    workspace = Workspace(folder)
    config = load_stored(workspace)
    lines = [f"{'stage':<12}{'done':>8}{'pending':>9}{'quarantined':>13}  a rerun would"]
    first = ""
    for state in pipeline_states(config, workspace):
        pending = "?" if state.pending is None else str(state.pending)
        would = (
            _would(state.pending, state.note)
            + _because(state, config, workspace)
            + (f" (not counting what {first} has yet to make)" if first else "")
        )
        lines.append(f"{state.name:<12}{state.done:>8}{pending:>9}{state.quarantined:>13}  {would}")
        if verify:
            lines[-1] += f"; {_damage(state.name, config, workspace)}"
        first = first or ("" if state.finished else state.name)
    if chosen := choices_text(workspace):
        lines.append(chosen)
    if holder := in_use(folder):
        lines.append(f"in use by {holder.line()}")
    return "\n".join(lines)


def _damage(stage: str, config: PipelineConfig, workspace: Workspace) -> str:
    """Says how many of a stage's files are missing or damaged. Reads all of them."""
    try:
        count = len(check_stage(find_step(stage).make(with_choices(config, workspace)), workspace))
    except Exception as error:  # its items are listed from earlier stages' files, which may be damaged in any way
        return f"files not verified ({type(error).__name__}: {error})"
    heal = f", `run {stage} CONFIG --verify-files` makes them again" if count else ""
    return f"{counted(count, 'file')} missing or damaged{heal}"


def _because(state: StageState, config: PipelineConfig, workspace: Workspace) -> str:
    """Says why a stage that finished before would run again."""
    why = "" if state.finished else reason(find_step(state.name), config, workspace)
    return f": {why}" if why else ""


def _would(pending: int | None, note: str) -> str:
    if note:
        return note
    return f"process {pending}" if pending else "do nothing"
