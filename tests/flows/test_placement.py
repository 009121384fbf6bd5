"""Where a stage runs: on a work pool that has a worker, waited for, cancelled with its pipeline, checked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data_contracts import FoleyGenExError
from flows import placement
from flows import server as server_module
from flows.retries import CrashedRunError, may_pass
from tasks.config import PipelineConfig
from tasks.engine import StageState
from tasks.engine.workspace import Workspace
from tasks.pipeline import find_step


class FakeServer:
    """Stands for Prefect's client: the states that a run goes through, and the state set at last."""

    def __init__(self, *states: Any, before: Sequence[Any] = ()) -> None:
        self.states, self.set, self.before = list(states), [], list(before)

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *error: object) -> None: ...

    def read_flow_run(self, run_id: object) -> Any:
        state = self.states.pop(0)
        if isinstance(state, BaseException):
            raise state
        return type("Run", (), {"state": state})

    def read_flow_run_states(self, run_id: object) -> list[Any]:
        return self.before

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


def test_a_run_that_no_worker_takes_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from prefect.states import Completed, Late, Pending, Running, Scheduled

    said: list[str] = []
    monkeypatch.setattr(placement, "announce", said.append)
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(placement.time, "monotonic", lambda: next(clock))
    states = (Scheduled(), Late(), Scheduled(), Pending(), Running(), Running(), Running(), Completed())
    assert on_pool(monkeypatch, tmp_path, FakeServer(*states))
    assert said == ["train runs on work pool gpu", "train waits for a worker of pool gpu that is free"]


def test_a_stopped_pipeline_cancels_its_stage_on_the_pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from prefect.states import Running

    server = FakeServer(Running(), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        on_pool(monkeypatch, tmp_path, server)
    assert server.set == ["CANCELLING"]


def test_the_stages_of_a_pool_are_known_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "PREFECT_API_URL", type("Url", (), {"value": staticmethod(lambda: "http://x/api")}))
    monkeypatch.setattr(placement, "get_client", lambda **options: FakeServer())
    monkeypatch.setattr(placement, "_why_not", lambda client, name, pool: "no worker" if name == "score/score" else "")
    assert placement.steps_on_pool(PipelineConfig()) == {"train", "generate", "judge"}
    assert placement.steps_on_pool(PipelineConfig(gpu_pool="")) == set()
    monkeypatch.setattr(placement, "PREFECT_API_URL", type("Url", (), {"value": staticmethod(lambda: None)}))
    assert placement.steps_on_pool(PipelineConfig()) == set()


def test_a_server_that_the_run_has_started_for_itself_has_no_workers_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It keeps its records where `foleygenex up` does, and so shows that one's workers and deployments."""
    monkeypatch.setattr(server_module, "_OWN", {"http://x/api"})
    assert not on_pool(monkeypatch, tmp_path, FakeServer())
    assert placement.steps_on_pool(PipelineConfig()) == set()
    monkeypatch.setattr(server_module, "_OWN", {"http://127.0.0.1:1/api"})
    assert placement.steps_on_pool(PipelineConfig()) == {"train", "generate", "judge", "score"}


def test_a_killed_run_is_an_error_that_may_pass_once_its_process_has_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from prefect.states import Completed, Crashed

    alive = [True, False]
    monkeypatch.setattr(placement, "is_being_run", lambda stage, workspace: alive.pop(0))
    server = FakeServer(Crashed(message="no heartbeat"), Crashed(message="no heartbeat"))
    with pytest.raises(CrashedRunError, match="train/train ended as Crashed: no heartbeat"):
        on_pool(monkeypatch, tmp_path, server)
    assert server.states == [] and alive == []  # it was waited for while it lived
    monkeypatch.setattr(placement, "is_being_run", lambda stage, workspace: True)
    assert on_pool(monkeypatch, tmp_path, FakeServer(Crashed(), Completed()))  # it was cut off, and has finished


def test_a_cancelled_training_is_not_started_again_though_it_counts_as_crashed_for_some_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from prefect.states import Cancelled, Cancelling, Crashed, Running

    crashed = Crashed(message="Execution was aborted by a termination signal.")
    before = [Running(), Cancelling(), crashed]
    for server in (FakeServer(crashed, before=before), FakeServer(Cancelled(), before=before)):
        with pytest.raises(FoleyGenExError, match=r"train/train (was cancelled|ended as Cancelled)") as error:
            on_pool(monkeypatch, tmp_path, server)
        assert not may_pass(error.value)
    with pytest.raises(CrashedRunError):
        on_pool(monkeypatch, tmp_path, FakeServer(crashed, before=[Running(), crashed]))


def test_a_failed_run_or_another_folder_on_the_worker_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from prefect.states import Completed, Failed

    with pytest.raises(FoleyGenExError, match="train/train ended as Failed: no memory"):
        on_pool(monkeypatch, tmp_path, FakeServer(Failed(message="no memory")))
    with pytest.raises(FoleyGenExError, match=r"pool gpu must see the same folder .* or set gpu_pool"):
        on_pool(monkeypatch, tmp_path, FakeServer(Completed()), finished=False)
