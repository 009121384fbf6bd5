"""VGGish: its front end by loops, its layers by hand, its key layout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from model.judges.vggish import log_mel_patches
from tests.model.judges.audio_layouts import tensors
from tests.model.judges.loops import convolved, linear
from tests.model.judges.small_judges import load_small, small_shapes, sound


def mel(hz: float) -> float:
    return 1127.0 * math.log(1.0 + hz / 700.0)


def slow_frame(samples: np.ndarray) -> list[float]:
    """64 log-mel values of one frame of 400 samples."""
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / 400) for n in range(400)]
    magnitudes = np.abs(np.fft.fft([value * weight for value, weight in zip(samples, hann, strict=True)], 512))[:257]
    edges = np.linspace(mel(125.0), mel(7_500.0), 66)
    values = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        total = 0.0
        for number in range(1, 257):
            place = mel(number * 16_000 / 512)
            total += magnitudes[number] * max(
                0.0, min((place - low) / (middle - low), (high - place) / (high - middle))
            )
        values.append(math.log(total + 0.01))
    return values


def test_the_front_end_is_what_loops_over_bins_give() -> None:
    samples = sound(2 * 15_360 + 400)
    patches = log_mel_patches(samples)
    assert patches.shape == (2, 96, 64) and patches.dtype == torch.float32
    for frame in (0, 95, 96, 191):
        expected = slow_frame(samples[160 * frame :][:400].double().numpy())
        np.testing.assert_allclose(patches.flatten(0, 1)[frame], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("samples", "patches"), [(15_600, 1), (30_959, 1), (30_960, 2), (128_000, 8), (160_000, 10)])
def test_what_is_left_after_the_last_whole_patch_is_dropped(samples: int, patches: int, tmp_path: Path) -> None:
    (judged,) = load_small("vggish", tmp_path).judge_audio([sound(samples)], seeds=[0])
    assert judged["embedding"].shape == (patches, 5)


def slow_vggish(t: dict[str, torch.Tensor], patch_FM: torch.Tensor) -> torch.Tensor:
    """One patch through six convolutions by shifted sums, pools by loops, and three linear layers."""
    maps = patch_FM[None]
    for place, pooled in ((0, True), (3, True), (6, False), (8, True), (11, False), (13, True)):
        made = convolved(t[f"features.{place}.weight"], maps)
        maps = (made + t[f"features.{place}.bias"][:, None, None]).clamp(min=0)
        if pooled:
            corners = [maps[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
            maps = torch.stack(corners).amax(dim=0)
    rows = [maps[:, y, x] for y in range(maps.shape[1]) for x in range(maps.shape[2])]  # channels run fastest
    vector = torch.cat(rows)
    for layer in (0, 2, 4):
        vector = linear(t, f"embeddings.{layer}", vector)
        if layer < 4:
            vector = vector.clamp(min=0)
    return vector


def test_each_patch_is_what_plain_loops_give(tmp_path: Path) -> None:
    samples = sound(31_000)
    (judged,) = load_small("vggish", tmp_path).judge_audio([samples], seeds=[0])
    weights = tensors(small_shapes("vggish"))
    expected = torch.stack([slow_vggish(weights, patch) for patch in log_mel_patches(samples)])
    torch.testing.assert_close(judged["embedding"], expected, rtol=1e-4, atol=1e-5)
    assert (expected < 0).any()  # the last ReLU of the published network is left out
