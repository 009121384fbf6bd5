"""Steps under Prefect: the same bytes on every task runner, nothing cached elsewhere, one run at a time."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data_contracts import QualityError, UsageError
from flows import artifacts, cli, runner, runs
from flows.pipeline import pipeline
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine import StageState, StageSummary, run_stage
from tasks.engine.progress import silent
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire, holder_of
from tasks.pipeline import Step, find_step
from tasks.steps import run_step
from tests.flows.steps import tiny_step
from tests.tasks.engine.test_run import content
from tests.tasks.engine.tiny import TinyStage

STAGE = TinyStage(bad=(3, 11))


class LargeShards(TinyStage):
    large_shards: ClassVar[bool] = True


def run_tiny(space: Workspace, config: PipelineConfig, stage: TinyStage = STAGE) -> tuple[StageSummary, list[int]]:
    """Runs the tiny stage in a flow; returns its result and the progress it reported."""
    from prefect import flow

    step = tiny_step("tiny", lambda _: stage)
    seen: list[int] = []

    def report(done: int, total: int, note: str) -> None:
        seen.append(done)

    @flow(name="tiny")
    def tiny() -> StageSummary:
        mapper = runner.shard_mapper(step.make(config), config, space, report)
        result = run_step(step, config, space, mapper=mapper)
        artifacts.publish(step, result, config, space)
        return result

    return tiny(), seen


@pytest.mark.parametrize("kind", ["threads", "serial", "processes"])
def test_every_task_runner_gives_the_same_bytes(prefect_backend: None, tmp_path: Path, kind: str) -> None:
    run_stage(STAGE, Workspace(tmp_path / "plain"), shard_size=8)
    config = PipelineConfig(runner=kind, workers=2, shard_size=16)
    result, seen = run_tiny(Workspace(tmp_path / kind), config)
    assert content(Workspace(tmp_path / kind)) == content(Workspace(tmp_path / "plain"))
    assert (result.done, result.quarantined, result.reasons) == (38, 2, {"unlucky": 2})
    assert seen[-1] == 40 and seen == sorted(seen)


def test_a_finished_stage_makes_no_task_runs(prefect_backend: None, tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    run_tiny(space, PipelineConfig())
    result, seen = run_tiny(space, PipelineConfig(), LargeShards(bad=(3, 11)))
    assert (result.new, result.done, seen) == (0, 38, [])


def test_a_failing_shard_fails_the_flow_and_keeps_what_is_done(prefect_backend: None, tmp_path: Path) -> None:
    from prefect import flow

    class Broken(TinyStage):
        def _row(self, item: Any, workspace: Workspace) -> Any:
            if item.payload["number"] == 20:
                raise ZeroDivisionError("a bug")
            return super()._row(item, workspace)

    space, step = Workspace(tmp_path), tiny_step("tiny", lambda _: Broken())

    @flow(name="tiny")
    def tiny() -> StageSummary:
        config = PipelineConfig(shard_size=8, workers=2)
        mapper = runner.shard_mapper(step.make(config), config, space, silent)
        return run_step(step, config, space, mapper=mapper)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        tiny()
    assert not space.table("tiny", "tinies").exists()
    assert run_stage(TinyStage(), space).new < 40


def test_dask_without_its_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prefect_dask", None)
    with pytest.raises(UsageError, match=r"pip install 'foleygenex\[dask\]'"):
        config = PipelineConfig(runner="dask")
        runner.task_runner(find_step("ingest").make(config), config, 2)


def stored(folder: Path, *overrides: str) -> Workspace:
    space = Workspace(folder)
    store(PipelineConfig.load(None, list(overrides)), space)
    return space


def test_a_second_run_changes_nothing_and_says_who_is_there(
    prefect_backend: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = stored(tmp_path, "train.steps=9")
    before = (tmp_path / "config.yaml").read_bytes()
    with acquire(space.root, "train of w", run="night"):
        for arguments in (["run", "mine"], ["run", "all"], ["run", "ablations"]):
            assert cli.exit_code([*arguments, "demo", "--workspace", str(tmp_path)]) == 2
            assert "in use by train of w (process" in capsys.readouterr().err
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_a_stage_past_a_quality_limit_shows_the_numbers_and_emits_its_event(
    prefect_backend: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def past_its_limit(*given: Any, **options: Any) -> None:
        raise QualityError("8 of 10 items were written by the rules")

    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(runner, "run_step", past_its_limit)
    monkeypatch.setattr(runner, "publish_excess", lambda step, error, place: seen.append((step.name, str(error))))
    monkeypatch.setattr(runner, "emit_quality_event", lambda error: seen.append(("event", str(error))))
    space = stored(tmp_path, "mine.parser=rules")
    with pytest.raises(QualityError, match="8 of 10"):
        STAGE_FLOWS["mine"](workspace=str(space.root))
    assert seen == [(name, "8 of 10 items were written by the rules") for name in ("mine", "event")]


def test_a_pipeline_and_its_stages_share_the_workspace(
    prefect_backend: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []

    def state(step: Step, config: PipelineConfig, workspace: Workspace) -> StageState:
        holder = holder_of(workspace.root)
        names.append(holder.what if holder else None)
        return StageState(name=step.name, done=1, pending=0 if step.name != "manifest" else 1)

    def manifest(workspace: str) -> dict[str, Any]:
        inner = Workspace(Path(workspace))
        with runs.running_in(inner, "manifest", lambda: load_stored(inner)):
            return {"stage": "manifest", "done": 1, "new": 1, "quarantined": 0}

    monkeypatch.setattr("flows.pipeline.step_state", state)
    monkeypatch.setitem(STAGE_FLOWS, "manifest", manifest)
    results = pipeline(workspace=str(tmp_path))
    assert [one["new"] for one in results.values()].count(1) == 1
    assert set(names) == {f"pipeline of {tmp_path.name}"} and holder_of(tmp_path) is None


@pytest.mark.parametrize(("before", "after"), [(logging.NOTSET, logging.INFO), (logging.ERROR, logging.ERROR)])
def test_the_stages_own_lines_reach_the_log_unless_somebody_has_set_their_level(
    before: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("tasks"), "level", before)
    monkeypatch.setattr(logging.getLogger("model"), "level", before)
    runner._enable_stage_logs()
    assert logging.getLogger("tasks").level == logging.getLogger("model").level == after
