"""SPEC M1 to M12, each against its statement written out plainly. More laws of a row: `grep -r test_m7_ tests`."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.config import MaskConfig, preset
from model.flow import interpolate
from model.masks import draw_masks, mask_features, masked_latent, rand_span_mask, resample_mask
from model.network import Network, build_network
from model.paper_specs import CODECS, paper_specs
from model.training.batches import Batch
from model.training.draws import Draws, batch_errors
from model.variants import variant
from tests.model.fakes import TOY, toy_specs
from tests.model.networks import N, awake, features, frame_sync, span


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_m1_seven_joint_and_fourteen_fused_blocks_with_adaln_in_each():
    with torch.device("meta"):
        network = Network(preset("large_44k"), paper_specs())
    assert (len(network.joint_blocks), len(network.fused_blocks)) == (7, 14)
    streams = [block.latent_block for block in network.joint_blocks] + list(network.fused_blocks)
    assert all(one.adaLN_modulation[1].weight.shape == (6 * 896, 896) for one in streams)
    assert [block.text_block.pre_only for block in network.joint_blocks] == [False] * 6 + [True]


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_m2_any_codec_of_the_list_fits_the_network(codec):
    specs = paper_specs(codec)
    with torch.device("meta"):
        network = Network(preset("small"), specs)
    assert network.final_layer.conv.weight.shape[0] == specs.codec.latent_dim
    assert network.input_embed.proj.weight.shape[1] == 2 * specs.codec.latent_dim


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), frames=st.integers(20, 500))
def test_m3_one_span_of_70_to_100_percent_per_row(seed, frames):
    share = (MaskConfig().span_low, MaskConfig().span_high)
    mask = rand_span_mask(32, frames, torch.Generator().manual_seed(seed), share=share, placement="random")
    for row in mask.tolist():
        masked = [index for index, value in enumerate(row) if value]
        assert masked == list(range(masked[0], masked[-1] + 1))
        assert math.floor(0.7 * frames - 1e-4) <= len(masked) <= frames


def test_m3_shares_are_uniform():
    mask = rand_span_mask(20_000, 1000, torch.Generator().manual_seed(0), share=(0.7, 1.0), placement="random")
    counts = torch.histc(mask.float().mean(1), bins=6, min=0.7, max=1.0)
    expected, sigma = 20_000 / 6, math.sqrt(20_000 * (1 / 6) * (5 / 6))
    assert float((counts - expected).abs().max()) < 4 * sigma + 70  # a bin's edge holds whole frames


def test_m4_input_embedding_is_a_linear_map_of_both_and_two_grouped_convolutions():
    network = awake()
    embed = network.input_embed
    x, reference = _random(2, 40, 4), _random(2, 40, 4, seed=1)
    h = x @ embed.proj.weight[:, :4].T + reference @ embed.proj.weight[:, 4:].T + embed.proj.bias
    positions = h
    for convolution in (embed.conv_pos_embed.conv1d[0], embed.conv_pos_embed.conv1d[2]):
        assert (convolution.kernel_size, convolution.groups) == ((31,), 16)
        positions = _mish(_grouped(positions, convolution))
    with torch.no_grad():
        assert torch.allclose(embed(x, reference), h + positions, atol=1e-5)


def _grouped(x_BND, convolution):
    size = x_BND.shape[-1] // convolution.groups
    padded = torch.nn.functional.pad(x_BND, (0, 0, 15, 15))
    groups = []
    for index in range(convolution.groups):
        own = slice(index * size, (index + 1) * size)
        weight = convolution.weight[own]
        taps = [padded[:, k : k + x_BND.shape[1], own] @ weight[:, :, k].T for k in range(31)]
        groups.append(sum(taps) + convolution.bias[own])
    return torch.cat(groups, -1)


def _mish(x):
    return x * torch.tanh(torch.log1p(torch.exp(x)))


def test_m4_the_context_is_concatenated_and_projected_before_the_blocks():
    network, mask = awake(), span(15, N)
    seen = {}
    network.input_embed.register_forward_pre_hook(lambda _, given: seen.update(embedded=given))
    network.audio_input_proj.register_forward_pre_hook(lambda _, given: seen.update(projected=given))
    x, latent = _random(2, N, 4), _random(2, N, 4, seed=1)
    reference = masked_latent(latent, mask, torch.tensor([True, True]))
    with torch.no_grad():
        network(x, torch.tensor([0.1, 0.6]), reference, mask, network.preprocess_conditions(features(), mask))
        assert torch.equal(seen["projected"][0], network.input_embed(x, reference))
    assert torch.equal(seen["embedded"][0], x)


def test_m5_the_reference_is_dropped_in_30_percent_of_the_rows():
    n = 20_000
    masks = draw_masks(n, 8, MaskConfig(), torch.Generator().manual_seed(5))
    dropped = n - int(masks.keep_reference_B.sum())
    assert abs(dropped - 0.3 * n) < 4 * math.sqrt(n * 0.3 * 0.7)
    context = masked_latent(torch.ones(n, 8, 2), masks.mask_BN, masks.keep_reference_B)
    assert not bool(context[~masks.keep_reference_B].any())
    assert bool(masks.mask_BN[~masks.keep_reference_B].all())  # trains plain generation on the whole clip
    literal = draw_masks(n, 8, MaskConfig(dropped_reference_mask="span"), torch.Generator().manual_seed(5))
    assert torch.equal(literal.keep_reference_B, masks.keep_reference_B)
    kept = masks.keep_reference_B
    assert torch.equal(literal.mask_BN[kept], masks.mask_BN[kept])
    assert not bool(literal.mask_BN[~kept].all())


def test_m6_text_tokens_are_the_same_under_every_mask():
    network = awake()
    expected = network.text_input_proj(features().text_BLC)
    for mask in (span(0, N), span(20, 30), span(49, 50)):
        assert torch.equal(network.preprocess_conditions(features(), mask).text_BLD, expected)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), video=st.integers(2, 80), frames=st.integers(20, 400))
def test_m7_video_is_weighted_by_the_mask_read_linearly_on_its_own_axis(seed, video, frames):
    mask = rand_span_mask(2, frames, torch.Generator().manual_seed(seed), share=(0.5, 1.0), placement="random")
    values = _random(2, video, 3, seed=seed % 1000)
    soft, hard = (mask_features(values, mask, kind) for kind in ("soft", "hard"))
    for row in range(2):
        for index in range(video):
            weight = _read(mask[row].tolist(), (index + 0.5) * frames / video - 0.5)
            assert torch.allclose(soft[row, index], values[row, index] * weight, atol=2e-4)
            if abs(weight - 0.5) > 1e-3:
                assert torch.equal(hard[row, index], values[row, index] * float(weight > 0.5))


def _read(mask: list[bool], position: float) -> float:
    position = max(position, 0.0)
    low = min(int(position), len(mask) - 1)
    high = min(low + 1, len(mask) - 1)
    return mask[low] + (position - low) * (mask[high] - mask[low])


def test_m7_a_mask_of_all_true_leaves_features_bit_for_bit():
    assert bool((resample_mask(torch.ones(1, 345, dtype=torch.bool), 64, "soft") == 1.0).all())


@pytest.mark.parametrize("mask_sync", ["projected", "raw", "both"])
def test_m8_sync_is_projected_spread_and_masked_as_written(mask_sync):
    network = awake(dataclasses.replace(TOY, mask_sync=mask_sync), per_segment=8)
    f, mask = features(frames=24), span(20, 45)
    raw = f.sync_BSC
    if mask_sync in ("raw", "both"):
        raw = raw * resample_mask(mask, 24, "soft")[..., None]
    placed = torch.stack([raw[:, s] + network.sync_pos_emb[0, 0, s % 8] for s in range(24)], 1)
    projected = network.sync_input_proj(placed)
    found = frame_sync(network.preprocess_conditions(f, mask))
    for n in range(N):
        expected = projected[:, int((n + 0.5) * 24 / N)]
        if mask_sync in ("projected", "both") and not 20 <= n < 45:
            expected = torch.zeros_like(expected)
        assert torch.allclose(found[:, n], expected, atol=1e-6)


def test_m8_m9_blocks_get_the_frame_condition_and_the_final_layer_the_global_one():
    network, mask = awake(), span(20, N)
    seen = {}
    network.fused_blocks[0].register_forward_pre_hook(lambda _, given: seen.update(fused=given[1]))
    network.joint_blocks[0].register_forward_pre_hook(lambda _, given: seen.update(joint=given[1:3]))
    network.final_layer.register_forward_pre_hook(lambda _, given: seen.update(final=given[1]))
    conditions = network.preprocess_conditions(features(), mask)
    t = torch.tensor([0.1, 0.6])
    with torch.no_grad():
        network(_random(2, N, 4), t, torch.zeros(2, N, 4), mask, conditions)
        clip = network.clip_cond_proj(conditions.clip_BVD.mean(1))
        text = network.text_cond_proj(conditions.text_BLD.mean(1))
        everywhere = (network.t_embed(t) + network.global_cond_mlp(clip + text))[:, None]
    assert torch.allclose(seen["final"], everywhere, atol=1e-6)
    assert torch.equal(seen["joint"][0], seen["final"])
    per_frame = everywhere + frame_sync(conditions)
    for condition in (seen["fused"], seen["joint"][1]):
        assert torch.allclose(condition.spread(condition.rows_BRD), per_frame, atol=1e-6)


class _FixedVelocity:
    """Stands for a network: whatever the input, the same velocity."""

    def __init__(self, velocity):
        self.velocity = velocity

    def preprocess_conditions(self, features, mask_BN):
        return None

    def __call__(self, *_):
        return self.velocity


def test_m10_the_loss_sums_the_mean_over_channels_over_masked_frames_and_divides_by_their_number():
    """As the training computes it, against a plain loop; given frames get no gradient."""
    masks = draw_masks(2, 30, MaskConfig(drop_reference=0.0), torch.Generator().manual_seed(2))
    v, x0, x1 = (_random(2, 30, 4, seed=s) for s in range(3))
    v.requires_grad_()
    total, masked = 0.0, 0
    for b in range(2):
        for n in range(30):
            if masks.mask_BN[b, n]:
                total += sum(float(v.detach()[b, n, f] - (x1[b, n, f] - x0[b, n, f])) ** 2 for f in range(4)) / 4
                masked += 1
    errors_BN = batch_errors(_FixedVelocity(v), Batch(x1, features()), Draws(torch.rand(2), x0, masks))
    loss = errors_BN.sum() / masks.mask_BN.sum()
    assert float(loss.detach()) == pytest.approx(total / masked, rel=1e-5)
    loss.backward()
    moved_BN = v.grad.abs().sum(-1) > 0
    assert 0 < masked < 60 and torch.equal(moved_BN, masks.mask_BN)


def test_m11_the_path_runs_straight_from_noise_to_data():
    x0, x1 = _random(2, 6, 3), _random(2, 6, 3, seed=1)
    assert torch.equal(interpolate(x0, x1, torch.tensor([0.0, 1.0]))[0], x0[0])
    assert torch.equal(interpolate(x0, x1, torch.tensor([0.0, 1.0]))[1], x1[1])
    middle = interpolate(x0, x1, torch.tensor([0.25, 0.75]))
    assert torch.allclose(middle[0], 0.25 * x1[0] + 0.75 * x0[0])
    assert torch.allclose((interpolate(x0, x1, torch.full((2,), 0.5)) - x0) * 2, x1 - x0, atol=1e-6)


@pytest.mark.parametrize(("name", "reads_past_video"), [("full", False), ("m-1", True), ("m-2", False), ("m-3", True)])
def test_m12_only_m1_and_m3_see_the_video_of_the_context(name, reads_past_video):
    network, mask = awake(variant(name).network_config(TOY)), span(25, N)
    x, t = _random(2, N, 4), torch.tensor([0.3, 0.7])
    reference = _random(2, N, 4, seed=1) * ~mask[..., None]
    other = features()
    other.clip_BVC[:, :3] += 5.0
    with torch.no_grad():
        one, two = (network(x, t, reference, mask, network.preprocess_conditions(f, mask)) for f in (features(), other))
    assert torch.equal(one, two) != reads_past_video


def test_m12_m1_and_m2_put_the_context_in_the_states_place_and_the_others_beside_it():
    mask = span(20, N)
    x, reference = _random(2, N, 4), _random(2, N, 4, seed=1) * ~mask[..., None]
    for name, embeds in (("full", True), ("m-1", False), ("m-2", False), ("m-3", True)):
        network = build_network(variant(name).network_config(TOY), toy_specs(), seed=0)
        seen = {}
        network.audio_input_proj.register_forward_pre_hook(lambda _, given, seen=seen: seen.update(audio=given[0]))
        network(x, torch.rand(2), reference, mask, network.preprocess_conditions(features(), mask))
        assert hasattr(network, "input_embed") == embeds
        if not embeds:
            assert torch.equal(seen["audio"], torch.where(mask[..., None], x, reference))


def test_every_row_m_is_named_by_a_test():
    named = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        for function in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
            named |= set(re.findall(r"_m(\d+)(?=_)", function))
    assert {str(row) for row in range(1, 13)} <= named
