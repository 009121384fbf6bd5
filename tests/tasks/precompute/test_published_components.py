"""Precompute with published components (SPEC T3, M2, M6-M8): small files in their layouts, from config to features."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from data_contracts import UsageError, WeightsError
from model.devices import choose_device
from model.features import FeatureStore
from tasks.engine import run_stage
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.encoders import load_encoders
from tasks.precompute.stage import PrecomputeStage
from tests.model.codec import published
from tests.model.encoders import test_clip as clip
from tests.model.encoders import test_synchformer as sync
from tests.tasks.precompute.fakes import make_workspace


@pytest.fixture
def config(tmp_path: Path) -> PrecomputeConfig:
    codec = {"state_dict": published.dac_vae(), "metadata": {"kwargs": published.DAC_KWARGS, "random": True}}
    torch.save(codec, tmp_path / "vae.pth")
    torch.save(sync.tiny(), tmp_path / "sync.pth")
    (tmp_path / "clip").mkdir()
    clip.write_folder(tmp_path / "clip")
    return PrecomputeConfig(
        codec=str(tmp_path / "vae.pth"),
        text_encoder=f"clip-dfn5b:{tmp_path / 'clip'}",
        image_encoder=f"clip-dfn5b:{tmp_path / 'clip'}",
        sync_encoder=f"synchformer:{tmp_path / 'sync.pth'}",
        device="cpu",
        clip_s=2.0,
    )


def test_t3_features_of_published_components_have_their_shapes_and_labels(
    config: PrecomputeConfig, tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path / "workspace", count=3)
    run_stage(PrecomputeStage(config), workspace)
    store = FeatureStore.open(workspace.stage("precompute"))
    assert [store.specs.codec.name, store.specs.text.name, store.specs.sync.name] == [
        "moss-dacvae",
        "clip-dfn5b",
        "synchformer",
    ]
    assert store.specs.placeholders() == [
        "moss-dacvae",
        "clip-dfn5b",
        "clip-dfn5b",
        "synchformer",
    ]  # random, so labelled
    assert store.latents([0])[0].shape == (1, 4000, 6)
    assert store.clip([0]).shape == (1, 16, 8) and store.sync([0]).shape == (1, 40, 128)
    torch.testing.assert_close(store.clip([0]).norm(dim=-1), torch.ones(1, 16), rtol=2e-3, atol=2e-3)
    torch.testing.assert_close(store.text([0]).norm(dim=-1), torch.ones(1, 9), rtol=2e-3, atol=2e-3)
    assert "device" not in store.header["made_by"]


def test_the_device_changes_no_key(config: PrecomputeConfig) -> None:
    elsewhere = config.model_copy(update={"device": "auto"})
    assert PrecomputeStage(config).settings() == PrecomputeStage(elsewhere).settings()


def test_an_unknown_or_missing_device_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="unknown"):
        choose_device("quantum")
    with pytest.raises(UsageError, match=f"this machine has {torch.cuda.device_count()} GPU"):
        choose_device("cuda:99")
    assert choose_device("auto").type in ("cpu", "cuda")


def test_the_paper_config_names_published_components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from model.paper_specs import CODECS
    from tasks.config import PipelineConfig, shipped_config

    paper = PipelineConfig.load(shipped_config("paper.yaml")).precompute
    assert paper.codec in CODECS
    assert (paper.text_encoder, paper.image_encoder, paper.sync_encoder) == ("clip-dfn5b", "clip-dfn5b", "synchformer")
    demo = PipelineConfig.load(shipped_config("demo.yaml")).precompute
    assert (demo.codec, demo.text_encoder, demo.sync_encoder) == ("embedded_16k", "minilm", "motion")
    monkeypatch.setenv("FOLEYGENEX_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    with pytest.raises(WeightsError, match="is not downloaded"):
        load_encoders(paper.model_copy(update={"device": "cpu"}))


def test_the_catalogues_codecs_are_json_in_a_plan() -> None:
    from dataclasses import asdict

    from model.paper_specs import paper_specs

    specs = paper_specs()
    assert json.loads(json.dumps(specs.to_dict()))["codec"] == asdict(specs.codec)
    assert (specs.codec.frames(8), specs.clip.length(8), specs.sync.length(8), specs.text.tokens) == (345, 64, 192, 77)
