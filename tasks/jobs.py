"""Steps that are one piece of work: training, the score tables, the report. Each knows whether it is finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import UsageError, to_json
from data_contracts.files import hash_file
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace, hash_text, read_json, write_json

OnProgress = Callable[[int, int, str], None]
REPORT: Final = ("report", "report.html")
_NOT_IN_REPORT: Final = {"workspace", "runner", "dask_address", "workers", "shard_size", "gpu_pool"}
_SCORES: Final = ("evaluate", "scores.parquet")


@dataclass(frozen=True, slots=True)
class Job:
    """`run` does the work and returns the line a person reads; `is_finished` is cheap and changes nothing."""

    run: Callable[[Workspace, OnProgress], str]
    is_finished: Callable[[Workspace], bool]


def train_job(config: PipelineConfig) -> Job:
    """Returns training, which keeps its own marks: a finished run returns at once, a cut one continues."""

    def run(workspace: Workspace, on_progress: OnProgress) -> str:
        from tasks.train.job import run_training

        def step(row: object, total: int) -> None:
            on_progress(row.step, total, f"loss {row.loss:.3f}")  # type: ignore[attr-defined]

        return run_training(config.train, workspace, step).line()

    def is_finished(workspace: Workspace) -> bool:
        marker = workspace.path("train", "train.json")
        if not marker.exists() or not workspace.path("train", "checkpoint.safetensors").exists():
            return False
        from model.features import FeatureStore
        from tasks.train.job import training_key

        store = FeatureStore.open(workspace.path("precompute"))
        return bool(read_json(marker)["key"] == training_key(config.train, store))

    return Job(run, is_finished)


def evaluate_job(config: PipelineConfig) -> Job:
    """Returns the job that joins the clips' scores into tables."""

    def key(workspace: Workspace) -> str:
        table = workspace.table("score", "clip_scores")
        return hash_text(_digest(workspace, table), to_json(config.evaluate.model_dump(mode="json")))

    def run(workspace: Workspace, on_progress: OnProgress) -> str:
        from tasks.evaluate.tables import write_scores

        write_scores(workspace)
        on_progress(1, 1, "")
        _mark(workspace, "evaluate", key(workspace))
        return "evaluate: score tables written"

    return Job(run, lambda workspace: workspace.path(*_SCORES).exists() and _marked(workspace, "evaluate", key))


def report_job(config: PipelineConfig) -> Job:
    """Returns the job that writes the report from all tables."""

    def key(workspace: Workspace) -> str:
        tables = sorted(workspace.root.glob("*/*.parquet"))
        settings = to_json(config.model_dump(mode="json", exclude=_NOT_IN_REPORT))
        return hash_text(settings, *(_digest(workspace, table) for table in tables))

    def run(workspace: Workspace, on_progress: OnProgress) -> str:
        from tasks.report.job import write_report

        path = write_report(workspace, config)
        on_progress(1, 1, "")
        _mark(workspace, "report", key(workspace))
        return f"report: {path.name} written"

    return Job(run, lambda workspace: workspace.path(*REPORT).exists() and _marked(workspace, "report", key))


def _digest(workspace: Workspace, path: Path) -> str:
    return f"{workspace.relative(path)}={hash_file(path) if path.exists() else 'missing'}"


def _mark(workspace: Workspace, name: str, key: str) -> None:
    write_json(workspace.path(name, "job.json"), {"key": key})


def _marked(workspace: Workspace, name: str, key: Callable[[Workspace], str]) -> bool:
    try:
        return bool(read_json(workspace.path(name, "job.json"))["key"] == key(workspace))
    except (UsageError, KeyError):
        return False
