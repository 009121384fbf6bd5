"""The DAC-VAE's training: DAC's discriminators beside it, both updated, and left out when none is asked for."""

from __future__ import annotations

import pytest
import torch

from tasks.commands.train_codec.adversary import Adversary
from tasks.commands.train_codec.dac_vae import DACVAETrainer
from tasks.commands.train_codec.data import Segments
from tests.tasks.commands.train_codec.tiny import DAC, HOP, with_settings

JUDGED = with_settings(DAC, fft_sizes=(128,))


@pytest.fixture(scope="module")
def adversary() -> Adversary:
    torch.manual_seed(0)
    return Adversary((), (128, 64), 16_000)


def noise(seed: int) -> torch.Tensor:
    return 0.1 * torch.randn(2, 1280, generator=torch.Generator().manual_seed(seed))


def test_one_discriminator_per_period_and_window() -> None:
    assert len(Adversary((2, 7), (128,), 16_000).discriminator(noise(0)[:, None])) == 3


def test_both_losses_are_the_least_squares_of_each_judgement(adversary: Adversary) -> None:
    real, made = noise(0), noise(1)
    with torch.no_grad():
        of_real, of_made = (adversary.discriminator(audio[:, None]) for audio in (real, made))
        expected = sum(
            float(((a[-1] - 1) ** 2).mean() + (b[-1] ** 2).mean()) for a, b in zip(of_real, of_made, strict=True)
        )
        assert float(adversary.discriminator_loss(real, made)) == pytest.approx(expected, rel=1e-5)
        adversarial, feature = adversary.generator_losses(real, made)
        assert float(adversarial) == pytest.approx(sum(float(((b[-1] - 1) ** 2).mean()) for b in of_made), rel=1e-5)
        matching = sum(
            float((b - a).abs().mean())
            for one, two in zip(of_real, of_made, strict=True)
            for a, b in zip(one[:-1], two[:-1], strict=True)
        )
        assert float(feature) == pytest.approx(matching, rel=1e-5)
        assert float(adversary.generator_losses(real, real)[1]) == 0


def test_the_discriminators_loss_moves_no_generator_and_the_generators_reaches_the_audio(adversary: Adversary) -> None:
    made = noise(1).requires_grad_(True)
    adversary.discriminator_loss(noise(0), made).backward()
    assert made.grad is None
    sum(adversary.generator_losses(noise(0), made)).backward()
    assert float(made.grad.abs().max()) > 0


def test_a_step_updates_network_and_discriminators() -> None:
    trainer = DACVAETrainer(JUDGED)
    segments = Segments.render(JUDGED, HOP)
    trainer.initialise(segments)
    before = {name: [p.detach().clone() for p in module.parameters()] for name, module in trainer.modules.items()}
    trainer.set_learning_rates(5, JUDGED.dac_vae)
    terms = trainer.step(segments.batch(0), 0)
    assert list(terms) == [
        "mel", "spectral", "snr_db", "kl", "discriminator", "adversarial", "feature", "gradient",
    ]  # fmt: skip
    assert all(bool(term.isfinite()) and not term.requires_grad for term in terms.values())
    for name, module in trainer.modules.items():
        moved = [not torch.equal(old, new) for old, new in zip(before[name], module.parameters(), strict=True)]
        assert sum(moved) > 0.9 * len(moved)
    assert set(trainer.state()["optimisers"]) == {"network", "adversary"}


def test_without_periods_and_windows_there_is_no_adversary() -> None:
    trainer = DACVAETrainer(DAC)
    assert list(trainer.modules) == ["network"] and trainer.adversary is None
