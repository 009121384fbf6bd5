"""adaLN on the distinct rows of the frame condition is adaLN on every frame (SPEC M8, M9)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from model.network import Conditions
from model.network.blocks import FrameCondition
from model.network.placement import nearest_exact
from tests.model.fakes import TOY
from tests.model.networks import awake, features, frame_sync, span

FRAMES = 130


def _velocity(network, mask, *, seed=3):
    f = features(frames=48)
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(len(mask), mask.shape[1], 4, generator=g)
    return network(x, torch.tensor([0.2, 0.9]), x * ~mask[..., None], mask, network.preprocess_conditions(f, mask))


@pytest.mark.parametrize("mask_sync", ["projected", "raw", "both"])
@pytest.mark.parametrize("mask_video", [True, False])
def test_m9_velocities_are_bitwise_those_of_every_frame(mask_sync, mask_video):
    network = awake(dataclasses.replace(TOY, mask_sync=mask_sync, mask_video=mask_video), per_segment=8)
    mask = span(17, 100, FRAMES)
    mask[1, :40] = True
    with torch.no_grad():
        rows = _velocity(network, mask)
        network.distinct_rows = False
        assert torch.equal(rows, _velocity(network, mask))


def test_m8_the_rows_are_the_sync_features_and_one_of_zeros_for_all_masked_frames():
    network, mask = awake(per_segment=8), span(30, FRAMES, FRAMES)
    sync = network.preprocess_conditions(features(frames=48), mask).sync
    assert sync.rows_BRD.shape[1] == 48 + 1
    assert not bool(sync.rows_BRD[:, 48].any())
    assert bool((sync.row_BN[:, :30] == 48).all())
    assert int(sync.row_BN[:, 30:].max()) == 47


def test_where_frames_are_fewer_than_sync_features_every_frame_is_a_row():
    network, mask = awake(per_segment=8), span(0, 20, 20)
    sync = network.preprocess_conditions(features(frames=48), mask).sync
    assert sync.row_BN is None
    assert sync.rows_BRD.shape[1] == 20


def test_gradients_are_those_of_every_frame_but_for_the_order_of_sums():
    network, mask = awake(per_segment=8), span(17, 100, FRAMES)
    gradients = []
    for distinct in (True, False):
        network.distinct_rows = distinct
        network.zero_grad()
        _velocity(network, mask).square().mean().backward()
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_g7_guidance_stacks_rows_of_two_masks():
    network, mask = awake(per_segment=8), span(30, FRAMES, FRAMES)
    f = features(frames=48)
    with torch.no_grad():
        one, two = network.preprocess_conditions(f, mask), network.preprocess_conditions(f, torch.ones_like(mask))
    both = frame_sync(Conditions.stack(one, two))
    assert torch.equal(both, torch.cat([frame_sync(one), frame_sync(two)]))


@pytest.mark.parametrize(("length", "frames"), [(192, 345), (40, 87), (192, 400), (736, 1292), (50, 100), (8, 3)])
def test_m8_nearest_exact_is_the_fp32_formula(length, frames):
    ratio = np.float32(length) / np.float32(frames)
    expected = np.floor((np.arange(frames, dtype=np.float32) + np.float32(0.5)) * ratio).astype(int)
    assert nearest_exact(length, frames, torch.device("cpu")).tolist() == expected.tolist()


def test_m8_of_192_features_153_appear_twice():
    counts = nearest_exact(192, 345, torch.device("cpu")).bincount()
    assert counts.bincount().tolist() == [0, 39, 153]


def test_spread_takes_each_rows_own_batch():
    rows = torch.arange(12.0).view(2, 3, 2)
    frames = FrameCondition(rows, torch.tensor([[2, 0, 0, 1], [1, 1, 2, 0]])).spread(rows)
    assert frames[0, :, 0].tolist() == [4, 0, 0, 2]
    assert frames[1, :, 0].tolist() == [8, 8, 10, 6]
