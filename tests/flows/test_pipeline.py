"""The pipeline's flow: steps in order, finished ones left alone, GPU steps on their pool, counts per stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows import pipeline as module
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
        monkeypatch.setattr(module, "publish_pipeline", lambda results, place: self.published.extend(results))
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
    assert steps.announced == [f"{step.name}: already done" for step in STEPS if step.name not in ("mine", "train")]
    assert load_stored(Workspace(tmp_path)).train.steps == 7  # what it ran with is stored


def test_to_verify_files_finished_stages_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch, unfinished=(), pool_has_a_worker=False)
    pipeline.fn(workspace=str(tmp_path), verify_files=True)
    assert [name for name, _ in steps.ran] == [step.name for step in STEPS]
    assert steps.given == [{"verify_files": True}] * len(STEPS)
