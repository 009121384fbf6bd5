"""What is watched while training (SPEC T1): explosions, FLOPs and MFU, compilation, learning rates, kept states."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import TrainingError
from model.config import PRESETS, TrainingConfig
from model.paper_specs import paper_specs
from model.training import Trainer
from model.training.ema import snapshots
from model.training.flops import forward_flops, named_peak, peak_flops, training_flops
from model.training.guard import ENOUGH, LossGuard
from model.training.schedule import learning_rate
from model.training.state import read_newest, state_files
from tests.model.fakes import TOY, fake_store, toy_specs

CONFIG = TrainingConfig(
    steps=8, batch_size=8, lr=2e-3, warmup_steps=3, schedule="cosine", log_every=4, validate_every=8,
    checkpoint_every=2, seed=3,
)  # fmt: skip


def trainer(tmp_path, **changes) -> Trainer:
    return Trainer(TOY, dataclasses.replace(CONFIG, **changes), fake_store(), tmp_path)


@settings(deadline=None)
@given(st.lists(st.floats(0.5, 2.0), min_size=ENOUGH, max_size=150), st.floats(2.0, 20.0))
def test_an_explosion_is_measured_against_the_running_median(losses, factor):
    guard = LossGuard(limit=1e9, factor=2.0 * factor)
    for step, loss in enumerate(losses):
        guard.check(step, loss, 1.0, "")  # no two are further apart than a factor of 4
    middle = sorted(guard.recent)[len(guard.recent) // 2]
    with pytest.raises(TrainingError, match=r"training step 999: loss .* has exploded: .* times the median"):
        guard.check(999, 3.0 * factor * middle, 1.0, "the last good state is X")
    assert len(guard.recent) <= 100


def test_before_enough_losses_only_the_absolute_limit_counts():
    guard = LossGuard(limit=50.0, factor=2.0)
    for loss in (0.1, 40.0, 0.1):
        guard.check(0, loss, 1.0, "")
    with pytest.raises(TrainingError, match=r"limit 50"):
        guard.check(1, 51.0, 1.0, "")
    with pytest.raises(TrainingError, match="gradient norm is inf"):
        guard.check(1, 1.0, float("inf"), "")


def test_a_stopped_training_leaves_its_last_state_intact(tmp_path):
    one = trainer(tmp_path)
    for row in one.run():
        if row.step == 4:
            break
    one.save()
    before = {path: path.read_bytes() for _, path in state_files(tmp_path)}
    one.guard.recent = [1e-9] * ENOUGH  # any loss is now far above the median
    with pytest.raises(TrainingError, match=r"training step 4: .*median.*last good state is .*state-00000004\.pt"):
        list(one.run())
    assert {path: path.read_bytes() for _, path in state_files(tmp_path)} == before
    again = trainer(tmp_path)
    assert again.resume()
    assert again.step == 4
    assert all(bool(value.isfinite().all()) for value in again.network.state_dict().values())


@pytest.mark.parametrize("collect_every", [3, 100])
def test_a_loss_that_is_looked_at_later_still_names_its_step_and_is_never_saved(tmp_path, collect_every):
    """On a GPU losses are looked at in groups; here the group is made by hand."""
    one = trainer(tmp_path, log_every=5, checkpoint_every=5, ema_snapshot_every=2)
    one.collect_every = collect_every

    def broken(step: int, take=one.loader.take):
        made = take(step)
        if step == 3:
            made.micro_batches[0].batch.latent_BNF.fill_(float("nan"))
        return made

    one.loader = type("Broken", (), {"take": staticmethod(broken)})()
    with pytest.raises(TrainingError, match="training step 3: loss is nan"):
        list(one.run())
    assert state_files(tmp_path) == []
    assert {step for step, _ in snapshots(tmp_path / "ema")} == {2}


def test_looking_at_losses_later_changes_no_number(tmp_path):
    rows = []
    for collect_every in (1, 3):
        one = trainer(tmp_path / str(collect_every))
        one.collect_every = collect_every
        rows.append([(row.loss, row.grad_norm, row.loss_by_t, row.val_loss) for row in one.run()])
    assert rows[0] == rows[1]


def test_the_last_states_are_kept(tmp_path):
    list(trainer(tmp_path, keep_last=3).run())
    assert [step for step, _ in state_files(tmp_path)] == [4, 6, 8]
    state = read_newest(tmp_path)
    assert state is not None
    assert state["step"] == 8


def test_t1_mmaudios_rate_at_the_exact_iterations():
    """Facts of MMAudio: lr (it + 1) / 1001 for 1,000 iterations, drops at 241,000 and 271,000 of 300,000."""
    paper = TrainingConfig(steps=300_000, lr=1e-4, warmup_steps=1_000, schedule="step", milestones=(0.8, 0.9))
    for it in (0, 1, 500, 999):
        assert learning_rate(it, paper) == pytest.approx(1e-4 * (it + 1) / 1001, rel=1e-12)
    changes = [it for it in range(1_001, 300_000) if learning_rate(it, paper) != learning_rate(it - 1, paper)]
    assert changes == [241_000, 271_000]
    assert [learning_rate(it, paper) for it in (241_000, 299_999)] == pytest.approx([1e-5, 1e-6])


def test_t1_the_papers_longer_run_keeps_the_milestones():
    from flows.locations import shipped_config
    from tasks.config import PipelineConfig

    config = PipelineConfig.load(shipped_config("paper.yaml")).train.training()
    assert (config.steps, config.lr, config.warmup_steps) == (330_000, 1e-4, 1_000)
    around = [learning_rate(it, config) for it in (240_999, 241_000, 270_999, 271_000)]
    assert around == pytest.approx([1e-4, 1e-5, 1e-5, 1e-6])


def test_flops_of_the_network_agree_with_mmaudios():
    """Measured on the original: 78.4 + 4.0 GFLOP per sample for `small`; ours adds the InputEmbedding and saves adaLN
    work by computing it once per distinct sync row."""
    assert forward_flops(PRESETS["small"], paper_specs(), 8.0) == pytest.approx(82.4e9, rel=0.08)


def test_flops_grow_a_little_faster_than_the_length():
    short, long = (training_flops(TOY, toy_specs(), seconds) for seconds in (2.0, 4.0))
    assert 1.9 * short < long < 2.6 * short


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989.4),
        ("NVIDIA A100-SXM4-80GB", 312),
    ],
)
def test_peaks_are_known_by_the_devices_name(name, tera):
    assert named_peak(name, bf16=True) == pytest.approx(tera * 1e12)
    assert named_peak(name, bf16=False) == pytest.approx(tera * 0.5e12)


def test_an_unknown_peak_is_none_and_no_mfu_is_made_up(tmp_path):
    assert named_peak("Some GPU", bf16=True) is None
    assert peak_flops(torch.device("cpu"), bf16=False) is None
    row = next(iter(trainer(tmp_path).run()))
    assert row.mfu is None
    assert row.peak_memory_gib > 0.05
    assert row.samples_per_s == pytest.approx(8 * row.steps_per_s)
    json.dumps(row.to_dict(), allow_nan=False)


def test_mfu_is_the_models_flops_over_the_devices_peak(tmp_path, monkeypatch):
    one = trainer(tmp_path)
    monkeypatch.setattr("model.training.loop.peak_flops", lambda device, bf16: 1e12)
    row = next(iter(one.run()))
    flops = training_flops(TOY, one.source.specs, one.source.clip_s)
    assert row.mfu == pytest.approx(row.samples_per_s * flops / 1e12)


@pytest.mark.slow
def test_t1_the_compiled_loss_is_one_graph_and_gives_the_same_training(tmp_path):
    """`aot_eager` traces forward and backward like the real compiler; `fullgraph` makes a graph break an error."""
    plain, compiled = (
        [row.loss for row in trainer(tmp_path / str(on), compile=on, compile_backend="aot_eager").run()]
        for on in (False, True)
    )
    assert compiled == pytest.approx(plain, rel=1e-6)
