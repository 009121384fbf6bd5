"""Trainings that go wrong are stopped before their state is saved (SPEC T1); kept states and compilation."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import TrainingError
from model.config import TrainingConfig
from model.training import Trainer
from model.training.ema import snapshots
from model.training.guard import ENOUGH, LossGuard
from model.training.state import read_newest, state_files
from tests.model.fakes import TOY, fake_store

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

    def broken(step: int, *, last: int, take=one.loader.take):
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


@pytest.mark.slow
def test_t1_the_compiled_loss_is_one_graph_and_gives_the_same_training(tmp_path):
    """`aot_eager` traces forward and backward like the real compiler; `fullgraph` makes a graph break an error."""
    plain, compiled = (
        [row.loss for row in trainer(tmp_path / str(on), compile=on, compile_backend="aot_eager").run()]
        for on in (False, True)
    )
    assert compiled == pytest.approx(plain, rel=1e-6)
