"""Generation (SPEC G1-G6): what each task uses, what comes back exactly, independence of the batch, errors."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import MismatchError, UsageError
from data_contracts.generation import TASKS
from model.checkpoint import save_checkpoint
from model.generate import Generator, Sampling, leading_task, window_frames
from tests.model.fakes import TOY
from tests.model.sampling import SPECS, generator, request, run


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
