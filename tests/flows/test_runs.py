"""Laws of a run's parameters, its name, and its hold on the workspace."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_contracts import FoleyGenExError, UsageError
from flows import cli, placement, runner, runs
from flows.artifacts import log_progress, report_url
from flows.pipeline import pipeline
from flows.runs import given_fields, pipeline_settings, run_name
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine import StageState
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire, holder_of
from tasks.pipeline import Step, find_step
from tasks.train.config import TrainConfig
from tests.conftest import REPOSITORY


def stored(folder: Path, *overrides: str) -> Workspace:
    space = Workspace(folder)
    store(PipelineConfig.load(None, list(overrides)), space)
    return space


def test_a_pipeline_run_without_settings_uses_what_the_workspace_has_stored(tmp_path: Path) -> None:
    stored(tmp_path, "train.steps=9", "mine.parser=rules")
    found = pipeline_settings(str(tmp_path), "", None, ["workers=5"])
    assert (found.train.steps, found.mine.parser, found.workers, found.workspace) == (9, "rules", 5, str(tmp_path))


def test_a_file_or_a_config_replaces_what_is_stored(tmp_path: Path) -> None:
    stored(tmp_path / "w", "train.steps=9")
    path = tmp_path / "c.yaml"
    path.write_text(f"workspace: {tmp_path / 'w'}\nmine: {{parser: rules}}\n")
    for config_file, config in ((str(path), None), ("", PipelineConfig.load(path))):
        found = pipeline_settings("", config_file, config, ["train.seed=3"])
        assert (found.train.steps, found.mine.parser, found.train.seed) == (TrainConfig().steps, "rules", 3)
        assert found.workspace == str(tmp_path / "w")
    assert pipeline_settings(str(tmp_path / "other"), str(path), None, []).workspace == str(tmp_path / "other")
    assert pipeline_settings(str(tmp_path), "paper", None, []).train.preset == "large_44k"


def test_contradictions_and_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="both given"):
        pipeline_settings("", "demo", PipelineConfig(), [])
    for config in (None, PipelineConfig()):
        with pytest.raises(UsageError, match=r"train\.stepz"):
            pipeline_settings(str(tmp_path), "", config, ["train.stepz=3"])


def test_a_stage_keeps_the_stored_settings_that_are_not_given(tmp_path: Path) -> None:
    space = stored(tmp_path, "train.steps=9", "train.masks.span_low=0.7", "mine.parser=rules")
    given = given_fields("train", TrainConfig.model_validate({"lr": 0.5, "masks": {"drop_text": 0.2}}))
    found = load_stored(space, given, ["mine.splits=[test]"])
    assert (found.train.lr, found.train.steps) == (0.5, 9)
    assert (found.train.masks.drop_text, found.train.masks.span_low) == (0.2, 0.7)
    assert (found.mine.parser, found.mine.splits) == ("rules", ("test",))
    assert given_fields("train", None) == given_fields(None, None) == {}


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"workspace": "/data/run1", "retry": False}, "mine of run1"),
        ({"workspace": "/data/run1", "retry": True}, "mine of run1, quarantine again"),
        ({"workspace": "", "config": PipelineConfig(workspace="/data/run2")}, "mine of run2"),
        ({"workspace": "", "config": None}, "mine of workspace"),
    ],
)
def test_a_run_is_named_after_its_stage_and_workspace(
    parameters: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs.runtime.flow_run, "flow_name", "mine", raising=False)
    monkeypatch.setattr(runs.runtime.flow_run, "parameters", parameters, raising=False)
    assert run_name() == name


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


def test_a_pipeline_and_its_stages_share_one_hold(
    prefect_backend: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []

    def state(step: Step, config: PipelineConfig, workspace: Workspace) -> StageState:
        holder = holder_of(workspace.root)
        names.append(holder.what if holder else None)
        return StageState(name=step.name, done=1, pending=0 if step.name != "manifest" else 1)

    def manifest(workspace: str) -> dict[str, Any]:
        place = Workspace(Path(workspace))
        with runs.running_in(place, "manifest", lambda: load_stored(place)):
            return {"stage": "manifest", "done": 1, "new": 1, "quarantined": 0}

    monkeypatch.setattr("flows.pipeline.step_state", state)
    monkeypatch.setitem(STAGE_FLOWS, "manifest", manifest)
    results = pipeline(workspace=str(tmp_path))
    assert [one["new"] for one in results.values()].count(1) == 1
    assert set(names) == {f"pipeline of {tmp_path.name}"} and holder_of(tmp_path) is None


class FakeServer:
    """Stands for Prefect's client: the states that a run goes through, and the state set at last."""

    def __init__(self, *states: Any) -> None:
        self.states, self.set = list(states), []

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *error: object) -> None: ...

    def read_flow_run(self, run_id: object) -> Any:
        state = self.states.pop(0)
        if isinstance(state, BaseException):
            raise state
        return type("Run", (), {"state": state})

    def set_flow_run_state(self, run_id: object, state: Any, force: bool) -> None:
        self.set.append(state.type.value)


