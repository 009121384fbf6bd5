"""Training goes on from an MMAudio checkpoint exactly where it stands (SPEC T1, M4)."""

from __future__ import annotations

import dataclasses

import torch

from model.config import TrainingConfig
from model.mmaudio import initial_weights, read_mmaudio
from model.training import Trainer
from model.training.draws import batch_errors
from tests.model.fakes import fake_store
from tests.model.mmaudio.files import small_file, small_specs, start_from


def test_t1_fine_tuning_starts_exactly_at_the_checkpoint_with_its_statistics(tmp_path):
    path, specs = tmp_path / "m.pth", small_specs()
    small_file(path)
    source = read_mmaudio(path, specs)
    network = dataclasses.replace(source.layout.network, input_embedding=True)
    config = TrainingConfig(steps=2, batch_size=4, log_every=1, lr=1e-3, warmup_steps=0)
    weights = initial_weights(path, network, specs)
    trainer = Trainer(network, config, fake_store(specs=specs, clip_s=2.0), tmp_path / "run", initial=weights)
    assert torch.equal(trainer.stats[0], source.tensors["latent_mean"].flatten())
    expected = start_from(path, network, specs)
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in trainer.network.state_dict().items())
    (part,) = trainer.loader.make(0).micro_batches
    with torch.no_grad():
        truth = float(batch_errors(expected, part.batch, part.draws).sum() / part.draws.masks.mask_BN.sum())
    rows = list(trainer.run())
    assert rows[0].loss == truth
    moved = trainer.averaged_weights()
    assert any(not torch.equal(value, weights[name]) for name, value in moved.items())
    assert torch.equal(moved["latent_mean"], weights["latent_mean"])
