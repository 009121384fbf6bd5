"""The train stage starts its own ranks: equal to one process, stopped with a state, errors as they were raised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from data_contracts import BudgetError, TrainingError, TrainMetric, UsageError
from model.training.state import state_files
from model.training.stop import StopSignals
from tasks.engine import run_stage
from tasks.engine.progress import silent
from tasks.engine.workspace import Workspace
from tasks.train import launch, rank
from tasks.train.config import TrainConfig
from tasks.train.job import run_training
from tasks.train.launch import LAUNCHED_BY, RANKS_LOG, launch_training, processes_of
from tasks.train.stage import TrainStage
from tests.conftest import REPOSITORY
from tests.model.fakes import fake_store
from tests.tasks.train.features import write_features


def config(**changes: Any) -> TrainConfig:
    values = {
        "preset": "tiny", "steps": 6, "batch_size": 4, "warmup_steps": 1, "log_every": 2, "validate_every": 6,
        "checkpoint_every": 2, "device": "cpu", "trackers": (), "processes": 2,
    }  # fmt: skip
    return TrainConfig.model_validate({**values, **changes})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = Workspace(tmp_path / "w")
    write_features(found.stage("precompute"), fake_store(clip_s=1.0))
    return found


def fake_ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    """Ranks that run the given code instead of a training, without torchrun."""
    script = tmp_path / "fake_rank.py"
    script.write_text("import json, os, signal, sys, time\n" + code, "utf-8")
    popen = subprocess.Popen

    def started(command: list[str], **options: Any) -> subprocess.Popen[str]:
        return popen([sys.executable, str(script), *command[-2:]], **options)

    monkeypatch.setattr(launch.subprocess, "Popen", started)


@pytest.mark.slow
def test_two_processes_train_what_one_trains(workspace: Workspace, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    stage = TrainStage(config=config()).with_progress(lambda *progress: seen.append(progress))
    summary = run_stage(stage, workspace)
    assert summary.done == 1 and seen[-1][:2] == (6, 6) and "loss" in seen[-1][2]
    rows = [TrainMetric.from_dict(row) for row in stage_rows(workspace)]
    alone = Workspace(tmp_path / "alone")
    write_features(alone.stage("precompute"), fake_store(clip_s=1.0))
    expected = run_training(config(processes=1), alone)
    assert [row.step for row in rows] == [row.step for row in expected] == [2, 4, 6]
    assert [row.loss for row in rows] == pytest.approx([row.loss for row in expected], rel=1e-4)
    assert run_stage(stage, workspace).new == 0


def stage_rows(workspace: Workspace) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return pq.read_table(workspace.table("train", TrainMetric.TABLE)).to_pylist()


@pytest.mark.slow
def test_a_stopped_training_has_a_state_and_its_ranks_have_ended(workspace: Workspace) -> None:
    """SIGTERM to the process of the stage, as a cancelled run gets it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from tasks.engine.workspace import Workspace; from tasks.train.config import TrainConfig\n"
        "from tasks.train.launch import launch_training\n"
        "launch_training(TrainConfig.model_validate_json(sys.argv[1]), Workspace(Path(sys.argv[2])), 2,"
        " lambda *p: print(*p, flush=True))\n"
    )
    long = config(steps=100_000, checkpoint_every=50_000).model_dump_json()
    command = [sys.executable, "-c", code, long, str(workspace.root)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline(), process.communicate()[1]
    process.terminate()
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGTERM
    (training,) = workspace.path("train", "last").glob("*/training.json")
    ((step, _),) = state_files(training.parent)
    assert 0 < step < 100_000
    for _ in range(50):
        if not ranks_of(process.pid):
            break
        time.sleep(0.1)
    assert not ranks_of(process.pid)


def ranks_of(pid: int) -> list[str]:
    """Returns the processes that know `pid` as the one that launched them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"{LAUNCHED_BY}={pid}".encode() in environment:
            found.append(path.parent.name)
    return found


def test_what_rank_0_says_is_shown_and_its_error_is_raised(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_ranks(
        monkeypatch,
        tmp_path,
        "settings = json.load(open(sys.argv[1]))\n"
        "print('not json'); print(json.dumps('text'))\n"
        "print(json.dumps({'log': [30, 'loud ' + settings['preset']]}))\n"
        "print(json.dumps({'progress': [3, 6, 'loss 1']}))\n"
        "print(json.dumps({'error': ['BudgetError', 'spent']}))\n",
    )
    seen: list[tuple[int, int, str]] = []
    with pytest.raises(BudgetError, match="spent"):
        launch_training(config(), workspace, 2, lambda *progress: seen.append(progress))
    assert seen == [(3, 6, "loss 1")] and "loud tiny" in caplog.text
    fake_ranks(monkeypatch, tmp_path, "print(json.dumps({'error': ['os.system', 'x']}))\n")
    with pytest.raises(TrainingError, match=r"^x$"):
        launch_training(config(), workspace, 2, silent)


def test_ranks_that_end_without_a_word_are_told_with_their_last_words(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ranks(monkeypatch, tmp_path, "sys.stderr.write('CUDA out of\\nmemory'); sys.exit(7)")
    with pytest.raises(TrainingError, match=rf"code 7.*{RANKS_LOG}.*CUDA out of memory"):
        launch_training(config(), workspace, 2, silent)


def test_a_signal_is_passed_on_once_and_then_takes_its_effect(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ranks(
        monkeypatch,
        tmp_path,
        "def stop(*_):\n    print(json.dumps({'progress': [5, 6, 'stopped']}), flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print(json.dumps({'progress': [4, 6, '']}), flush=True); time.sleep(60)\n",
    )
    seen: list[int] = []

    def interrupt_once(done: int, _total: int, _note: str) -> None:
        seen.append(done)
        if done == 4:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        launch_training(config(), workspace, 2, interrupt_once)
    assert seen == [4, 5]


def test_an_exception_of_the_stage_ends_the_ranks(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "ended"
    fake_ranks(
        monkeypatch,
        tmp_path,
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(mark)!r}, 'w').close(), sys.exit(0)))\n"
        "print(json.dumps({'progress': [1, 6, '']}), flush=True); time.sleep(60)\n",
    )

    def fail(*_progress: object) -> None:
        raise RuntimeError("the page is gone")

    with pytest.raises(RuntimeError, match="the page is gone"):
        launch_training(config(), workspace, 2, fail)
    assert mark.exists()


def test_how_many_processes_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert [processes_of(config(processes=n)) for n in (None, 1, 3)] == [1, 1, 3]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for device, processes, expected in (
        ("auto", None, 4), ("cuda", None, 4), ("cuda", 2, 2), ("cuda:1", None, 1), ("cuda:1", 4, 1), ("cpu", None, 1),
    ):  # fmt: skip
        assert processes_of(config(device=device, processes=processes)) == expected, (device, processes)
    with pytest.raises(UsageError, match="cuda:9"):
        processes_of(config(device="cuda:9"))
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert processes_of(config(device="cuda")) == 1, "torchrun has started this process"


def test_a_rank_ends_with_the_process_that_launched_it() -> None:
    done: list[int] = []
    short = subprocess.Popen([sys.executable, "-c", ""])
    short.wait()
    rank._end_with(short.pid, done.append)
    for _ in range(100):
        if done:
            break
        time.sleep(0.02)
    assert done == [1]
    assert rank._is_alive(os.getpid())


def test_stop_signals_are_as_before(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ranks(monkeypatch, tmp_path, "print(json.dumps({'rows': []}))")
    before = signal.getsignal(signal.SIGTERM)
    assert launch_training(config(), workspace, 2, silent) == []
    assert signal.getsignal(signal.SIGTERM) is before and not StopSignals()()
