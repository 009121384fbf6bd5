"""The embedded encoders satisfy the protocols: lengths from the spec, float32 on the CPU, equal bits each time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.encoders import load_image_encoder, load_sync_encoder, load_text_encoder
from model.encoders.protocols import ImageEncoder, SyncEncoder, TextEncoder


def video(encoder: ImageEncoder | SyncEncoder, count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, encoder.size, encoder.size, 3), np.uint8)


@pytest.fixture(scope="module")
def image() -> ImageEncoder:
    return load_image_encoder("efficientnet_lite0")


@pytest.fixture(scope="module")
def sync() -> SyncEncoder:
    return load_sync_encoder("motion")


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    return load_text_encoder("minilm")


def test_features_have_the_specs_sizes(image: ImageEncoder, sync: SyncEncoder, text: TextEncoder) -> None:
    assert image.encode(video(image, image.spec.length(2.0))).shape == (image.spec.length(2.0), image.spec.dim)
    assert sync.encode(video(sync, 50)).shape == (sync.spec.length(2.0), sync.spec.dim)
    assert text.encode(["rain"]).shape == (1, text.spec.tokens, text.spec.dim)


def test_results_are_float32_on_the_cpu_and_equal_each_time(image, sync, text) -> None:
    for encode in (lambda: image.encode(video(image, 3)), lambda: sync.encode(video(sync, 20)),
                   lambda: text.encode(["rain", "a dog"])):  # fmt: skip
        first = encode()
        torch.rand(1000).sort()  # other work in between
        assert first.dtype == torch.float32 and first.device.type == "cpu"
        assert bool(first.isfinite().all())
        assert torch.equal(first, encode())


def test_frames_at_any_address_give_the_same_bits(image: ImageEncoder, sync: SyncEncoder) -> None:
    """A view into a larger buffer starts at an odd address."""
    for encoder, count in ((image, 2), (sync, 10)):
        frames = video(encoder, count)
        buffer = np.zeros(frames.size + 7, np.uint8)
        shifted = buffer[7:].reshape(frames.shape)
        shifted[:] = frames
        assert torch.equal(encoder.encode(shifted), encoder.encode(frames))


def test_embedded_encoders_say_that_they_are_placeholders(image, sync, text) -> None:
    for encoder in (image, sync, text):
        assert encoder.spec.placeholder
        assert len(encoder.spec.weights_sha256) == 64
