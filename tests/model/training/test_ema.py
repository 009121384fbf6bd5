"""Laws of post-hoc EMA (SPEC T1): the averages' profile, snapshots, and any width from them afterwards."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import TrainingError, UsageError
from model.config import TrainingConfig
from model.network import build_network
from model.training import Trainer
from model.training.ema import Averages, kept_snapshots, snapshot_bytes, snapshots, synthesise
from tests.model.fakes import TOY, fake_store, toy_specs

NAME = "global_cond_mlp.w1.weight"


def network():
    made = build_network(TOY, toy_specs(), 0)
    made.set_latent_stats(torch.full((4,), 0.3), torch.full((4,), 1.7))
    return made


def walk(averages: Averages, updates: int, seed: int = 0) -> None:
    """Moves the online weights along a smooth random path, as training does."""
    generator = torch.Generator().manual_seed(seed)
    weight = averages.model.get_parameter(NAME)
    drift = torch.zeros_like(weight)
    for _ in range(updates):
        drift = 0.98 * drift + 0.02 * torch.randn(weight.shape, generator=generator)
        with torch.no_grad():
            weight.add_(drift)
        averages.update()


def test_t1_the_widths_are_karras_and_the_first_update_copies(tmp_path):
    averages = Averages(network(), (0.05, 0.1), tmp_path)
    assert averages.gammas == pytest.approx((16.9722, 6.9372), abs=1e-3)
    weight = averages.model.get_parameter(NAME)
    trail = []
    for value in range(1, 60):
        torch.nn.init.constant_(weight, float(value))
        averages.update()
        trail.append([float(averages.network(sigma).get_parameter(NAME)[0, 0]) for sigma in (0.05, 0.1)])
    assert trail[0] == [1.0, 1.0]
    assert all(narrow >= wide for narrow, wide in trail)
    # A power average of a straight line trails it by one part in gamma + 2.
    assert trail[-1] == pytest.approx([59 * (1 - 1 / 18.97), 59 * (1 - 1 / 8.94)], rel=0.03)


def test_t1_any_width_comes_from_the_snapshots_afterwards(tmp_path):
    averages = Averages(network(), (0.05, 0.1), tmp_path / "a", every=25)
    direct = Averages(network(), (0.07, 0.15), tmp_path / "b")
    for one in (averages, direct):
        walk(one, 250)
    truth = direct.network(0.07).get_parameter(NAME)
    made = synthesise(averages, 0.07)[NAME]
    naive = averages.network(0.05).get_parameter(NAME)
    assert float((made - truth).norm() / truth.norm()) < 0.01
    assert float((made - truth).norm()) < 0.1 * float((naive - truth).norm())


def test_t1_a_running_width_made_from_the_snapshots_is_the_running_average(tmp_path):
    averages = Averages(network(), (0.05, 0.1), tmp_path, every=10)
    walk(averages, 40)
    running = averages.weights(0.1)
    for name, value in synthesise(averages, 0.1).items():
        assert torch.allclose(value, running[name], atol=1e-6), name


def test_statistics_are_not_averaged(tmp_path):
    averages = Averages(network(), (0.05, 0.1), tmp_path, every=5)
    walk(averages, 15)
    made = synthesise(averages, 0.08)
    assert torch.equal(made["latent_mean"], averages.model.latent_mean)
    assert torch.equal(made["latent_std"], averages.model.latent_std)


@settings(deadline=None)
@given(step=st.integers(1, 5000), every=st.integers(1, 50), keep=st.integers(2, 20))
def test_snapshots_stay_evenly_spaced_and_few(step, every, keep):
    kept = sorted(kept_snapshots(step, every, keep))
    assert kept[-1] == step
    regular = [at for at in kept if at != step or at % every == 0][: len(kept) - 1]
    assert len(kept) <= keep + 1
    if len(regular) > 1:
        spacing = regular[1] - regular[0]
        assert regular == list(range(spacing, regular[-1] + 1, spacing))
        assert (spacing // every) & (spacing // every - 1) == 0  # a power of two: what was dropped stays dropped
        assert step // spacing <= keep
    assert snapshot_bytes(1000, 2, step, every, keep) == len(kept) * 8000


def test_old_snapshots_go_and_half_written_ones_are_not_read(tmp_path):
    averages = Averages(network(), (0.05, 0.1), tmp_path, every=2, keep=3)
    (tmp_path / ".0.99.pt.tmp").write_bytes(b"a killed write")
    walk(averages, 14)
    assert {step for step, _ in snapshots(tmp_path)} == {4, 8, 12, 14}
    averages.forget_after(8)
    assert {step for step, _ in snapshots(tmp_path)} == {4, 8}
    assert synthesise(averages, 0.1, step=8)[NAME].isfinite().all()


def test_wrong_widths_and_missing_snapshots_say_so(tmp_path):
    averages = Averages(network(), (0.05, 0.1), tmp_path / "none")
    with pytest.raises(TrainingError, match="no EMA snapshot for any step"):
        averages.weights(0.07)
    with pytest.raises(UsageError, match=r"sigma 0.3 is outside 0..0.29"):
        averages.weights(0.3)
    with pytest.raises(UsageError, match="at least two widths"):
        TrainingConfig(ema_sigmas=(0.1,))


def test_a_resumed_run_has_the_same_averages_and_snapshots(tmp_path):
    config = TrainingConfig(
        steps=12, batch_size=8, lr=2e-3, warmup_steps=3, log_every=6, validate_every=12, checkpoint_every=5,
        ema_snapshot_every=3, ema_sigma_rel=0.07, seed=3,
    )  # fmt: skip

    def trainer(name):
        return Trainer(TOY, config, fake_store(), tmp_path / name)

    whole, cut = trainer("whole"), trainer("cut")
    list(whole.run())
    for row in cut.run():
        if row.step == 6:  # killed after a snapshot at 6, with a state at 5
            break
    again = trainer("cut")
    assert again.resume()
    assert again.step == 5
    list(again.run())
    assert [step for step, _ in snapshots(tmp_path / "cut" / "ema")] == [3, 3, 6, 6, 9, 9, 12, 12]
    for (name, a), b in zip(whole.averaged_weights().items(), again.averaged_weights().values(), strict=True):
        assert torch.equal(a, b), name
