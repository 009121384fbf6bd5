"""Laws of the Prefect wrapper: the same bytes on every task runner, artifacts for people, nothing cached elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data_contracts import UsageError
from flows import artifacts, runner
from flows.progress import JournalCount, watch
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig
from tasks.engine import Stage, StageSummary, run_stage
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, Step, run_step
from tests.tasks.engine.test_run import content
from tests.tasks.engine.tiny import TinyStage

STAGE = TinyStage(bad=(3, 11))


class LargeShards(TinyStage):
    large_shards: ClassVar[bool] = True


def tiny_step(make: Callable[[PipelineConfig], Stage]) -> Step:
    return Step(name="tiny", description="A stage for tests.", make=make, group=None, tags=())


def run_tiny(space: Workspace, config: PipelineConfig, stage: TinyStage = STAGE) -> tuple[StageSummary, list[int]]:
    """Runs the tiny stage in a flow; returns its result and the progress it reported."""
    from prefect import flow

    step = tiny_step(lambda _: stage)
    seen: list[int] = []

    def report(done: int, total: int, word: str) -> None:
        seen.append(done)

    @flow(name="tiny")
    def tiny() -> StageSummary:
        mapper = runner.shard_mapper(step.make(config), config, space, report)
        result = run_step(step, config, space, mapper=mapper)
        artifacts.publish(step, result, space)
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

    space, step = Workspace(tmp_path), tiny_step(lambda _: Broken())

    @flow(name="tiny")
    def tiny() -> StageSummary:
        config = PipelineConfig(shard_size=8, workers=2)
        mapper = runner.shard_mapper(step.make(config), config, space, lambda done, total, word: None)
        return run_step(step, config, space, mapper=mapper)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        tiny()
    assert not space.table("tiny", "tinies").exists()
    assert run_stage(TinyStage(), space).new < 40


def test_unknown_dask_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prefect_dask", None)
    with pytest.raises(UsageError, match=r"pip install 'foleygenex\[dask\]'"):
        runner.task_runner(PipelineConfig(runner="dask"), 2)


def test_every_step_has_its_flow_with_a_description() -> None:
    assert list(STAGE_FLOWS) == [step.name for step in STEPS]
    for name, flow in STAGE_FLOWS.items():
        assert flow.name == name and flow.description
        properties = flow.parameters.properties
        assert "workspace" in properties
        assert all(value.get("description") for value in properties.values()), (name, properties)


def test_quarantined_text_cannot_break_the_artifact() -> None:
    cell = artifacts.plain("a | b\n<script>alert(1)</script> ![x](http://y/z) `c` *d* ~~e~~ www://f")
    assert "\n" not in cell and "://" not in cell
    for mark in "|<>![]`*~":
        assert f"\\{mark}" in cell and mark not in cell.replace(f"\\{mark}", "")


def test_stage_markdown_names_the_quarantine(tmp_path: Path) -> None:
    space, step = Workspace(tmp_path), tiny_step(lambda _: STAGE)
    text = artifacts.stage_markdown(step, run_step(step, PipelineConfig(), space), space)
    assert "| 38 | 40 | 38 | 2 |" in text and "number 3 is bad" in text


def test_journal_growth_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "00000.jsonl").write_bytes(b"old\n")
    count = JournalCount(tmp_path)
    assert count.update() == 0
    with (tmp_path / "00000.jsonl").open("ab") as file:
        file.write(b"new\nhalf")
    (tmp_path / "00001.jsonl").write_bytes(b"new\n")
    assert (count.update(), count.update()) == (2, 2)


def test_watch_reports_at_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with watch(tmp_path, 3, lambda done, total, word: seen.append((done, total)), every_s=60):
        (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    assert seen == [(2, 3)]
