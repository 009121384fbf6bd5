"""What the commands do with a config: they look first, and start Prefect only when there is work.

A single stage runs without Prefect where no server is set: there is nobody to show it to.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import typer

from data_contracts import UsageError
from flows.costs import cost_table
from flows.direct import run_directly
from flows.server import own_server, require_server, watched_server
from flows.settings import server_url, ship_settings
from flows.terminal_log import show_log_lines
from flows.termination import end_now, write_last_line
from flows.tools import require_programs
from tasks.config import PipelineConfig
from tasks.engine.settings import load_settings
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import require_free
from tasks.pipeline import Step, chosen_steps, find_step
from tasks.report import REPORT
from tasks.steps import is_finished, is_known_finished, require_quarantine, step_state

_LOG_TIMEOUT_S: Final = 5.0


def run_demo(config: PipelineConfig) -> None:
    """Runs the demo; when there is work, fetches the caption models that it uses first."""
    if not is_finished(_with_absolute_workspace(config), Workspace(Path(config.workspace))):
        from flows.weights import prepare_captions

        prepare_captions(config)
    run_all(config)


def run_all(
    config: PipelineConfig,
    *,
    verify_files: bool = False,
    until: str = "",
    only: Sequence[str] = (),
    wait_minutes: float = 0,
) -> None:
    """Looks at what the unfinished stages need, runs the pipeline, prints each stage's line and the report's path.

    Stages that a work pool will run are not looked at: their weights and their GPU are those of its worker.
    With `verify_files` every stage reads its files and makes damaged ones again. `until` and `only` choose the stages.
    Raises InUseError when another run still uses the workspace after `wait_minutes`.
    """
    config = _with_absolute_workspace(config)
    workspace = Workspace(Path(config.workspace))
    steps = chosen_steps(until, only)
    if not verify_files and is_finished(config, workspace, steps):
        typer.echo(f"nothing to do: every {'chosen ' if until or only else ''}stage is finished")
        _say_report(steps, workspace)
        return
    unfinished = {step.name for step in steps if verify_files or not is_known_finished(step, config, workspace)}
    shared = bool(server_url())
    if not shared:  # the server that the run starts for itself has no pools: every stage runs here
        _require_needs(config, unfinished)
    with _prefect(None if wait_minutes else workspace):
        from flows.pipeline import pipeline
        from flows.placement import steps_on_pool

        if shared:
            _require_needs(config, unfinished - steps_on_pool(config))
        costs = cost_table(
            pipeline(config=config, verify_files=verify_files, until=until, only=tuple(only), wait_minutes=wait_minutes)
        )
    if costs:
        typer.echo(costs)
    _say_report(steps, workspace)


def _say_report(steps: Sequence[Step], workspace: Workspace) -> None:
    if any(step.name == REPORT[0] for step in steps):
        typer.echo(f"report: {workspace.path(*REPORT)}")


def _require_needs(config: PipelineConfig, stages: set[str]) -> None:
    from tasks.commands.doctor import examine, require

    require(examine(config, stages=stages, disk=False), _say)


def run_one(
    stage: str,
    config: PipelineConfig,
    *,
    retry: bool = False,
    verify_files: bool = False,
    wait_minutes: float = 0,
) -> None:
    """Runs one stage in the config's workspace: as a Prefect flow where a server is set, else directly.

    Raises InUseError when another run still uses the workspace after `wait_minutes`.
    """
    config = _with_absolute_workspace(config)
    step, workspace = find_step(stage), Workspace(Path(config.workspace))
    finished = not retry and not verify_files and step_state(step, config, workspace).finished
    if not finished:
        made = step.make(config)
        if retry:
            require_quarantine(made)
        require_programs(made)
    if finished or (config.runner != "dask" and not server_url()):
        _listen_to_stages()
        run_directly(step, config, workspace, retry=retry, verify_files=verify_files, wait_minutes=wait_minutes)
        return
    with _prefect(None if wait_minutes else workspace):
        from flows.runs import running_in
        from flows.stages import STAGE_FLOWS

        what = f"{stage} of {workspace.root.name}"
        with running_in(workspace, what, lambda: config, wait_minutes=wait_minutes):
            given = {"retry": retry, "verify_files": verify_files}
            STAGE_FLOWS[stage](workspace=config.workspace, **{name: True for name, value in given.items() if value})


def run_ablation_table(config: PipelineConfig, *, wait_minutes: float = 0) -> None:
    """Trains and scores the named configurations on a finished run's features, and prints their table."""
    config = _with_absolute_workspace(config)
    with _prefect(None if wait_minutes else Workspace(Path(config.workspace))):
        from flows.ablations import ablations

        text = ablations(
            workspace=config.workspace,
            train=config.train,
            evaluate=config.evaluate,
            compared=config.ablations,
            wait_minutes=wait_minutes,
        )
    typer.echo(text)


