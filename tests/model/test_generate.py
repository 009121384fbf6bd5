"""Laws of generation (SPEC G1-G8): what each task uses, what comes back exactly, independence of the batch."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
import torch

from data_contracts import MismatchError, UsageError
from data_contracts.generation import TASKS
from model.checkpoint import save_checkpoint
from model.generate import Generator, Request, Sampling, leading_task, plan_request, window_frames
from model.network import Features, build_network
from tests.model.fakes import TOY, toy_specs

SPECS = toy_specs()
RATE = SPECS.codec.frame_rate_hz  # 25 frames per second


def generator(**sampling) -> Generator:
    network = build_network(TOY, SPECS, seed=1)
    g = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=g))
    network.set_latent_stats(torch.arange(4.0), torch.arange(1.0, 5.0))
    return Generator(network.eval().requires_grad_(False), None, Sampling(**sampling))


def request(task: str, *, seed: int = 1, duration_s: float = 2.0, features: int = 0, **changes) -> Request:
    g = torch.Generator().manual_seed(features)
    frames = int(duration_s * RATE)
    values = {
        "text_LD": torch.randn(5, 12, generator=g),
        "clip_VD": torch.randn(int(4 * duration_s), 10, generator=g),
        "sync_SD": torch.randn(frames, 6, generator=g),
        "reference_NF": torch.randn(20, 4, generator=g),
        "reference_sync_SD": torch.randn(20, 6, generator=g),
        "original_NF": torch.randn(frames, 4, generator=g),
        "window_s": (0.52, 1.2),
    }
    if task == "edit":  # led by the text, unless a test gives a reference to imitate
        values |= {"reference_NF": None, "reference_sync_SD": None}
    return Request(task=task, duration_s=duration_s, seed=seed, **(values | changes))


def run(gen: Generator, *requests: Request, steps: int = 4, cfg_scale: float = 2.0) -> torch.Tensor:
    return gen.generate(requests, steps=steps, cfg_scale=cfg_scale)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_returns_the_asked_duration(task):
    latents = run(generator(), request(task), request(task, seed=2))
    assert latents.shape == (2, 50, 4)
    assert bool(latents.isfinite().all())
    assert not torch.equal(latents[0], latents[1])


@pytest.mark.parametrize(
    ("task", "used", "unused"),
    [
        ("tta", ["text_LD"], ["clip_VD", "sync_SD", "reference_NF"]),
        ("vta", ["clip_VD", "sync_SD", "text_LD"], ["reference_NF", "original_NF"]),
        ("tc-vta", ["text_LD", "sync_SD"], ["clip_VD"]),
        ("ac-vta", ["sync_SD", "reference_NF"], ["clip_VD", "text_LD"]),
        ("fe", ["clip_VD", "sync_SD", "reference_NF"], ["original_NF"]),
    ],
)
def test_g1_to_g5_a_task_uses_its_conditions_and_no_others(task, used, unused):
    gen = generator()
    base = run(gen, request(task))
    for name in used:
        assert not torch.equal(run(gen, request(task, **{name: getattr(request(task), name) + 1.0})), base), name
    for name in unused:
        assert torch.equal(run(gen, request(task, **{name: getattr(request(task), name) + 1.0})), base), name


@pytest.mark.parametrize("task", TASKS)
def test_a_result_does_not_depend_on_its_batch(task):
    gen = generator()
    alone = run(gen, request(task, seed=5))
    others = [request(task, seed=seed, features=seed) for seed in (1, 2, 3)]
    together = run(gen, others[0], request(task, seed=5), *others[1:])
    assert torch.allclose(together[1:2], alone, atol=1e-5, rtol=1e-5)


def test_the_seed_decides_and_is_repeatable():
    gen = generator()
    assert torch.equal(run(gen, request("vta", seed=2**62)), run(gen, request("vta", seed=2**62)))
    assert not torch.equal(run(gen, request("vta", seed=1)), run(gen, request("vta", seed=2)))


def test_g5_the_given_segment_comes_back_exactly():
    asked = request("fe")
    latent = run(generator(), asked)[0]
    assert torch.equal(latent[:20], asked.reference_NF)
    assert not torch.equal(latent[20:40], asked.reference_NF)


def test_g6_frames_outside_the_window_come_back_exactly():
    asked = request("edit")
    latent = run(generator(), asked)[0]
    start, stop = window_frames(asked.window_s, 2.0, SPECS)
    assert (start, stop) == (13, 30)
    assert torch.equal(latent[:start], asked.original_NF[:start])
    assert torch.equal(latent[stop:], asked.original_NF[stop:])
    assert float((latent[start:stop] - asked.original_NF[start:stop]).abs().min(dim=-1).values.max()) > 0


def test_g6_without_fresh_noise_and_change_an_edit_returns_the_original():
    """Inversion alone: the reverse ODE and the forward ODE under the same conditions meet again."""
    gen = generator(edit_noise=0.0)
    asked = request("edit", text_LD=None, clip_VD=None, sync_SD=None, window_s=(0.0, 2.0))
    latent = run(gen, asked, steps=200, cfg_scale=1.0)[0]
    assert float((latent - asked.original_NF).abs().max()) < 0.05 * float(asked.original_NF.abs().max())


def test_g4_the_reference_is_summed_into_the_noise_on_its_frames_only():
    plan = plan_request(request("ac-vta"), SPECS)
    assert plan.cut == 20
    assert not bool(plan.mask_N[:20].any()) and bool(plan.mask_N[20:].all())
    assert plan.given_NF.shape == (70, 4)
    assert float(plan.given_NF[20:].abs().sum()) == 0.0
    assert (plan.has_clip, plan.has_text, plan.has_sync) == (False, False, True)
    assert torch.equal(plan.sync_SC, torch.cat([request("ac-vta").reference_sync_SD, request("ac-vta").sync_SD]))


@pytest.mark.parametrize(
    ("changes", "leading", "used", "unused"),
    [
        ({}, "tc-vta", ["text_LD", "sync_SD"], ["clip_VD"]),
        ({"text_LD": None}, "fe", ["clip_VD", "sync_SD"], []),
        ({"reference": True}, "ac-vta", ["reference_NF", "sync_SD"], ["text_LD", "clip_VD"]),
    ],
)
def test_g6_an_edit_is_led_by_g3_g4_or_g5(changes, leading, used, unused):
    if changes.pop("reference", False):
        fe = request("fe")
        changes = {"reference_NF": fe.reference_NF, "reference_sync_SD": fe.reference_sync_SD}
    asked = request("edit", **changes)
    assert leading_task(asked) == leading
    base = run(generator(), asked)[0]
    start, stop = window_frames(asked.window_s, 2.0, SPECS)
    assert base.shape == (50, 4)
    assert torch.equal(base[:start], asked.original_NF[:start])
    assert torch.equal(base[stop:], asked.original_NF[stop:])
    for name in (*used, *unused):
        moved = run(generator(), dataclasses.replace(asked, **{name: getattr(asked, name) + 1.0}))[0]
        assert torch.equal(moved, base) == (name in unused), name


def test_g6_extension_continues_where_the_original_ends():
    asked = request("edit", original_NF=request("edit").original_NF[:30], window_s=(1.0, 2.0))
    latent = run(generator(), asked)[0]
    assert latent.shape == (50, 4)
    assert torch.equal(latent[:25], asked.original_NF[:25])
    with pytest.raises(UsageError, match="a longer result needs a window"):
        run(generator(), dataclasses.replace(asked, window_s=(1.0, 1.8)))


@pytest.mark.parametrize("task", ["tta", "vta", "tc-vta", "ac-vta"])
def test_a_window_of_long_audio_starts_with_its_context(task):
    context = torch.randn(12, 4, generator=torch.Generator().manual_seed(9))
    latent = run(generator(), request(task, context_NF=context))[0]
    assert latent.shape == (50, 4)
    assert torch.equal(latent[:12], context)
    assert not torch.allclose(latent[12:], run(generator(), request(task))[0][12:])


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


def test_durations_are_free_and_mixed_ones_are_returned_one_by_one():
    gen = generator()
    asked = [request("vta", duration_s=d, seed=i) for i, d in enumerate((1.0, 3.0, 1.0))]
    latents = gen.generate_each(asked, steps=2)
    assert [len(latent) for latent in latents] == [25, 75, 25]
    assert torch.allclose(latents[1], gen.generate(asked[1:2], steps=2)[0], atol=1e-4)
    with pytest.raises(UsageError, match="one duration at a time"):
        gen.generate(asked, steps=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "vta", "sync_SD": None}, "vta needs sync"),
        ({"task": "ac-vta", "reference_sync_SD": None}, "needs reference sync"),
        ({"task": "vta", "sync_SD": torch.zeros(49, 6)}, "sync features have 49 positions; 2.000 s need 50"),
        ({"task": "fe", "reference_NF": torch.zeros(50, 4)}, "nothing is left to generate"),
        ({"task": "vta", "context_NF": torch.zeros(50, 4)}, "nothing is left"),
        ({"task": "edit", "reference_NF": torch.zeros(9, 4)}, "needs the reference's sync features"),
        ({"task": "edit", "window_s": (1.5, 2.5)}, "is not inside the audio"),
        ({"task": "edit", "window_s": (1.0, 1.0)}, "is not inside the audio"),
        ({"task": "sing"}, "unknown; choose one of"),
    ],
)
def test_impossible_requests_say_what_is_wrong(changes, message):
    with pytest.raises(UsageError, match=message):
        run(generator(), request(**changes))


def test_latents_and_text_of_other_components_are_refused():
    with pytest.raises(MismatchError, match="reference latent"):
        run(generator(), request("fe", reference_NF=torch.zeros(20, 7)))
    with pytest.raises(MismatchError, match="text features"):
        run(generator(), request("tta", text_LD=torch.zeros(6, 12)))


def test_bf16_stays_near_fp32_and_keeps_the_given_frames_exact():
    full, asked = generator(), request("fe")
    half = dataclasses.replace(full, precision="bf16")
    a, b = (run(one, asked, steps=4, cfg_scale=1.0)[0] for one in (full, half))
    assert b.dtype == torch.float32 and torch.equal(b[:20], asked.reference_NF)
    assert not torch.equal(a, b)
    assert float((a - b).abs().max()) < 0.05 * float(a.abs().max())


def test_sampling_numbers_are_checked():
    with pytest.raises(UsageError, match="at least 1"):
        run(generator(), request("tta"), steps=0)
    with pytest.raises(UsageError, match="edit_noise"):
        dataclasses.replace(Sampling(), edit_noise=2.0)
    with pytest.raises(UsageError, match=r"guidance_rescale -0\.5 is outside"):
        dataclasses.replace(Sampling(), guidance_rescale=-0.5)


def test_a_checkpoint_brings_the_sampling_it_was_made_for(tmp_path):
    gen, path = generator(), tmp_path / "c.safetensors"
    for recorded in ({"guidance_rescale": 0.7}, {"sum_reference": "path"}, {}):
        training = {"steps": 3, **recorded}
        save_checkpoint(path, gen.network.state_dict(), network=TOY, specs=SPECS, clip_s=2.0, step=1, training=training)
        assert Generator.load(path).sampling == Sampling(**recorded)
    assert Generator.load(path, sampling=Sampling(guidance_rescale=0.2)).sampling.guidance_rescale == 0.2


def test_a_loaded_generator_gives_the_same_latents(tmp_path):
    gen = generator()
    save_checkpoint(tmp_path / "c.safetensors", gen.network.state_dict(), network=TOY, specs=SPECS, clip_s=2.0, step=1)
    loaded = Generator.load(tmp_path / "c.safetensors")
    assert loaded.specs == SPECS
    assert loaded.info is not None and loaded.info.step == 1
    # Weights from a file lie elsewhere in memory, which moves the last bit of a sum.
    assert torch.allclose(run(loaded, request("vta")), run(gen, request("vta")), atol=1e-5, rtol=1e-5)


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


@pytest.mark.parametrize(("task", "calls"), [("vta", 3), ("edit", 6)])  # an edit is inverted first
def test_every_step_is_told_and_what_is_raised_there_ends_the_sampling(task, calls):
    done: list[int] = []
    told = dataclasses.replace(generator(), on_step=lambda: done.append(1))
    assert torch.equal(run(told, request(task), steps=3), run(generator(), request(task), steps=3))
    assert len(done) == calls

    def stop() -> None:
        done.append(1)
        raise KeyboardInterrupt

    done.clear()
    with pytest.raises(KeyboardInterrupt):
        run(dataclasses.replace(generator(), on_step=stop), request(task), steps=3)
    assert len(done) == 1
