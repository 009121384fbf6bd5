"""SPEC G4, G5, G8, M12: how reference audio enters the sampling."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
import torch

from model.generate import Generator, Sampling, plan_request
from model.network import Features, build_network
from tests.model.fakes import TOY
from tests.model.sampling import SPECS, generator, request, run


def test_g4_the_reference_is_summed_into_the_noise_on_its_frames_only():
    plan = plan_request(request("ac-vta"), SPECS)
    assert plan.cut == 20
    assert not bool(plan.mask_N[:20].any()) and bool(plan.mask_N[20:].all())
    assert plan.given_NF.shape == (70, 4)
    assert float(plan.given_NF[20:].abs().sum()) == 0.0
    assert (plan.has_clip, plan.has_text, plan.has_sync) == (False, False, True)
    assert torch.equal(plan.sync_SC, torch.cat([request("ac-vta").reference_sync_SD, request("ac-vta").sync_SD]))


def test_g8_without_input_embedding_path_sampling_shows_the_noised_reference():
    """MMAudio as it is: the reference overwrites its frames of x_t before each step, clean or noised to t."""
    plain = build_network(dataclasses.replace(TOY, input_embedding=False, mask_video=False), SPECS, seed=3)
    g = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=g))
    plain.set_latent_stats(torch.zeros(4), torch.ones(4))
    plain = plain.eval().requires_grad_(False)
    asked = request("ac-vta")
    plan = plan_request(asked, SPECS)
    f = Features(plan.clip_VC[None], plan.sync_SC[None], plan.text_LC[None],
                 *(torch.tensor([has]) for has in (False, True, False)))  # fmt: skip
    mask, everything, zero = plan.mask_N[None, :, None], torch.ones(1, 70, dtype=torch.bool), torch.zeros(1, 70, 4)
    clean, times = plan.given_NF[None], torch.linspace(0, 1, 4).tolist()
    for kind in ("path", "start"):
        x, noise = plan.noise_NF[None], plan.noise_NF[None]
        with torch.no_grad():
            c = plain.preprocess_conditions(f, everything)
            for now, after in pairwise(times):
                seen = (1 - now) * noise + now * clean if kind == "path" else clean
                x = torch.where(mask, x, seen)
                x = x + (after - now) * plain(x, torch.tensor([now]), zero, everything, c)
        latent = Generator(plain, None, Sampling(sum_reference=kind)).generate_each([asked], steps=3, cfg_scale=1.0)[0]
        assert torch.allclose(latent, x[0, 20:], atol=1e-4), kind


@pytest.mark.parametrize("task", ["ac-vta", "fe"])
def test_m12_summation_is_a_switch_that_matters(task):
    results = [run(generator(sum_reference=kind), request(task)) for kind in ("start", "path", "never")]
    assert not torch.allclose(results[0], results[1])
    assert not torch.allclose(results[0], results[2])
    vta = [run(generator(sum_reference=kind), request("vta")) for kind in ("start", "path", "never")]
    assert torch.equal(vta[0], vta[1]) and torch.equal(vta[0], vta[2])


def test_g4_surrogate_is_masked_unless_switched_off():
    asked = request("ac-vta")
    surrogate = asked.reference_sync_SD.clone()
    surrogate[:15] += 3.0  # away from the border, over which the projection's convolutions look
    other = dataclasses.replace(asked, reference_sync_SD=surrogate)
    assert torch.equal(run(generator(), other), run(generator(), asked))
    open_ = generator(mask_surrogate=False)
    assert not torch.allclose(run(open_, other), run(open_, asked))