def run_claims_test(config: PipelineConfig, *, wait_minutes: float = 0) -> None:
    """Trains and scores the named configurations with several seeds, and prints which claims of the paper they show."""
    from tasks.commands.doctor import examine, require

    config = _with_absolute_workspace(config)
    require(examine(config, disk=False), _say)
    with _prefect(None if wait_minutes else Workspace(Path(config.workspace))):
        from flows.claims import claims

        text = claims(config=config, wait_minutes=wait_minutes)
    typer.echo(text)


def run_paper_table(config: PipelineConfig, *, wait_minutes: float = 0) -> None:
    """Makes a table of the paper, with the paper's numbers beside those of the named systems, and prints it."""
    config = _with_absolute_workspace(config)
    workspace = Workspace(Path(config.workspace))
    with _prefect(None if wait_minutes else workspace):
        from flows.paper_table import paper_table

        text = paper_table(config=config, wait_minutes=wait_minutes)
    typer.echo(text)
    files = workspace.path("tables").glob(f"table-{config.evaluate.table}.*")
    typer.echo("\n" + "\n".join(map(str, sorted(files))))


def run_codec(config: Path, overrides: list[str], out: Path) -> None:
    """Trains the codec from its own config."""
    from tasks.commands.train_codec.config import CodecTrainConfig

    settings = load_settings(CodecTrainConfig, config, overrides)
    _require_other_file(out, config)
    with _prefect():
        from flows.train_codec import train_codec

        path = train_codec(str(out), settings)
    typer.echo(f"codec: {path}")


def run_judge(config: Path, overrides: list[str], out: Path) -> None:
    """Trains the judge `corpus-cnn` from its own config."""
    from tasks.commands.train_judge.config import JudgeTrainConfig

    settings = load_settings(JudgeTrainConfig, config, overrides)
    _require_other_file(out, config)
    with _prefect():
        from flows.train_judge import train_judge

        path = train_judge(str(out), settings)
    typer.echo(f"judge: {path}")


def _require_other_file(out: Path, config: Path) -> None:
    """Raises UsageError when a training would write over its config."""
    if out.exists() and out.samefile(config):
        raise UsageError(f"--out {out} is the config; it would be lost, give another name")


@contextmanager
def _prefect(workspace: Workspace | None = None) -> Iterator[None]:
    """Sets Prefect's settings before its first import, with the server that is set or one for this run.

    Raises UsageError, and starts nothing, where another run uses the workspace. A run whose server is lost ends at
    once: Prefect would retry its requests for minutes.
    """
    if workspace is not None:
        require_free(workspace.root)
    ship_settings(quiet=True)
    _listen_to_stages()
    url = server_url()
    if url:
        require_server(url, _say)
        with watched_server(url, _end_without_server, _say):
            yield
        return
    _say("starting Prefect (no server is set, so the run has its own; 10 s or more) ...")
    with own_server(_end_without_server, _say) as own:
        os.environ["PREFECT_API_URL"] = own
        try:
            yield
        finally:
            _send_log_lines()
            del os.environ["PREFECT_API_URL"]


def _send_log_lines() -> None:
    """Sends what Prefect still holds of the log, while its server is there: it would complain at exit."""
    if handlers := sys.modules.get("prefect.logging.handlers"):
        handlers.APILogWorker.drain_all(timeout=_LOG_TIMEOUT_S)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _end_without_server(reason: str) -> None:
    line = f"error: {reason}; what is finished is kept, the same command continues where this one stopped"
    end_now(1, lambda: write_last_line(line))


def _listen_to_stages() -> None:
    """Shows the stages' log lines on stderr."""
    warnings.filterwarnings("ignore", category=FutureWarning)  # of libraries: nothing that a user can act on
    show_log_lines()


def _with_absolute_workspace(config: PipelineConfig) -> PipelineConfig:
    """Returns the config with an absolute workspace: other processes have another current folder.

    Raises UsageError when no folder can be made there, before anything is started.
    """
    folder = Path(config.workspace).resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise UsageError(f"workspace {folder}: {existing} is a file; give a folder with --workspace")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"workspace {folder}: no permission to write in {existing}; give another with --workspace")
    return config.model_copy(update={"workspace": str(folder)})
