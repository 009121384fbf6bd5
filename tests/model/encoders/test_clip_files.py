"""CLIP's two file layouts: every tensor of open_clip's has its place, and strangers are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.encoders.clip_files import from_open_clip, read_clip_files
from tests.model.encoders.test_clip import EMBED, LAYERS, LENGTH, WIDTH, tiny, write_folder


def test_no_value_is_lost_or_made_up() -> None:
    theirs = tiny()
    ours = from_open_clip(theirs)
    assert sum(value.numel() for value in ours.values()) == sum(value.numel() for value in theirs.values())
    total = sum(float(value.double().sum()) for value in theirs.values())
    assert sum(float(value.double().sum()) for value in ours.values()) == pytest.approx(total, abs=1e-6)


def test_joint_projections_are_split_in_the_order_q_k_v() -> None:
    theirs = tiny()
    ours = from_open_clip(theirs)
    for side, prefix in (("text", ""), ("vision", "visual.")):
        joint = theirs[f"{prefix}transformer.resblocks.1.attn.in_proj_weight"]
        parts = [ours[f"{side}_model.encoder.layers.1.self_attn.{letter}_proj.weight"] for letter in "qkv"]
        assert torch.equal(torch.cat(parts), joint)


def test_final_projections_are_transposed() -> None:
    theirs = tiny()
    ours = from_open_clip(theirs)
    assert torch.equal(ours["text_projection.weight"], theirs["text_projection"].T)
    assert torch.equal(ours["visual_projection.weight"], theirs["visual.proj"].T)


@pytest.mark.parametrize(
    "name",
    ["transformer.resblocks.0.attn.other.weight", "visual.layer1.conv.weight", "audio.transformer.resblocks.0.ln_1"],
)
def test_tensors_of_another_model_are_refused_by_name(name: str) -> None:
    with pytest.raises(WeightsError, match="is not of open_clip's CLIP layout; is it another model"):
        from_open_clip({name: torch.zeros(3)})


def test_constants_of_older_files_are_left_out() -> None:
    assert from_open_clip({"attn_mask": torch.zeros(2, 2), "visual.position_ids": torch.zeros(2)}) == {}


def test_a_folder_gives_both_towers_with_their_sizes(tmp_path: Path) -> None:
    write_folder(tmp_path)
    files = read_clip_files(tmp_path)
    assert (files.embed, files.text["num_hidden_layers"], files.vision["hidden_size"]) == (EMBED, LAYERS, WIDTH)
    assert files.text["max_position_embeddings"] == LENGTH
    assert not files.is_dfn5b  # another size than the published one
    text, vision = files.tower("text"), files.tower("vision")
    assert all(not name.startswith(("text_model", "vision_model")) for name in text)
    assert "visual_projection.weight" in vision
    assert len(text) + len(vision) + len({"text_projection.weight", "logit_scale"}) == len(files.tensors)


def test_a_folder_without_weights_names_both_layouts(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"open_clip_config\.json with .* or config\.json with model\.safetensors"):
        read_clip_files(tmp_path)


def test_a_config_of_another_architecture_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "open_clip_config.json").write_text('{"model_cfg": {"embed_dim": 8, "text_cfg": {}}}')
    with pytest.raises(WeightsError, match="does not describe a CLIP of two transformers"):
        read_clip_files(tmp_path)
