"""The pipeline's flow: steps in order, finished ones left alone, GPU steps on their pool, counts per stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_contracts import ServiceError, UsageError
from flows import pipeline as module
from flows.costs import POOL
from flows.pipeline import pipeline
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, load_stored
from tasks.engine import StageState
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, Step


class Steps:
    """Stands for the steps: which are unfinished, where they ran, what was published."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, unfinished: tuple[str, ...], pool_has_a_worker: bool
    ) -> None:
        self.given: list[dict[str, bool]] = []
        self.unfinished, self.ran, self.announced, self.published = set(unfinished), [], [], []
        monkeypatch.setattr(module, "step_state", self.state)
        monkeypatch.setattr(module, "run_on_pool", lambda step, *_: pool_has_a_worker and self.run(step.name, "pool"))
        monkeypatch.setattr(module, "announce", self.announced.append)
        monkeypatch.setattr(module, "publish_pipeline", lambda results, config, place: self.published.extend(results))
        for step in STEPS:
            monkeypatch.setitem(
                STAGE_FLOWS, step.name, lambda workspace, name=step.name, **given: self.run_here(name, given)
            )

    def state(self, step: Step, config: PipelineConfig, workspace: Workspace) -> StageState:
        return StageState(name=step.name, done=2, pending=int(step.name in self.unfinished), quarantined=1)

    def run(self, name: str, where: str) -> bool:
        self.ran.append((name, where))
        self.unfinished.discard(name)
        return True

    def run_here(self, name: str, given: dict[str, bool]) -> dict[str, Any]:
        self.given.append(given)
        self.run(name, "here")
        return {"stage": name, "done": 3, "new": 1, "quarantined": 0}


@pytest.mark.parametrize(("pool_has_a_worker", "where"), [(True, "pool"), (False, "here")])
def test_only_unfinished_steps_run_and_training_on_its_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool_has_a_worker: bool, where: str
) -> None:
    steps = Steps(monkeypatch, unfinished=("mine", "train"), pool_has_a_worker=pool_has_a_worker)
    results = pipeline.fn(workspace=str(tmp_path), changes=("train.steps=7",))
    assert steps.ran == [("mine", "here"), ("train", where)]
    assert list(results) == [step.name for step in STEPS] and steps.published == list(results.values())
    mine, ingest = results["mine"], results["ingest"]
    assert mine.items() >= {"stage": "mine", "done": 3, "new": 1, "quarantined": 0}.items()
    assert ingest.items() >= {"stage": "ingest", "done": 2, "new": 0, "quarantined": 1}.items()
    assert all(result["cpu_s"] >= 0 and result["wall_s"] >= 0 for result in results.values())  # what it took
    said = {step.name: f"{step.name}: already done" for step in STEPS if step.name != "mine"}
    if pool_has_a_worker:
        assert results["train"][POOL] == "gpu" and POOL not in mine
        assert steps.announced == list({**said, "train": "train: 2 done (0 now), 1 in quarantine"}.values())
    else:
        del said["train"]
        assert steps.announced == list(said.values())
    assert load_stored(Workspace(tmp_path)).train.steps == 7  # what it ran with is stored


def test_until_and_only_choose_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [step.name for step in STEPS]
    steps = Steps(monkeypatch, unfinished=tuple(names), pool_has_a_worker=False)
    monkeypatch.setattr(module, "first_stale_before", lambda step, *given: "ingest")
    results = pipeline.fn(workspace=str(tmp_path), until="augment", only=("augment", "mine"))
    assert list(results) == ["mine", "augment"] == [name for name, _ in steps.ran]
    assert steps.announced == [
        "ingest is not up to date, mine reads what it wrote last; `run all` runs all in their order"
    ]
    steps.ran.clear()
    pipeline.fn(workspace=str(tmp_path), until="mine")
    assert [name for name, _ in steps.ran] == ["ingest"]  # mine has run


def test_a_stage_that_comes_too_late_or_is_unknown_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="stage train comes after mine"):
        pipeline.fn(workspace=str(tmp_path), until="mine", only=("train",))
    with pytest.raises(UsageError, match="unknown stage 'trian'"):
        pipeline.fn(workspace=str(tmp_path), until="trian")
    assert list(tmp_path.iterdir()) == []


def test_the_form_offers_the_stages_names() -> None:
    form = pipeline.parameters.properties
    assert form["until"]["enum"] == form["only"]["items"]["enum"] == ["", *(step.name for step in STEPS)]


def test_a_fault_that_may_pass_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, unfinished=("mine",), pool_has_a_worker=False)
    faults = [ServiceError("the endpoint is away")]

    def fails_once(workspace: str) -> dict[str, Any]:
        if faults:
            raise faults.pop()
        return steps.run_here("mine", {})

    monkeypatch.setitem(STAGE_FLOWS, "mine", fails_once)
    monkeypatch.setattr("flows.retries.announce", steps.announced.append)
    monkeypatch.setattr("flows.retries.time.sleep", lambda seconds: None)
    with pytest.raises(ServiceError):
        pipeline.fn(workspace=str(tmp_path))
    faults.append(ServiceError("the endpoint is away"))
    assert pipeline.fn(workspace=str(tmp_path), retries=1)["mine"]["done"] == 3
    assert "mine: the endpoint is away; retry 1 of 1 in 1 min" in steps.announced


def test_to_verify_files_finished_stages_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, unfinished=(), pool_has_a_worker=False)
    pipeline.fn(workspace=str(tmp_path), verify_files=True)
    assert [name for name, _ in steps.ran] == [step.name for step in STEPS]
    assert steps.given == [{"verify_files": True}] * len(STEPS)
