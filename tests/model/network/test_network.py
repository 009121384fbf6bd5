"""Laws of the network (SPEC M1, M4, M6-M9, M12). Shapes come from the specs; masks are True = generated."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import MismatchError, UsageError
from model.config import PRESETS, preset
from model.network import Conditions, Features, Network, build_network
from model.network.blocks import Attention
from model.network.inputs import ConvPositionEmbedding
from model.network.layers import rotary_table, rotate
from model.specs import ClipSpec, CodecSpec, FeatureSpecs, SyncSpec, TextSpec
from tests.model.fakes import TOY, toy_specs
from tests.model.networks import B, N, V, awake, features, frame_sync, span


def velocity(network: Network, f: Features, mask: torch.Tensor, *, seed: int = 5) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    x, reference = (torch.randn(B, mask.shape[1], 4, generator=g) for _ in range(2))
    t = torch.tensor([0.3, 0.7])
    with torch.no_grad():
        return network(x, t, reference * ~mask[..., None], mask, network.preprocess_conditions(f, mask))


def test_a_scale_of_visual_semantics_is_the_same_as_scaled_features():
    plain, scaled = (awake(dataclasses.replace(TOY, clip_scale=scale)) for scale in (1.0, 0.2))
    seen, mask = features(), span(10, 40)
    smaller = dataclasses.replace(seen, clip_BVC=0.2 * seen.clip_BVC)
    assert torch.allclose(velocity(scaled, seen, mask), velocity(plain, smaller, mask), atol=1e-6)
    assert not torch.allclose(velocity(plain, seen, mask), velocity(plain, smaller, mask), atol=1e-4)


def test_mmaudios_sizes_take_visual_semantics_as_they_are():
    assert {name for name, config in PRESETS.items() if config.clip_scale != 1.0} == {"tiny"}


def test_m1_large_has_mmaudios_shapes_and_adds_the_input_embedding():
    specs = FeatureSpecs(
        codec=CodecSpec(
            name="m", sample_rate_hz=44100, channels=1, hop=1024, latent_dim=40, std_form="none", weights_sha256="",
            placeholder=False,
        ),
        text=TextSpec(name="m", tokens=77, dim=1024, weights_sha256="", placeholder=False),
        clip=ClipSpec(name="m", rate_hz=8.0, dim=1024, weights_sha256="", placeholder=False),
        sync=SyncSpec(name="m", dim=768, weights_sha256="", placeholder=False, segment=16, step=8, per_segment=8),
    )  # fmt: skip
    config = dataclasses.replace(preset("large_44k"), absent="learned", input_embedding=False)
    with torch.device("meta"):
        plain = Network(config, specs).state_dict()
        ours = Network(dataclasses.replace(config, input_embedding=True), specs).state_dict()
    assert len(plain) == 416
    assert sum(value.numel() for value in plain.values()) == 1_030_002_168
    shapes = {name: tuple(value.shape) for name, value in plain.items()}
    assert shapes["joint_blocks.0.clip_block.ffn.w1.weight"] == (2560, 896, 3)
    assert shapes["joint_blocks.6.text_block.adaLN_modulation.1.weight"] == (1792, 896)
    assert shapes["fused_blocks.13.attn.qkv.weight"] == (2688, 896)
    assert shapes["audio_input_proj.2.w2.weight"] == (896, 2560, 7)
    assert shapes["sync_pos_emb"] == (1, 1, 8, 768)
    assert "joint_blocks.6.clip_block.ffn.w1.weight" not in shapes
    assert ours["input_embed.proj.weight"].shape == (896, 80)
    assert ours["input_embed.conv_pos_embed.conv1d.0.weight"].shape == (896, 56, 31)
    assert specs.codec.frames(8.0) == 345


@pytest.mark.parametrize("name", ["small", "medium"])
def test_m1_presets_have_mmaudios_depths(name):
    config = PRESETS[name]
    assert (config.joint_depth, config.fused_depth, config.width // config.heads) == (4, 8, 64)


def test_a_fresh_network_returns_zero_and_its_weights_depend_on_the_seed_alone():
    first, second = (build_network(TOY, toy_specs(), seed=4) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert float(velocity(first, features(), span(10, 50)).abs().max()) == 0.0


def test_qkv_rows_are_interleaved_head_channel_qkv():
    attention = Attention(8, 2)
    x = torch.randn(1, 3, 8)
    qkv = attention(x, None)
    values = torch.einsum("hkd,bnd->bhnk", attention.qkv.weight.view(2, 4, 3, 8)[:, :, 2], x)
    bias = attention.qkv.bias.view(2, 4, 3)[:, :, 2][None, :, None]
    assert torch.allclose(qkv.v, values + bias, atol=1e-6)


def test_rotary_positions_are_relative_and_pairs_are_neighbours():
    table = rotary_table(20, 8, 1.0, torch.device("cpu"))
    q, k = torch.randn(8), torch.randn(8)
    turned_q, turned_k = (rotate(x.expand(1, 20, 1, 8), table)[0, :, 0] for x in (q, k))
    assert float(turned_q[3] @ turned_k[5]) == pytest.approx(float(turned_q[13] @ turned_k[15]), abs=1e-4)
    angle = torch.tensor(3.0)
    assert float(turned_q[3, 0]) == pytest.approx(float(q[0] * angle.cos() - q[1] * angle.sin()), abs=1e-5)


def test_clip_positions_are_scaled_to_audio_frames():
    conditions = awake().preprocess_conditions(features(), span(0, N))
    latent, clip = conditions.rotary.latent_NK2, conditions.rotary.clip_VK2
    assert torch.allclose(clip[4], rotary_table(V, 16, N / V, torch.device("cpu"))[4])
    assert torch.allclose(clip[4], latent[25], atol=1e-5)  # 4 * 50 / 8


def test_m4_conv_position_embedding_sees_61_frames():
    module = ConvPositionEmbedding(16, 31, 16)
    x = torch.zeros(1, 121, 16)
    y = x.clone()
    y[0, 60] = 1.0
    changed = (module(y) - module(x)).abs().sum(-1)[0] > 0
    assert changed.nonzero().flatten().tolist() == list(range(30, 91))


def test_m4_reference_reaches_the_output_only_through_the_context():
    network, mask = awake(), span(20, N)
    conditions = network.preprocess_conditions(features(), mask)
    x, t = torch.randn(B, N, 4), torch.full((B,), 0.5)
    with torch.no_grad():
        none = network(x, t, torch.zeros(B, N, 4), mask, conditions)
        some = network(x, t, torch.randn(B, N, 4) * ~mask[..., None], mask, conditions)
    assert float((none - some).abs().max()) > 1e-4


def test_m9_masked_video_dilutes_the_global_condition_only_where_all_tokens_are_pooled():
    network, mask = awake(dataclasses.replace(TOY, pool="visible", mask_kind="hard")), span(0, 25)
    longer = features()
    longer.clip_BVC[:, V // 2 :] = 7.0
    visible = [network.preprocess_conditions(f, mask).pooled_B1D for f in (features(), longer)]
    assert torch.equal(*visible)
    half = dataclasses.replace(features(), clip_BVC=features().clip_BVC[:, : V // 2])
    alone = network.preprocess_conditions(half, span(0, 25, 25)).pooled_B1D
    assert torch.allclose(visible[0], alone, atol=1e-6)
    plain = awake().preprocess_conditions(features(), mask).pooled_B1D
    assert float((plain - visible[0]).detach().abs().max()) > 1e-4


def test_m9_both_poolings_agree_where_all_video_is_shown():
    pooled = [
        awake(dataclasses.replace(TOY, pool=pool)).preprocess_conditions(features(), span(0, N)).pooled_B1D
        for pool in ("all", "visible")
    ]
    assert torch.allclose(*pooled, atol=1e-6)


@pytest.mark.parametrize("mask_sync", ["projected", "both"])
def test_m8_on_context_frames_the_frame_condition_is_the_global_one(mask_sync):
    network, mask = awake(dataclasses.replace(TOY, mask_sync=mask_sync)), span(20, 45)
    sync = frame_sync(network.preprocess_conditions(features(), mask)).detach()
    assert float(sync[~mask].abs().max()) == 0.0
    assert float(sync[mask].abs().min(dim=-1).values.max()) > 0.0


def test_m8_raw_masking_hides_the_features_before_the_projection():
    network, mask = awake(dataclasses.replace(TOY, mask_sync="raw")), span(20, N)
    first, second = features(), features()
    second.sync_BSC[:, :18] += 3.0
    one, two = (frame_sync(network.preprocess_conditions(f, mask)) for f in (first, second))
    assert torch.equal(one, two)


def test_m7_video_of_the_reference_segment_has_no_influence():
    network, mask = awake(), span(25, N)
    first, second = features(), features()
    second.clip_BVC[:, :3] += 5.0
    assert torch.equal(velocity(network, first, mask), velocity(network, second, mask))
    third = features()
    third.clip_BVC[:, 6:] += 5.0
    assert not torch.equal(velocity(network, first, mask), velocity(network, third, mask))


def test_m12_without_video_masks_the_reference_segments_video_matters():
    network, mask = awake(dataclasses.replace(TOY, mask_video=False)), span(25, N)
    second = features()
    second.clip_BVC[:, :3] += 5.0
    assert not torch.equal(velocity(network, features(), mask), velocity(network, second, mask))


def test_m12_without_input_embedding_the_context_replaces_the_state():
    network, mask = awake(dataclasses.replace(TOY, input_embedding=False)), span(20, N)
    conditions = network.preprocess_conditions(features(), mask)
    x, reference, t = torch.randn(B, N, 4), torch.randn(B, N, 4) * ~mask[..., None], torch.full((B,), 0.5)
    other = torch.where(mask[..., None], x, torch.randn(B, N, 4))
    with torch.no_grad():
        assert torch.equal(network(x, t, reference, mask, conditions), network(other, t, reference, mask, conditions))


def test_t2_an_absent_modality_equals_all_zero_features():
    network, mask = awake(), span(0, N)
    absent = features().absent()
    f = features()
    zero = Features(f.clip_BVC * 0, f.sync_BSC * 0, f.text_BLC * 0, f.has_clip_B, f.has_sync_B, f.has_text_B)
    assert torch.equal(velocity(network, absent, mask), velocity(network, zero, mask))


def test_m6_text_is_not_masked():
    network = awake()
    one = network.preprocess_conditions(features(), span(0, N)).text_BLD
    two = network.preprocess_conditions(features(), span(40, N)).text_BLD
    assert torch.equal(one, two)


def test_lengths_are_free_and_sync_is_spread_nearest_exact():
    network = awake(per_segment=8)
    f = features(frames=24)
    for frames in (30, 77):
        assert velocity(network, f, span(0, frames, frames)).shape == (B, frames, 4)
    sync = frame_sync(network.preprocess_conditions(f, span(0, 48, 48)))
    assert torch.equal(sync[:, 0::2], sync[:, 1::2])


def test_g7_stacked_conditions_give_the_two_passes():
    network, mask = awake(), span(10, N)
    f = features()
    one = network.preprocess_conditions(f, mask)
    null = network.preprocess_conditions(f.absent(), torch.ones_like(mask))
    x, t, reference = torch.randn(B, N, 4), torch.full((B,), 0.4), torch.randn(B, N, 4) * ~mask[..., None]
    with torch.no_grad():
        both = network(
            torch.cat([x, x]), torch.cat([t, t]), torch.cat([reference, 0 * reference]),
            torch.cat([mask, torch.ones_like(mask)]), Conditions.stack(one, null),
        )  # fmt: skip
        first = network(x, t, reference, mask, one)
        second = network(x, t, 0 * reference, torch.ones_like(mask), null)
    assert torch.allclose(both, torch.cat([first, second]), atol=1e-5)


def test_features_of_another_encoder_are_refused():
    f = features()
    wrong = dataclasses.replace(f, clip_BVC=torch.zeros(B, V, 11))
    with pytest.raises(MismatchError, match="clip features are 11 wide"):
        awake().preprocess_conditions(wrong, span(0, N))
    with pytest.raises(UsageError, match="too short"):
        awake().preprocess_conditions(dataclasses.replace(f, clip_BVC=torch.zeros(B, 0, 10)), span(0, N))


def test_normalise_is_undone_and_leaves_its_input_alone():
    network = awake()
    network.set_latent_stats(torch.arange(4.0), torch.arange(1.0, 5.0))
    latent = torch.randn(B, N, 4)
    copy = latent.clone()
    assert torch.allclose(network.unnormalize(network.normalize(latent)), latent, atol=1e-5)
    assert torch.equal(latent, copy)
    with pytest.raises(UsageError, match="is constant"):
        network.set_latent_stats(torch.zeros(4), torch.tensor([1.0, 0.0, 1.0, 1.0]))


def test_an_impossible_preset_says_what_fits():
    with pytest.raises(UsageError, match="unknown; choose one of"):
        preset("huge")
    with pytest.raises(UsageError, match="heads"):
        dataclasses.replace(TOY, heads=3)
