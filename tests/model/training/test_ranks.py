"""Many processes and micro-batches train as one process does (SPEC T1, T4, M10)."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from data_contracts import TrainMetric, UsageError, read_table
from model.config import MaskConfig, TrainingConfig
from model.training import BatchPlan, Trainer
from model.training.loader import BatchSplit, StepLoader
from tasks.config import PipelineConfig
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.train.stage import TrainStage
from tests.model.fakes import TOY, fake_store
from tests.pages import commands
from tests.tasks.train.features import write_features

ROOT = Path(__file__).parents[3]
CONFIG = TrainingConfig(
    steps=4, batch_size=8, lr=2e-3, warmup_steps=3, schedule="cosine", log_every=1, validate_every=4,
    checkpoint_every=4, seed=3, masks=MaskConfig(span_placement="mixed"),
)  # fmt: skip


@settings(deadline=None)
@given(half=st.integers(1, 32), parts=st.integers(1, 8))
def test_t4_micro_batches_cover_the_batch_once_and_each_is_half_vta_half_tta(half, parts):
    rows = fake_store(val=0).rows
    plan = BatchPlan.from_rows(rows, 2 * half, seed=1)
    if half % parts:
        with pytest.raises(UsageError, match=f"make it a multiple of {2 * parts}"):
            plan.split(parts)
        return
    shares, batch = plan.split(parts), plan.rows(3)
    assert sorted(place for share in shares for place in share) == list(range(2 * half))
    for share in shares:
        vta = [batch[place].subset == "vta" for place in share]
        assert sum(vta) * 2 == len(vta) == 2 * half // parts


@pytest.mark.parametrize(("size", "micro"), [(2, 1), (1, 2), (2, 2), (4, 1)])
def test_t4_a_sample_is_the_same_whoever_reads_it(size, micro):
    store = fake_store(val=0)
    plan, stats = BatchPlan.from_rows(store.rows, 8, seed=1), store.latent_stats()
    whole = StepLoader(store, plan, CONFIG, stats, BatchSplit(0, 1, 1)).make(5)
    places = plan.split(size * micro)
    pieces = [
        share
        for rank in range(size)
        for share in StepLoader(store, plan, CONFIG, stats, BatchSplit(rank, size, micro)).make(5).micro_batches
    ]
    (all_of_it,) = whole.micro_batches
    for share, at in zip(pieces, places, strict=True):
        assert torch.equal(share.batch.latent_BNF, all_of_it.batch.latent_BNF[at])
        assert torch.equal(share.batch.features.text_BLC, all_of_it.batch.features.text_BLC[at])
        assert torch.equal(share.draws.noise_BNF, all_of_it.draws.noise_BNF[at])
        assert torch.equal(share.draws.masks.mask_BN, all_of_it.draws.masks.mask_BN[at])
    assert whole.masked_frames == sum(int(share.draws.masks.mask_BN.sum()) for share in pieces)


def test_m10_micro_batches_give_the_gradients_of_the_whole_batch(tmp_path):
    """Spans differ in length, so a mean of micro-batch means would be another loss."""
    trainers = [
        Trainer(TOY, dataclasses.replace(CONFIG, micro_batch=micro), fake_store(), tmp_path / str(micro))
        for micro in (None, 2)
    ]
    with torch.no_grad():
        for one in trainers:  # a fresh network's gradient reaches the last layer alone
            one.network.final_layer.conv.weight.fill_(0.1)
    for one in trainers:
        one._backward(one.loader.take(0))
    for (name, a), b in zip(trainers[0].network.named_parameters(), trainers[1].network.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-7), name


def test_a_micro_batch_that_does_not_divide_the_share_is_refused(tmp_path):
    with pytest.raises(UsageError, match="micro_batch 6 does not divide a process's share of 8 rows"):
        Trainer(TOY, dataclasses.replace(CONFIG, micro_batch=6), fake_store(), tmp_path)
    with pytest.raises(UsageError, match="even"):
        dataclasses.replace(CONFIG, micro_batch=3)


def test_t1_gradient_checkpointing_changes_nothing(tmp_path):
    losses = [
        [row.loss for row in Trainer(TOY, config, fake_store(), tmp_path / str(number)).run()]
        for number, config in enumerate((CONFIG, dataclasses.replace(CONFIG, gradient_checkpointing=True)))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_t1_two_processes_train_as_one(tmp_path):
    """`torchrun` as docs/paper_scale.md has it, with two processes over gloo, and micro-batches, against one process.

    Losses, norms and weights are compared.
    """
    config = tmp_path / "toy.yaml"
    config.write_text(
        "train: {preset: tiny, steps: 4, batch_size: 8, warmup_steps: 1, log_every: 1, validate_every: 4,"
        " checkpoint_every: 2, device: cpu, trackers: [], precision: fp32}\n"
    )
    workspaces = {name: Workspace(tmp_path / name) for name in ("one", "two")}
    for workspace in workspaces.values():
        write_features(workspace.stage("precompute"), fake_store(clip_s=1.0, videos=20, sounds=20))
    run_stage(TrainStage(config=PipelineConfig.load(config).train), workspaces["one"])
    (shown,) = (words for words in commands("paper_scale.md") if words[0] == "torchrun")
    assert shown[1:3] == ["--nproc-per-node", "8"] and shown[-1].endswith(".yaml")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *shown[3:-1]]
    _launch([*launcher, str(config), "-w", str(workspaces["two"].root), "--set", "train.micro_batch=2"])
    rows = {name: read_table(w.table("train", TrainMetric.TABLE), TrainMetric) for name, w in workspaces.items()}
    weights = {name: load_file(w.path("train", "checkpoint.safetensors")) for name, w in workspaces.items()}
    for a, b in zip(rows["one"], rows["two"], strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-5)
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-4)
        assert b.loss_by_t == pytest.approx(a.loss_by_t, rel=1e-4)
    assert rows["two"][-1].val_loss == pytest.approx(rows["one"][-1].val_loss, rel=1e-4)
    assert max(float((weights["one"][name] - weights["two"][name]).abs().max()) for name in weights["one"]) < 1e-3


def _launch(command: list[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_t1_several_processes_go_on_from_one_state_that_only_rank_0_reads(tmp_path):
    """The newest state is damaged and the one before it counts; network and optimiser of rank 1 come by broadcast."""
    config = tmp_path / "toy.yaml"
    config.write_text(
        "train: {preset: tiny, steps: 4, batch_size: 8, warmup_steps: 1, log_every: 1, validate_every: 4,"
        " checkpoint_every: 1, device: cpu, trackers: [], keep_last: 4, precision: fp32}\n"
    )
    whole, cut = (Workspace(tmp_path / name) for name in ("whole", "cut"))
    write_features(whole.stage("precompute"), fake_store(clip_s=1.0, videos=20, sounds=20))
    run_stage(TrainStage(config=PipelineConfig.load(config).train), whole)
    shutil.copytree(whole.root, cut.root)
    cut.path("train", "stage.json").unlink()
    states = sorted(cut.root.rglob("state-*.pt"))
    for path, content in zip(states[2:], (b"damaged", b""), strict=True):
        path.write_bytes(content)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "tasks.commands.train"]
    said = _launch([*launcher, str(config), "-w", str(cut.root)])
    assert said.count("state-00000004.pt is not a readable training state") == 1, "one rank reads"
    assert said.count("state-00000003.pt is not a readable training state") == 1
    weights = [load_file(w.path("train", "checkpoint.safetensors")) for w in (whole, cut)]
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) < 1e-3
    rows = [read_table(w.table("train", TrainMetric.TABLE), TrainMetric) for w in (whole, cut)]
    assert [row.loss for row in rows[0]] == pytest.approx([row.loss for row in rows[1]], rel=1e-5)


def test_the_ranks_stop_after_the_same_step_when_one_of_them_is_told_to(tmp_path):
    one = Trainer(TOY, CONFIG, fake_store(), tmp_path)
    one.should_stop = lambda: one.step == 1  # asked while the second step is being made
    assert [row.step for row in one.run()] == [1, 2]
    assert (one.stopped, one.step) == (True, 2)
    again = Trainer(TOY, CONFIG, fake_store(), tmp_path)
    assert again.resume() and again.step == 2
