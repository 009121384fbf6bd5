"""Steps whose loss is not finite: skipped by setting, without a trace in the weights, counted, and not for ever."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import TrainingError
from model.config import TrainingConfig
from model.training import Trainer
from model.training.guard import LossGuard
from tests.model.fakes import TOY, fake_store

CONFIG = TrainingConfig(
    steps=6, batch_size=4, lr=2e-3, warmup_steps=1, log_every=2, validate_every=6, checkpoint_every=3, seed=3,
    skip_nonfinite=2,
)  # fmt: skip


def trainer(tmp_path, bad=(), **changes) -> Trainer:
    """A trainer whose batches of the steps `bad` have values that are not finite."""
    one = Trainer(TOY, dataclasses.replace(CONFIG, **changes), fake_store(), tmp_path)
    take = one.loader.take

    def broken(step, *, last):
        made = take(step, last=last)
        if step in bad:
            made.micro_batches[-1].batch.latent_BNF[0] = float("nan")
        return made

    one.loader = type("Broken", (), {"take": staticmethod(broken), "stats": one.stats})()
    return one


def weights(one: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in one.network.state_dict().items()}


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_a_skipped_step_changes_no_weight_and_no_state_of_the_optimiser(tmp_path, micro_batch):
    one = trainer(tmp_path, bad=(3,), micro_batch=micro_batch)
    for _ in range(3):
        one._train_step()
    before, moments = weights(one), [s["exp_avg"].clone() for s in one.optimizer.state.values()]
    one._train_step()
    assert one.step == 4, "its place in the schedule is used"
    assert all(torch.equal(value, before[name]) for name, value in weights(one).items())
    assert all(torch.equal(a, s["exp_avg"]) for a, s in zip(moments, one.optimizer.state.values(), strict=True))
    one._train_step()
    assert any(not torch.equal(value, before[name]) for name, value in weights(one).items())


@pytest.mark.parametrize("collect_every", [1, 3])
def test_skipped_steps_are_counted_and_in_no_mean(tmp_path, collect_every):
    one = trainer(tmp_path, bad=(1, 4))
    one.collect_every = collect_every  # on a GPU losses are read in groups, after later steps
    rows = list(one.run())
    assert [row.skipped for row in rows] == [1, 0, 1]
    assert all(row.loss == row.loss and row.val_loss is not float("nan") for row in rows)
    assert all(bool(value.isfinite().all()) for value in one.averaged_weights().values())
    assert one.history[-1].skipped == 2


def test_the_setting_alone_changes_no_number(tmp_path):
    with_it, without = (
        [(row.loss, row.grad_norm, row.val_loss) for row in trainer(tmp_path / str(n), skip_nonfinite=n).run()]
        for n in (2, 0)
    )
    assert with_it == without


def test_more_in_a_row_than_the_setting_allows_stop_the_training(tmp_path):
    one = trainer(tmp_path, bad=(2, 3, 4))
    with pytest.raises(TrainingError, match=r"step 4: loss is nan after 2 skipped steps in a row; .*skip_nonfinite=4"):
        list(one.run())
    assert trainer(tmp_path / "b", bad=(0, 1, 3, 4)).config.skip_nonfinite == 2
    list(trainer(tmp_path / "b", bad=(0, 1, 3, 4)).run())  # four in all, never three in a row


def test_an_interval_that_was_skipped_whole_has_no_row(tmp_path):
    rows = list(trainer(tmp_path, bad=(2, 3)).run())
    assert [(row.step, row.skipped) for row in rows] == [(2, 0), (6, 2)]
    with pytest.raises(TrainingError, match="none of the 2 training steps had a finite loss"):
        list(trainer(tmp_path / "all", bad=(0, 1), steps=2).run())


def test_a_training_that_is_cut_between_skipped_steps_counts_on(tmp_path):
    whole, cut = trainer(tmp_path / "a", bad=(2, 4)), trainer(tmp_path / "b", bad=(2, 4))
    list(whole.run())
    for _ in range(3):
        cut._train_step()
    cut.save()
    again = trainer(tmp_path / "b", bad=(2, 4))
    assert again.resume()
    assert (again.guard.skipped_in_a_row, again.history[-1].skipped) == (1, 1)
    list(again.run())
    assert again.history == whole.history
    assert all(torch.equal(value, weights(again)[name]) for name, value in weights(whole).items())


def test_a_finite_step_ends_the_row():
    guard = LossGuard(limit=50, factor=10, skip=1)
    nan = float("nan")
    for step in range(0, 20, 2):
        assert not guard.check(step, nan, 1.0, "")
        assert guard.check(step + 1, 1.0, 1.0, "")
    assert not guard.check(20, 1.0, float("inf"), "")
    with pytest.raises(TrainingError, match="gradient norm is inf after 1 skipped"):
        guard.check(21, 1.0, float("inf"), "")
