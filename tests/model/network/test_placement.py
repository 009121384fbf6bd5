"""Which sync position each audio frame reads (SPEC M8, G4), on Synchformer's overlapping segments."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import MismatchError
from model.network.placement import nearest_exact, parts_or_whole, position_mask, read_positions
from model.paper_specs import SYNCHFORMER, paper_specs
from model.requests import Request, plan_request
from model.specs import FeatureSpecs, SyncPart
from tests.model.fakes import TOY
from tests.model.networks import B, awake, features, frame_sync

CPU = torch.device("cpu")
CODECS = ("mmaudio-44k", "moss-dacvae", "meta-dacvae")
SECONDS = (0.64, 1.0, 2.0, 3.3, 6.0, 8.0)
MOST_S = 0.04


def rows(*parts: SyncPart) -> list[int]:
    found: list[int] = read_positions(parts, CPU).tolist()
    return found


def small(codec: str) -> FeatureSpecs:
    """The paper's geometry with narrow features."""
    specs = paper_specs(codec)
    return dataclasses.replace(
        specs, sync=dataclasses.replace(SYNCHFORMER, dim=2), codec=dataclasses.replace(specs.codec, latent_dim=2)
    )


def request(specs: FeatureSpecs, task: str, target_s: float, reference_s: float = 0.0) -> Request:
    sync, frames = specs.sync, specs.codec.frames(reference_s)
    return Request(
        task=task,  # type: ignore[arg-type]
        duration_s=target_s,
        seed=0,
        clip_VD=torch.zeros(specs.clip.length(target_s), specs.clip.dim),
        sync_SD=torch.zeros(sync.covering_length(target_s), sync.dim),
        reference_NF=torch.zeros(frames, specs.codec.latent_dim) if frames else None,
        reference_sync_SD=torch.zeros(sync.covering_length(reference_s), sync.dim) if frames else None,
    )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("reference_s", SECONDS)
def test_g4_a_target_reads_the_same_sync_behind_any_reference_as_alone(codec: str, reference_s: float) -> None:
    specs = small(codec)
    for target_s in SECONDS:
        plan = plan_request(request(specs, "ac-vta", target_s, reference_s), specs)
        alone = plan_request(request(specs, "vta", target_s), specs)
        before = plan.sync_parts[0].positions
        assert [row - before for row in rows(*plan.sync_parts)[plan.cut :]] == rows(*alone.sync_parts)
        weights = position_mask(plan.mask_N[None], plan.sync_parts, "soft")[0]
        read = weights[rows(*plan.sync_parts)]
        assert bool((read[plan.cut :] == 1).all()) and not bool(read[: plan.cut].any())


@pytest.mark.parametrize(("reference_s", "target_s", "moved_s"), [(2, 6, 0.2), (2, 8, 0.25), (8, 2, 0.3), (2, 2, 0.0)])
def test_both_videos_spread_as_one_would_move_the_target(reference_s: float, target_s: float, moved_s: float) -> None:
    """The fault that parts mend: how far the positions read by the target lie from those that it reads alone."""
    specs = paper_specs()
    lengths = [specs.sync.length(s) for s in (reference_s, target_s)]
    frames = [specs.codec.frames(s) for s in (reference_s, target_s)]
    as_one = nearest_exact(sum(lengths), sum(frames), CPU)[frames[0] :] - lengths[0]
    alone = nearest_exact(lengths[1], frames[1], CPU)
    assert float((as_one - alone).abs().max()) * target_s / lengths[1] == pytest.approx(moved_s, abs=0.06)


@pytest.mark.parametrize("codec", CODECS)
def test_a_result_of_any_length_reads_the_sync_of_its_own_time(codec: str) -> None:
    """1 to 12 s in steps of 10 ms: the share of the video that a position stands for and the frame that reads it are
    less than 40 ms apart."""
    specs = small(codec)
    for hundredths in range(100, 1201):
        target_s = hundredths / 100
        positions, frames = specs.sync.covering_length(target_s), specs.codec.frames(target_s)
        each_s = specs.sync.covered_s(positions) / positions
        read = read_positions((specs.sync_part(positions, frames),), CPU)
        middle_s = (torch.arange(frames) + 0.5) / specs.codec.frame_rate_hz
        off_s = torch.maximum(read * each_s - middle_s, middle_s - (read + 1) * each_s)
        assert float(off_s.max()) < MOST_S, target_s