def on_pool(monkeypatch: pytest.MonkeyPatch, workspace: Path, server: FakeServer, *, finished: bool = True) -> bool:
    from uuid import uuid4

    from prefect.client.schemas.objects import FlowRun
    from prefect.logging import disable_run_logger

    monkeypatch.setattr(placement, "PREFECT_API_URL", type("Url", (), {"value": staticmethod(lambda: "http://x/api")}))
    monkeypatch.setattr(placement, "get_client", lambda **options: server)
    monkeypatch.setattr(placement, "_why_not", lambda *given: "")
    monkeypatch.setattr(placement, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(placement, "run_deployment", lambda *a, **k: FlowRun(flow_id=uuid4()))
    state = StageState(name="train", pending=0 if finished else 1)
    monkeypatch.setattr(placement, "step_state", lambda *given: state)
    with disable_run_logger():
        return placement.run_on_pool(find_step("train"), PipelineConfig(), Workspace(workspace))


def test_a_stage_on_a_pool_is_waited_for_also_while_the_server_restarts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import httpx
    from prefect.states import Completed, Running

    server = FakeServer(Running(), httpx.ConnectError("refused"), Running(), Completed())
    assert on_pool(monkeypatch, tmp_path, server)
    assert server.states == [] and server.set == []


def test_a_stopped_pipeline_cancels_its_stage_on_the_pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from prefect.states import Running

    server = FakeServer(Running(), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        on_pool(monkeypatch, tmp_path, server)
    assert server.set == ["CANCELLING"]


def test_a_failed_run_or_another_folder_on_the_worker_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from prefect.states import Completed, Failed

    with pytest.raises(FoleyGenExError, match="train/train ended as Failed: no memory"):
        on_pool(monkeypatch, tmp_path, FakeServer(Failed(message="no memory")))
    with pytest.raises(FoleyGenExError, match=r"pool gpu must see the same folder .* or set gpu_pool"):
        on_pool(monkeypatch, tmp_path, FakeServer(Completed()), finished=False)


def test_deployments_are_described_as_their_flows() -> None:
    from flows.ablations import ablations
    from flows.train_codec import train_codec

    flows = {**STAGE_FLOWS, "pipeline": pipeline, "ablations": ablations, "train-codec": train_codec}
    for deployment in yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]:
        described = flows[deployment["name"]].description
        assert deployment["description"] == (described or "").splitlines()[0]
        assert "PREFECT_LOGGING_EXTRA_LOGGERS" in deployment["work_pool"]["job_variables"]["env"]


def test_the_log_gets_a_line_now_and_then() -> None:
    lines: list[str] = []
    advance = log_progress(lines.append, "train", "steps", every_s=0)
    advance(4, 10, "loss 2.1")
    advance(10, 10, "")
    log_progress(lines.append, "train", "steps")(5, 10, "")
    assert lines == ["train: 4 of 10 steps, loss 2.1"]


def test_the_report_has_an_address_where_workspaces_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Workspace(tmp_path / "run 1")
    assert report_url(space).startswith("file:///") and report_url(space).endswith("/run%201/report/report.html")
    monkeypatch.setenv("FOLEYGENEX_FILES_URL", "http://files:8000/runs/")
    assert report_url(space) == "http://files:8000/runs/run%201/report/report.html"


@pytest.mark.parametrize(("before", "after"), [(logging.NOTSET, logging.INFO), (logging.ERROR, logging.ERROR)])
def test_the_stages_own_lines_reach_the_log_unless_somebody_has_set_their_level(
    before: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("tasks"), "level", before)
    monkeypatch.setattr(logging.getLogger("model"), "level", before)
    runner._enable_stage_logs()
    assert logging.getLogger("tasks").level == logging.getLogger("model").level == after
