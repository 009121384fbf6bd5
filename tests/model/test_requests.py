"""Requests as the network's inputs: lengths, masks and noise for each task, without a network."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import UsageError
from data_contracts.generation import TASKS
from model.requests import Request, leading_task, plan_request, window_frames
from tests.model.fakes import toy_specs

SPECS = toy_specs()
RATE = SPECS.codec.frame_rate_hz


def request(task: str, duration_s: float = 2.0, reference_s: float = 0.8, seed: int = 0, **changes: object) -> Request:
    """Every condition, of the right length; fe's reference is shorter than the result."""
    frames, reference = SPECS.codec.frames(duration_s), SPECS.codec.frames(reference_s)
    total_s = duration_s + (reference / RATE if task == "ac-vta" else 0)
    values = {
        "text_LD": torch.ones(SPECS.text.tokens, SPECS.text.dim),
        "clip_VD": torch.ones(SPECS.clip.length(total_s), SPECS.clip.dim),
        "sync_SD": torch.ones(SPECS.sync.length(duration_s), SPECS.sync.dim),
        "reference_NF": torch.ones(reference, 4),
        "reference_sync_SD": 2 * torch.ones(SPECS.sync.length(reference / RATE), SPECS.sync.dim),
        "original_NF": 3 * torch.ones(frames, 4),
        "window_s": (0.4, 1.2),
    }
    if task == "edit":
        values |= {"reference_NF": None, "reference_sync_SD": None}
    return Request(task=task, duration_s=duration_s, seed=seed, **(values | changes))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(TASKS)), st.sampled_from([1.6, 2.0, 3.4]), st.integers(0, 5))
def test_a_plan_is_consistent_whatever_the_task(task: str, duration_s: float, seed: int) -> None:
    plan = plan_request(request(task, duration_s, seed=seed), SPECS)
    frames = SPECS.codec.frames(duration_s)
    assert len(plan.mask_N) - plan.cut == frames
    assert len(plan.given_NF) == len(plan.noise_NF) == len(plan.fresh_N) == len(plan.mask_N)
    assert bool(plan.mask_N.any())
    assert not bool(plan.mask_N[: plan.cut].any())  # what is cut off is given
    assert not bool((plan.fresh_N & ~plan.mask_N).any())
    if not plan.inverts:
        assert float(plan.given_NF[plan.mask_N].abs().sum()) == 0
    assert plan.inverts == (task == "edit")


@pytest.mark.parametrize("task", sorted(TASKS))
def test_conditions_that_a_task_does_not_use_are_absent_and_all_zero(task: str) -> None:
    one = request(task)
    uses = TASKS[leading_task(one)].uses
    plan = plan_request(one, SPECS)
    for present, values, condition in (
        (plan.has_text, plan.text_LC, "text"), (plan.has_clip, plan.clip_VC, "clip"),
        (plan.has_sync, plan.sync_SC, "sync"),
    ):  # fmt: skip
        assert present == uses(condition)
        assert bool(values.any()) == uses(condition)


def test_noise_depends_on_the_seed_and_the_length_alone() -> None:
    one, again = (plan_request(request("vta", seed=3), SPECS).noise_NF for _ in range(2))
    torch.manual_seed(9)
    tta = plan_request(request("tta", seed=3), SPECS).noise_NF
    assert torch.equal(one, again) and torch.equal(one, tta)
    assert not torch.equal(one, plan_request(request("vta", seed=4), SPECS).noise_NF)


def test_g4_the_reference_and_its_sync_come_first_and_are_cut_off() -> None:
    plan = plan_request(request("ac-vta", clip_VD=None), SPECS)
    assert plan.cut == 20
    assert torch.equal(plan.given_NF[:20], torch.ones(20, 4))
    assert plan.mask_N.tolist() == [False] * 20 + [True] * 50
    assert torch.equal(plan.sync_SC[:20], 2 * torch.ones(20, 6))
    assert torch.equal(plan.sync_SC[20:], torch.ones(50, 6))


def test_g5_the_segment_is_given_and_the_rest_generated() -> None:
    plan = plan_request(request("fe"), SPECS)
    assert plan.cut == 0
    assert plan.mask_N.tolist() == [False] * 20 + [True] * 30
    assert torch.equal(plan.given_NF[:20], torch.ones(20, 4))


def test_g6_the_window_is_generated_and_the_original_kept_whole() -> None:
    plan = plan_request(request("edit"), SPECS)
    assert plan.mask_N.nonzero().flatten().tolist() == list(range(10, 30))
    assert torch.equal(plan.given_NF, 3 * torch.ones(50, 4))
    assert not bool(plan.fresh_N.any())


def test_g6_frames_after_the_original_start_from_fresh_noise() -> None:
    plan = plan_request(request("edit", original_NF=torch.ones(40, 4), window_s=(1.2, 2.0)), SPECS)
    assert plan.fresh_N.nonzero().flatten().tolist() == list(range(40, 50))
    assert plan.mask_N.nonzero().flatten().tolist() == list(range(30, 50))
    for window in ((1.7, 2.0), (1.2, 1.9)):  # a gap before the window, or frames after it
        with pytest.raises(UsageError, match=r"has 40 frames, 2 s have 50; a longer result needs a window"):
            plan_request(request("edit", original_NF=torch.ones(40, 4), window_s=window), SPECS)


@pytest.mark.parametrize("task", ["vta", "tta", "tc-vta"])
def test_a_context_starts_the_result_of_any_task(task: str) -> None:
    plan = plan_request(request(task, context_NF=5 * torch.ones(12, 4)), SPECS)
    assert plan.mask_N.tolist() == [False] * 12 + [True] * 38
    assert torch.equal(plan.given_NF[:12], 5 * torch.ones(12, 4))
    with pytest.raises(UsageError, match="context has 50 frames, the result 50"):
        plan_request(request(task, context_NF=torch.ones(50, 4)), SPECS)


@given(st.floats(0, 7.9), st.floats(0.01, 8))
def test_g6_a_windows_frames_cover_it_and_no_frame_too_many(start_s: float, length_s: float) -> None:
    stop_s = min(8.0, start_s + length_s)
    start, stop = window_frames((start_s, stop_s), 8.0, SPECS)
    assert start / RATE <= start_s + 1e-6 and stop / RATE >= stop_s - 1e-6
    assert start_s - start / RATE < 1 / RATE + 1e-6 and stop / RATE - stop_s < 1 / RATE + 1e-6
    assert 0 <= start < stop <= SPECS.codec.frames(8.0)


@pytest.mark.parametrize("window", [(-0.1, 1.0), (1.0, 1.0), (2.0, 1.0), (7.0, 8.1)])
def test_g6_a_window_outside_the_audio_says_what_to_give(window: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match=r"give START:END with 0 <= START < END <= 8"):
        window_frames(window, 8.0, SPECS)


def test_g6_an_edit_is_led_by_its_reference_else_by_text_else_by_what_surrounds_the_window() -> None:
    one = request("edit")
    assert leading_task(dataclasses.replace(one, reference_NF=torch.ones(5, 4))) == "ac-vta"
    assert leading_task(one) == "tc-vta"
    assert leading_task(dataclasses.replace(one, text_LD=None)) == "fe"
    assert {leading_task(request(task)) for task in TASKS if task != "edit"} == set(TASKS) - {"edit"}