@pytest.mark.parametrize("task", ["vta", "tc-vta", "fe", "edit"])
def test_each_task_places_its_video_by_the_same_rule(task: str) -> None:
    specs = small("moss-dacvae")
    for target_s in (1.37, 2.0, 7.35, 8.0):
        asked = request(specs, task, target_s, 0.64 if task == "fe" else 0.0)
        frames = specs.codec.frames(target_s)
        asked = dataclasses.replace(
            asked,
            text_LD=torch.zeros(specs.text.tokens, specs.text.dim),
            original_NF=torch.zeros(frames, specs.codec.latent_dim),
            window_s=(0.2, 0.8),
        )
        expected = specs.sync_part(specs.sync.covering_length(target_s), frames)
        assert plan_request(asked, specs).sync_parts == (expected,)


def test_features_that_end_before_the_audio_would_be_off_at_its_end() -> None:
    specs = paper_specs()
    assert 7.35 - specs.sync.covered_s(specs.sync.length(7.35)) > 0.3
    assert specs.sync.covered_s(specs.sync.covering_length(7.35)) > 7.35


@pytest.mark.parametrize("seconds", [0.64, 0.96, 2.24, 4.16, 7.36, 8.0])
def test_one_part_of_whole_segments_is_mmaudios_interpolation(seconds: float) -> None:
    specs = paper_specs()
    positions, frames = specs.sync.length(seconds), specs.codec.frames(seconds)
    assert specs.sync.covering_length(seconds) == positions
    assert rows(specs.sync_part(positions, frames)) == nearest_exact(positions, frames, CPU).tolist()
    assert parts_or_whole((), positions, frames) == (SyncPart(positions, frames, frames),)


@pytest.mark.parametrize("seconds", [1.1, 2.0, 5.0, 7.5])
def test_fewer_features_are_spread_over_all_frames_as_mmaudio_does(seconds: float) -> None:
    specs = paper_specs()
    positions, frames = specs.sync.length(seconds), specs.codec.frames(seconds)
    assert rows(specs.sync_part(positions, frames)) == nearest_exact(positions, frames, CPU).tolist()


@st.composite
def some_parts(draw: st.DrawFn) -> list[SyncPart]:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        frames = draw(st.integers(1, 60))
        parts.append(SyncPart(draw(st.integers(1, 40)), frames + draw(st.integers(0, 20)), frames))
    return parts


@given(some_parts())
def test_rows_are_those_of_a_plain_loop(parts: list[SyncPart]) -> None:
    expected, first = [], 0
    for part in parts:
        ratio = torch.tensor(part.positions, dtype=torch.float32) / part.covered
        expected += [first + math.floor(float((i + 0.5) * ratio)) for i in range(part.frames)]
        first += part.positions
    found = rows(*parts)
    assert len(found) == len(expected) and max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
    assert sum(a != b for a, b in zip(found, expected, strict=True)) <= len(parts)  # fp32 at exact borders


@given(some_parts(), st.booleans())
def test_a_part_is_masked_by_its_own_frames_alone(parts: list[SyncPart], first_is_given: bool) -> None:
    owner_N = torch.cat([torch.full((part.frames,), number) for number, part in enumerate(parts)])
    owner_S = torch.cat([torch.full((part.positions,), number) for number, part in enumerate(parts)])
    weights = position_mask(((owner_N % 2 == 0) == first_is_given)[None], parts, "soft")[0]
    assert torch.equal(weights, ((owner_S % 2 == 0) == first_is_given).float())


def test_parts_of_other_lengths_are_refused() -> None:
    parts = (SyncPart(8, 20, 20), SyncPart(16, 40, 30))
    assert parts_or_whole(parts, 24, 50) == parts
    for positions, frames in ((24, 49), (16, 50)):
        with pytest.raises(MismatchError, match=f"have 24 positions and 50 audio frames; .* {positions}\n?.*{frames}"):
            parts_or_whole(parts, positions, frames)


@pytest.mark.parametrize("mask_sync", ["projected", "raw", "both"])
def test_g4_in_the_network_the_targets_condition_is_the_one_it_has_alone(mask_sync: str) -> None:
    """Away from the border, over which the projection's convolutions look."""
    network = awake(dataclasses.replace(TOY, mask_sync=mask_sync), per_segment=8)
    parts = (SyncPart(16, 20, 20), SyncPart(48, 44, 40))
    both, alone = features(frames=64), features(frames=64)
    both = dataclasses.replace(both, sync_parts=parts)
    alone = dataclasses.replace(alone, sync_BSC=alone.sync_BSC[:, 16:], sync_parts=parts[1:])
    mask = (torch.arange(60) >= 20).expand(B, -1)
    behind = frame_sync(network.preprocess_conditions(both, mask))
    expected = frame_sync(network.preprocess_conditions(alone, mask[:, 20:]))
    assert torch.allclose(behind[:, 25:], expected[:, 5:], atol=1e-6)
    assert not torch.allclose(behind[:, 20:21], expected[:, :1], atol=1e-6)
    absent = both.absent()
    assert absent.sync_parts == parts and not bool(absent.has_sync_B.any())
