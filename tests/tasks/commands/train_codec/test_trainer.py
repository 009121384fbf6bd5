"""What both kinds share: the rate's schedule, the noise of a step, and one update."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from data_contracts import TrainingError
from tasks.commands.train_codec.mel_vae import MelVAETrainer
from tasks.commands.train_codec.trainer import codec_learning_rate, latent_noise, update
from tests.tasks.commands.train_codec.tiny import MEL


def test_the_learning_rate_rises_to_its_peak_and_falls_to_a_fiftieth() -> None:
    settings = MEL.mel_vae.model_copy(update={"steps": 1000, "warmup_steps": 100, "lr": 8e-4})
    rates = [codec_learning_rate(step, settings) for step in range(1000)]
    assert all(before < after for before, after in pairwise(rates[:100]))
    assert all(before >= after for before, after in pairwise(rates[100:]))
    assert max(rates) <= settings.lr
    assert codec_learning_rate(1000, settings) == pytest.approx(settings.lr / 50)
    assert codec_learning_rate(0, settings.model_copy(update={"warmup_steps": 0})) == settings.lr


def test_linear_maps_learn_at_their_share_of_the_rate() -> None:
    trainer = MelVAETrainer(MEL)
    trainer.set_learning_rates(3, MEL.mel_vae)
    convolutions, linear = (group["lr"] for group in trainer.optimisers["network"].param_groups)
    assert convolutions == codec_learning_rate(3, MEL.mel_vae)
    assert linear == pytest.approx(MEL.mel_vae.linear_lr_share * convolutions)
    groups = [group["params"] for group in trainer.optimisers["network"].param_groups]
    assert sum(len(group) for group in groups) == len(list(trainer.network.parameters()))


def test_noise_depends_on_seed_and_step_only() -> None:
    like = torch.zeros(2, 3, 4)
    assert torch.equal(latent_noise(like, MEL, 5), latent_noise(like + 1, MEL, 5))
    assert not torch.equal(latent_noise(like, MEL, 5), latent_noise(like, MEL, 6))


def test_an_update_clips_the_gradient_and_refuses_a_loss_that_is_not_finite() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    norm = update(optimiser, (weight * torch.tensor([30.0, 40.0])).sum(), 5.0, "step 0")
    assert float(norm) == pytest.approx(50)
    assert torch.allclose(weight.detach(), torch.tensor([-3.0, -4.0]), atol=1e-4)
    with pytest.raises(TrainingError, match="loss is nan at step 7"):
        update(optimiser, weight.sum() * torch.nan, 5.0, "step 7")
