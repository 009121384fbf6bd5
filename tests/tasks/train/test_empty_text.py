"""With learned absent features, absent text is the text encoder's empty text, as in MMAudio (SPEC T2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from data_contracts import ContractError, MismatchError, UsageError
from model import encoders
from model.checkpoint import load_checkpoint
from model.encoders import load_text_encoder
from model.features import FeatureStore
from model.network import build_network
from model.specs import TextSpec
from tasks.engine.workspace import Workspace
from tasks.train.empty_text import empty_text
from tasks.train.job import run_training
from tasks.train.places import checkpoint_path
from tests.model.fakes import TOY, fake_store, toy_specs
from tests.tasks.train.features import SHORT, write_features

SPECS = toy_specs()
LEARNED = dataclasses.replace(TOY, absent="learned")


class Encoder:
    """Gives a text's length everywhere, and 0.5 for the empty text."""

    def __init__(self, spec: TextSpec = SPECS.text) -> None:
        self.spec = spec

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.stack([torch.full((self.spec.tokens, self.spec.dim), len(text) + 0.5) for text in texts])


@pytest.fixture
def featured(tmp_path: Path, toy_preset: None, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Features that name their text encoder."""
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0), made_by={"text_encoder": "toy-text"})
    monkeypatch.setattr(encoders, "load_text_encoder", {"toy-text": Encoder()}.__getitem__)
    return workspace


def test_t2_training_from_scratch_records_the_encoders_empty_text(featured: Workspace) -> None:
    options = SHORT.options.model_copy(update={"absent": "learned"})
    run_training(SHORT.model_copy(update={"options": options}), featured)
    network, info = load_checkpoint(checkpoint_path(featured))
    assert info.network.absent == "learned"
    assert torch.equal(network.empty_string_feat, torch.full((SPECS.text.tokens, SPECS.text.dim), 0.5))
    assert not torch.equal(network.empty_clip_feat, torch.zeros(1, SPECS.clip.dim))  # this one is learned


def test_all_zero_absent_features_need_no_text_encoder(featured: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "load_text_encoder", {}.__getitem__)
    run_training(SHORT, featured)
    assert not hasattr(load_checkpoint(checkpoint_path(featured))[0], "empty_string_feat")


def test_the_encoder_must_be_the_one_of_the_features(featured: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore.open(featured.path("precompute"))
    assert torch.equal(empty_text(store), torch.full((SPECS.text.tokens, SPECS.text.dim), 0.5))
    other = Encoder(dataclasses.replace(SPECS.text, weights_sha256="0" * 64))
    monkeypatch.setattr(encoders, "load_text_encoder", lambda _: other)
    with pytest.raises(MismatchError, match="text: this installation uses toy-text"):
        empty_text(store)


def test_features_that_do_not_name_their_encoder_say_what_to_do(tmp_path: Path) -> None:
    write_features(tmp_path / "f", fake_store(clip_s=1.0))
    with pytest.raises(ContractError, match="does not say which text encoder made it; run precompute again"):
        empty_text(FeatureStore.open(tmp_path / "f"))


def test_the_network_refuses_a_text_of_another_shape_and_one_that_it_would_not_read() -> None:
    text_LD = torch.ones(SPECS.text.tokens, SPECS.text.dim)
    network = build_network(LEARNED, SPECS, seed=0)
    network.set_empty_text(text_LD)
    assert torch.equal(network.empty_string_feat, text_LD) and not network.empty_string_feat.requires_grad
    with pytest.raises(MismatchError, match=r"empty text are \(2, 3\); expected \(5, 12\)"):
        network.set_empty_text(torch.ones(2, 3))
    with pytest.raises(UsageError, match="absent text is all zeros in this network"):
        build_network(TOY, SPECS, seed=0).set_empty_text(text_LD)


def test_the_embedded_encoders_empty_text_is_not_zero() -> None:
    assert float(load_text_encoder("minilm").encode([""]).abs().max()) > 0.1
