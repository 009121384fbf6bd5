"""`python -m tasks.commands.train`, the entry of `torchrun`: killed and continued, and its errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_contracts import TrainMetric, UsageError, read_table
from tasks.commands.train import main
from tasks.config import PipelineConfig
from tasks.engine import run_stage
from tasks.engine.locks import exclusive
from tasks.engine.progress import silent
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire, holder_of
from tasks.pipeline import find_step
from tasks.steps import run_step
from tasks.train import job, stage
from tasks.train.places import checkpoint_path
from tasks.train.stage import TrainStage
from tests.model.fakes import fake_store
from tests.tasks.train.features import write_features

ROOT = Path(__file__).parents[3]
CONFIG = (
    "train: {preset: tiny, steps: 30, batch_size: 4, warmup_steps: 1, log_every: 2, validate_every: 20,"
    " checkpoint_every: 5, ema_snapshot_every: 7, device: cpu, trackers: []}\n"
)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(CONFIG)
    return path


def _workspace(folder: Path) -> Workspace:
    workspace = Workspace(folder)
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0))
    return workspace


def test_t1_a_sigkilled_run_continues_bit_for_bit(tmp_path, config):
    """Killed without warning at some step, continued: every logged value and the checkpoint's bytes are the same."""
    whole, cut = _workspace(tmp_path / "whole"), _workspace(tmp_path / "cut")
    command = [sys.executable, "-m", "tasks.commands.train", str(config), "-w", str(cut.root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not list(cut.root.rglob("state-00000005.pt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had ended before it could be killed"
    assert not cut.path("train", "train.json").exists()
    training, seen = TrainStage(config=PipelineConfig.load(config).train), []
    run_stage(training.with_progress(lambda step, _steps, _note: seen.append(step)), cut)
    run_stage(training, whole)
    assert 5 < seen[0] <= 30
    assert checkpoint_path(cut).read_bytes() == checkpoint_path(whole).read_bytes()
    rows = [read_table(w.table("train", TrainMetric.TABLE), TrainMetric) for w in (cut, whole)]
    assert [_exact(row) for row in rows[0]] == [_exact(row) for row in rows[1]]


def _exact(row: TrainMetric) -> tuple[object, ...]:
    return (row.step, row.loss, row.val_loss, row.grad_norm, row.lr, row.loss_by_t)


def test_errors_are_one_line_and_an_exit_code(tmp_path, config, capsys):
    assert main([str(tmp_path / "none.yaml")]) == 2
    assert main([str(config), "-w", str(tmp_path / "empty")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "does not exist" in lines[0]
    assert "precompute" in lines[1]


def test_a_workspace_stands_for_its_stored_config(tmp_path, config, capsys):
    workspace = _workspace(tmp_path / "w")
    short = ["--set", "train.steps=2"]
    assert main([str(config), "-w", str(workspace.root), *short]) == 0
    assert "train: 1 of 1 item done (1 now), 1 row; 2 steps, loss" in capsys.readouterr().out
    assert main([str(workspace.root)]) == 0
    assert "train: 1 of 1 item done (0 now), 1 row; 2 steps, loss" in capsys.readouterr().out


def test_a_shipped_config_is_known_by_its_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["paper", "-w", "empty", "--set", "train.device=cpu"]) == 1
    assert "table features is missing" in capsys.readouterr().err


def test_a_workspace_of_another_release_is_named(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("train: {readings: {}}\n")
    assert main([str(tmp_path)]) == 2
    assert "train.readings: this release has no such setting" in capsys.readouterr().err


def test_two_runs_in_one_workspace_are_refused_and_change_nothing(tmp_path, config, capsys):
    workspace = _workspace(tmp_path / "w")
    with acquire(workspace.root, "pipeline of w"):
        assert main([str(config), "-w", str(workspace.root)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "in use by pipeline of w (process" in line
    assert not (workspace.root / "config.yaml").exists()
    with (
        exclusive(workspace.stage("train") / ".lock"),
        pytest.raises(UsageError, match=r"stage train of .*is being run by another process"),
    ):
        run_step(find_step("train"), PipelineConfig(), workspace)  # what a killed pipeline left running on a pool


@pytest.mark.parametrize(("rank", "holds"), [("0", True), ("1", False)])
def test_rank_0_holds_the_workspace_for_all_ranks(tmp_path, config, monkeypatch, rank, holds):
    workspace, seen = _workspace(tmp_path / "w"), []

    def training(settings, place, on_progress=silent):
        seen.append(holder_of(place.root) is not None)
        raise UsageError("seen enough")

    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(stage, "run_training", training)
    monkeypatch.setattr(job, "run_training", training)
    assert main([str(config), "-w", str(workspace.root)]) == 2
    assert seen == [holds]
    assert holder_of(workspace.root) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_t1_a_signal_writes_a_state_and_the_next_run_goes_on_at_that_step(tmp_path, config, number):
    """A real process, with states at no interval: only the signal writes one."""
    workspace = _workspace(tmp_path / "w")
    never = ["--set", "train.checkpoint_every=100000", "--set", "train.steps=100000"]
    command = [sys.executable, "-m", "tasks.commands.train", str(config), "-w", str(workspace.root), *never]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    table = workspace.table("train", TrainMetric.TABLE)
    deadline = time.monotonic() + 400
    while not table.exists() and time.monotonic() < deadline:  # readable while the training runs
        time.sleep(0.05)
    assert read_table(table, TrainMetric)
    process.send_signal(number)
    _, said = process.communicate(timeout=100)
    assert process.returncode != 0
    (path,) = workspace.root.rglob("state-*.pt")
    step = int(path.stem.removeprefix("state-"))
    assert f"training is stopped at step {step}; the same command continues there" in said.decode()
    settings = PipelineConfig.load(config, ["train.checkpoint_every=100000", f"train.steps={100_000}"]).train
    seen = []

    def look(at, *_):
        seen.append(at)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stage(TrainStage(config=settings, on_progress=look), workspace)
    assert seen == [step + 1]
