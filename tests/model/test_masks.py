"""Laws of the masks (SPEC M3, M5, M7, T2)."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import UsageError
from model.config import MaskConfig
from model.masks import draw_masks, mask_features, masked_latent, rand_span_mask, resample_mask, visible_mean


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _runs(mask_N: torch.Tensor) -> int:
    padded = torch.cat([torch.zeros(1, dtype=torch.bool), mask_N])
    return int((padded[1:] & ~padded[:-1]).sum())


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(2, 400),
    low=st.floats(0.05, 1.0),
    placement=st.sampled_from(["random", "prefix", "mixed"]),
    seed=st.integers(0, 2**31),
)
def test_m3_every_row_hides_one_span_of_the_asked_share(frames, low, placement, seed):
    mask = rand_span_mask(16, frames, _generator(seed), share=(low, 1.0), placement=placement)
    assert mask.shape == (16, frames)
    for row in mask:
        assert _runs(row) == 1
        assert max(1, int(low * frames + 1e-6) - 1) <= int(row.sum()) <= frames


def test_m3_prefix_context_is_a_prefix_and_mixed_has_both():
    prefix = rand_span_mask(500, 100, _generator(), share=(0.7, 1.0), placement="prefix")
    assert bool(prefix[:, -1].all())
    mixed = rand_span_mask(500, 100, _generator(), share=(0.7, 0.9), placement="mixed")
    assert 0.4 < float(mixed[:, -1].float().mean()) < 0.65


def test_m3_default_share_averages_85_percent():
    mask = rand_span_mask(4000, 345, _generator(), share=(0.7, 1.0), placement="random")
    assert float(mask.float().mean()) == pytest.approx(0.849, abs=0.005)


@pytest.mark.parametrize(
    ("field", "rate"), [("keep_reference_B", 0.3), ("keep_clip_B", 0.1), ("keep_sync_B", 0.1), ("keep_text_B", 0.1)]
)
def test_t2_m5_drop_rates_are_the_papers_and_independent(field, rate):
    n = 20_000
    masks = draw_masks(n, 4, MaskConfig(), _generator(3))
    dropped = 1 - float(getattr(masks, field).float().mean())
    assert abs(dropped - rate) < 4 * (rate * (1 - rate) / n) ** 0.5
    both = float((~masks.keep_clip_B & ~masks.keep_text_B).float().mean())
    assert both == pytest.approx(0.01, abs=0.003)


def test_t2_joint_video_drop_takes_clip_and_sync_together():
    masks = draw_masks(500, 4, MaskConfig(drop_video="joint"), _generator())
    assert torch.equal(masks.keep_clip_B, masks.keep_sync_B)


def test_g4_semantics_drop_takes_clip_and_text_together():
    config = MaskConfig(drop_clip=0.0, drop_text=0.0, drop_semantics=0.5)
    masks = draw_masks(500, 4, config, _generator())
    assert torch.equal(masks.keep_clip_B, masks.keep_text_B)
    assert 0.4 < float(masks.keep_clip_B.float().mean()) < 0.6


def test_rows_with_video_have_a_text_drop_of_their_own_and_alone_lose_clip_and_text_together():
    has_video = torch.arange(2000) % 2 == 0
    config = MaskConfig(drop_text=0.0, vta_drop_text=0.6, drop_clip=0.0)
    plain, semantics = (
        draw_masks(2000, 4, dataclasses.replace(config, drop_semantics=share), _generator(4), has_video)
        for share in (0.0, 0.5)
    )
    assert float(plain.keep_text_B[has_video].float().mean()) == pytest.approx(0.4, abs=0.05)
    assert bool(plain.keep_text_B[~has_video].all())
    assert bool(semantics.keep_text_B[~has_video].all())
    assert float(semantics.keep_clip_B[has_video].float().mean()) == pytest.approx(0.5, abs=0.05)
    assert float(semantics.keep_text_B[has_video].float().mean()) == pytest.approx(0.2, abs=0.04)


def test_without_a_text_drop_of_its_own_a_row_with_video_is_dropped_as_any_other():
    has_video = torch.arange(300) % 3 == 0
    with_kinds, without = (draw_masks(300, 9, MaskConfig(), _generator(6), kinds) for kinds in (has_video, None))
    for field in dataclasses.fields(with_kinds):
        assert torch.equal(getattr(with_kinds, field.name), getattr(without, field.name)), field.name


def test_m5_dropped_reference_generates_the_whole_clip_or_keeps_its_span():
    full = draw_masks(400, 50, MaskConfig(), _generator())
    assert bool(full.mask_BN[~full.keep_reference_B].all())
    assert not bool(full.mask_BN[full.keep_reference_B].all())
    span = draw_masks(400, 50, MaskConfig(dropped_reference_mask="span"), _generator())
    assert not bool(span.mask_BN[~span.keep_reference_B].all())


def test_m4_m5_masked_latent_shows_context_only():
    latent = torch.randn(2, 6, 3)
    mask = torch.tensor([[True, True, False, False, True, True]] * 2)
    context = masked_latent(latent, mask, torch.tensor([True, False]))
    assert torch.equal(context[0, 2:4], latent[0, 2:4])
    assert float(context[0, mask[0]].abs().sum()) == 0.0
    assert float(context[1].abs().sum()) == 0.0


def test_m7_video_is_kept_where_audio_is_generated():
    mask = torch.zeros(1, 100, dtype=torch.bool)
    mask[:, 40:] = True
    kept = mask_features(torch.ones(1, 20, 3), mask, "soft")[0, :, 0]
    assert torch.equal(kept[:8], torch.zeros(8))
    assert torch.equal(kept[8:], torch.ones(12))


def test_m7_soft_mask_is_fractional_only_at_borders_and_hard_is_binary():
    mask = torch.zeros(1, 345, dtype=torch.bool)
    mask[:, 95:301] = True
    soft = resample_mask(mask, 64, "soft")
    assert int(((soft > 0) & (soft < 1)).sum()) <= 2
    assert set(resample_mask(mask, 64, "hard").unique().tolist()) == {0.0, 1.0}


def test_masks_depend_on_the_generator_alone():
    first, second = (draw_masks(8, 30, MaskConfig(), _generator(9)) for _ in range(2))
    assert torch.equal(first.mask_BN, second.mask_BN)
    assert torch.equal(first.keep_text_B, second.keep_text_B)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.9, 0.7), (0.5, 1.5)])
def test_impossible_span_shares_are_refused(low, high):
    with pytest.raises(UsageError, match=f"span_low {low} and span_high {high}"):
        MaskConfig(span_low=low, span_high=high)


@settings(max_examples=30, deadline=None)
@given(start=st.integers(0, 30), length=st.integers(4, 40), kind=st.sampled_from(["soft", "hard"]))
def test_m9_a_visible_mean_counts_each_token_as_much_as_it_is_shown(start, length, kind):
    mask = torch.zeros(1, 50, dtype=torch.bool)
    mask[:, start : start + length] = True
    tokens = torch.randn(1, 8, 3, generator=_generator())
    shown = resample_mask(mask, 8, kind)[0]
    expected = sum((w * t for w, t in zip(shown, tokens[0], strict=True)), torch.zeros(3)) / max(
        float(shown.sum()), 1e-6
    )
    assert torch.allclose(visible_mean(tokens, mask, kind)[0], expected, atol=1e-5)
    changed = tokens + 100.0 * (shown == 0)[None, :, None]
    assert torch.allclose(visible_mean(changed, mask, kind), visible_mean(tokens, mask, kind), atol=1e-5)


def test_m9_with_nothing_masked_a_visible_mean_is_the_mean():
    tokens = torch.randn(2, 8, 3, generator=_generator())
    everything = torch.ones(2, 50, dtype=torch.bool)
    assert torch.allclose(visible_mean(tokens, everything, "soft"), tokens.mean(1), atol=1e-6)
    assert float(visible_mean(tokens, ~everything, "soft").abs().max()) == 0.0
