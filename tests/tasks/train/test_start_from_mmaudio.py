"""Fine-tuning starts exactly at an MMAudio checkpoint, and a preset is not trained on another codec's latents."""

from __future__ import annotations

import pytest
import torch

from data_contracts import MismatchError
from model import config as model_config
from model.checkpoint import load_checkpoint
from model.config import NetworkConfig
from tasks.engine.workspace import Workspace
from tasks.train.config import TrainConfig
from tasks.train.job import run_training
from tasks.train.places import checkpoint_path
from tests.model.fakes import fake_store, toy_specs
from tests.model.mmaudio.files import start_from
from tests.model.mmaudio.reference import state_dict
from tests.tasks.train.features import write_features


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0))
    return workspace


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_t1_fine_tuning_starts_exactly_at_mmaudio(workspace, tmp_path, monkeypatch, version):
    monkeypatch.setitem(
        model_config.PRESETS, "tiny", NetworkConfig(width=32, depth=2, fused_depth=1, heads=2, version=version)
    )
    weights = state_dict(
        width=32, depth=2, fused=1, hidden=256, channels=4, clip=10, sync=6, text=12, tokens=5, per_segment=1,
        second=version == "v2",
    )  # fmt: skip
    path = tmp_path / "mmaudio.pth"
    torch.save(weights, path)
    config = TrainConfig(
        steps=1, batch_size=4, warmup_steps=0, lr=1e-12, weight_decay=0.0, device="cpu", init_from=str(path)
    )
    run_training(config, workspace)
    trained, info = load_checkpoint(checkpoint_path(workspace))
    assert (info.network.absent, info.network.input_embedding) == ("learned", True)
    start = start_from(path, info.network, toy_specs(), seed=config.seed).state_dict()
    assert torch.equal(trained.latent_mean, weights["latent_mean"])
    assert torch.equal(trained.latent_std, weights["latent_std"])
    for name, value in trained.state_dict().items():
        assert torch.allclose(value, start[name], atol=1e-6), name


def test_m2_a_preset_made_for_another_codec_is_not_trained(workspace):
    with pytest.raises(MismatchError, match=r"preset large_44k is made for latents of 40 channels.*have 4 channels"):
        run_training(TrainConfig(preset="large_44k", steps=1, device="cpu"), workspace)
