"""SPEC G7: guidance equals its formula written out, its options, and the negative prompt of its null branch."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import MismatchError, UsageError
from data_contracts.generation import TASKS
from model.generate import plan_request
from model.network import Features
from tests.model.sampling import SPECS, generator, request, run


def test_g7_guidance_equals_two_separate_passes():
    gen, asked = generator(), request("vta")
    network = gen.network
    plan = plan_request(asked, SPECS)
    there = torch.ones(1, dtype=torch.bool)
    f = Features(plan.clip_VC[None], plan.sync_SC[None], plan.text_LC[None], there, there, there)
    mask, zero = plan.mask_N[None], torch.zeros(1, 50, 4)
    t = torch.zeros(1)
    x = plan.noise_NF[None]
    with torch.no_grad():
        one = network(x, t, zero, mask, network.preprocess_conditions(f, mask))
        null = network(x, t, zero, mask, network.preprocess_conditions(f.absent(), mask))
        expected = network.unnormalize(x + 4.5 * one - 3.5 * null)
    assert torch.allclose(run(gen, asked, steps=1, cfg_scale=4.5), expected, atol=1e-4)


@pytest.mark.parametrize("task", ["vta", "fe", "ac-vta"])
def test_g7_euler_equals_mmaudios_loop_with_two_forward_passes_a_step(task):
    """steps = linspace(0, 1, n + 1) in fp32; v = s * v_cond + (1 - s) * v_null; x += dt * v, written out plainly."""
    gen, asked, steps, scale = generator(), request(task), 5, 3.0
    network, plan = gen.network, plan_request(asked, SPECS)
    yes = [torch.tensor([has]) for has in (plan.has_clip, plan.has_sync, plan.has_text)]
    f = Features(plan.clip_VC[None], plan.sync_SC[None], plan.text_LC[None], *yes)
    mask, everything = plan.mask_N[None], torch.ones(1, len(plan.mask_N), dtype=torch.bool)
    reference = network.normalize(plan.given_NF[None]) * ~mask[..., None]
    x, times = plan.noise_NF[None] + reference, torch.linspace(0, 1, steps + 1)
    with torch.no_grad():
        shown, null = network.preprocess_conditions(f, mask), network.preprocess_conditions(f.absent(), everything)
        for i in range(steps):
            t = times[i] * torch.ones(1)
            v = scale * network(x, t, reference, mask, shown)
            v = v + (1 - scale) * network(x, t, torch.zeros_like(x), everything, null)
            x = x + (times[i + 1] - times[i]) * v
        expected = network.unnormalize(x)[0, plan.cut :]
    generated = run(gen, asked, steps=steps, cfg_scale=scale)[0]
    masked = plan.mask_N[plan.cut :]
    assert torch.allclose(generated[masked], expected[masked], atol=1e-4)


def test_g7_a_rescaled_guidance_changes_guided_results_alone_and_leaves_given_frames():
    plain, kept = generator(), generator(guidance_rescale=1.0)
    asked = request("fe")
    results = [run(gen, asked, cfg_scale=4.5)[0] for gen in (plain, kept)]
    assert torch.equal(results[0][:20], results[1][:20])
    assert not torch.allclose(results[0], results[1])
    assert torch.equal(run(plain, asked, cfg_scale=1.0), run(kept, asked, cfg_scale=1.0))


def test_g7_one_rescaled_step_has_the_size_of_the_conditional_one():
    """One step from the noise ends at the estimate of the data, so sizes can be compared there."""
    asked = request("vta")
    network = generator().network
    conditional, guided, rescaled = (
        network.normalize(run(generator(guidance_rescale=share), asked, steps=1, cfg_scale=scale))
        .square()
        .mean()
        .sqrt()
        for share, scale in ((0.0, 1.0), (0.0, 9.0), (1.0, 9.0))
    )
    assert float((guided - conditional).abs()) > 1e-3
    assert float(rescaled) == pytest.approx(float(conditional), rel=1e-4)


def test_conditions_are_projected_once_and_both_branches_share_each_forward_pass(monkeypatch):
    gen, calls = generator(), {"preprocess": 0, "forward": []}
    network = type(gen.network)
    preprocess, forward = network.preprocess_conditions, network.forward
    monkeypatch.setattr(
        network,
        "preprocess_conditions",
        lambda *a: calls.update(preprocess=calls["preprocess"] + 1) or preprocess(*a),
    )
    monkeypatch.setattr(network, "forward", lambda *a: calls["forward"].append(len(a[1])) or forward(*a))
    run(gen, request("vta"), request("vta", seed=2), steps=6, cfg_scale=4.5)
    assert calls["preprocess"] == 2  # conditional and null
    assert calls["forward"] == [4] * 6  # two requests, two branches, one pass a step


def test_g7_keeping_the_reference_in_the_null_branch_is_a_switch():
    assert not torch.allclose(run(generator(), request("fe")), run(generator(cfg_keep_reference=True), request("fe")))


def negative_of(seed: int = 7) -> torch.Tensor:
    return torch.randn(5, 12, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("task", TASKS)
def test_a_negative_prompt_is_the_text_of_the_null_branch_in_every_task(task):
    """One Euler step written out: v = s * v(conditions) + (1 - s) * v(nothing but the negative prompt)."""
    gen, scale = generator(), 3.0
    plain, asked = request(task), request(task, negative_LD=negative_of())
    assert not torch.equal(run(gen, asked, cfg_scale=scale), run(gen, plain, cfg_scale=scale))
    if task == "edit":  # starts from the inverted noise, which no prompt reaches
        return
    network, plan = gen.network, plan_request(asked, SPECS)
    yes = [torch.tensor([has]) for has in (plan.has_clip, plan.has_sync, plan.has_text)]
    f = Features(plan.clip_VC[None], plan.sync_SC[None], plan.text_LC[None], *yes, sync_parts=plan.sync_parts)
    none, there = torch.zeros(1, dtype=torch.bool), torch.ones(1, dtype=torch.bool)
    null = dataclasses.replace(f, text_BLC=negative_of()[None], has_clip_B=none, has_sync_B=none, has_text_B=there)
    mask, everything = plan.mask_N[None], torch.ones(1, len(plan.mask_N), dtype=torch.bool)
    reference = network.normalize(plan.given_NF[None]) * ~mask[..., None]
    x, t = plan.noise_NF[None] + reference, torch.zeros(1)
    with torch.no_grad():
        v = scale * network(x, t, reference, mask, network.preprocess_conditions(f, mask))
        v = v + (1 - scale) * network(
            x, t, torch.zeros_like(x), everything, network.preprocess_conditions(null, everything)
        )
        expected = network.unnormalize(x + v)[0, plan.cut :]
    masked = plan.mask_N[plan.cut :]
    assert torch.allclose(run(gen, asked, steps=1, cfg_scale=scale)[0][masked], expected[masked], atol=1e-4)


def test_a_negative_prompt_leaves_the_other_requests_of_its_batch_and_given_frames():
    gen, segment = generator(), request("fe").reference_NF
    alone = run(gen, request("fe", seed=2))
    both = run(gen, request("fe", negative_LD=negative_of()), request("fe", seed=2))
    assert torch.allclose(both[1:], alone, atol=1e-5)
    assert torch.equal(both[0][:20], segment)
    assert torch.allclose(both[:1], run(gen, request("fe", negative_LD=negative_of())), atol=1e-5)


def test_a_negative_prompt_without_guidance_or_of_a_wrong_shape_is_refused():
    with pytest.raises(UsageError, match="acts through guidance"):
        run(generator(), request("tta", negative_LD=negative_of()), cfg_scale=1.0)
    with pytest.raises(MismatchError, match=r"negative text features are \(4, 12\); expected \(5, 12\)"):
        run(generator(), request("tta", negative_LD=negative_of()[:4]))
