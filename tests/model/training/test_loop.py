"""Laws of training (SPEC T1-T4, M10): batches, averaging, resume, failure."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from data_contracts import TrainingError, UsageError
from model.config import MaskConfig, TrainingConfig
from model.training import BatchPlan, Trainer, load_batch
from model.training.batches import training_stats
from model.training.draws import draw_step, with_drops
from model.training.randomness import generator_for
from model.training.schedule import learning_rate
from model.training.state import state_files
from tests.model.fakes import TOY, fake_store

CONFIG = TrainingConfig(
    steps=12, batch_size=8, lr=2e-3, warmup_steps=3, schedule="cosine", log_every=4, validate_every=8,
    checkpoint_every=6, seed=3, masks=MaskConfig(span_placement="mixed"),
)  # fmt: skip


def trainer(tmp_path, config=CONFIG, **kwargs) -> Trainer:
    return Trainer(TOY, config, fake_store(**kwargs), tmp_path / "last")


def test_t4_every_batch_is_half_vta_and_half_tta_with_aa():
    plan = BatchPlan.from_rows(fake_store(videos=7, sounds=30, val=0).rows, 8, seed=1)
    seen = set()
    for step in range(60):
        rows = plan.rows(step)
        assert [row.subset == "vta" for row in rows] == [True] * 4 + [False] * 4
        seen |= {row.subset for row in rows}
    assert seen == {"vta", "tta", "aa"}


def test_t4_each_pool_is_walked_in_epochs():
    plan = BatchPlan.from_rows(fake_store(videos=6, sounds=10, val=0).rows, 4, seed=1)
    vta = [row.item_id for step in range(3) for row in plan.rows(step)[:2]]
    assert len(set(vta)) == 6
    tta = [row.item_id for step in range(5) for row in plan.rows(step)[2:]]
    assert len(set(tta)) == 10


def test_batches_depend_on_seed_and_step_alone():
    rows = fake_store().rows
    ids = [[row.item_id for row in BatchPlan.from_rows(rows, 8, seed=2).rows(step)] for step in (5, 5, 6)]
    assert ids[0] == ids[1] != ids[2]


def test_val_and_test_rows_never_train():
    store = fake_store(val=8)
    plan = BatchPlan.from_rows(store.rows, 4, seed=0)
    trained = {row.split for step in range(30) for row in plan.rows(step)}
    assert trained == {"train"}
    with pytest.raises(UsageError, match="split train"):
        BatchPlan.from_rows([dataclasses.replace(row, split="test") for row in store.rows], 4, seed=0)


def test_a_corpus_without_video_fills_the_batch_with_text_to_audio_rows():
    rows = [row for row in fake_store().rows if row.subset != "vta"]
    plan = BatchPlan.from_rows(rows, 8, seed=0)
    assert not plan.balanced
    assert len({row.item_id for row in plan.rows(0)}) == 8


def test_t3_latents_are_sampled_normalised_and_rows_without_video_say_so():
    store = fake_store(videos=200, sounds=200, val=0)
    batch = load_batch(store, store.rows, torch.Generator().manual_seed(0), store.latent_stats())
    flat = batch.latent_BNF.flatten(0, 1)
    assert torch.allclose(flat.mean(0), torch.zeros(4), atol=0.05)
    assert torch.allclose(flat.std(0), torch.ones(4), atol=0.1)
    assert batch.features.has_clip_B.tolist() == [True] * 200 + [False] * 200
    assert float(batch.features.sync_BSC[200:].abs().sum()) == 0.0
    raw = store.mean_RNF
    noise = batch.latent_BNF * store.latent_stats()[1] + store.latent_stats()[0] - raw
    assert float(noise.std()) == pytest.approx(0.02, rel=0.05)


def test_t3_an_unused_latent_channel_does_not_dominate_the_others():
    store = fake_store(videos=40, sounds=40, val=0)
    store.mean_RNF[..., 2] = 0.0

    class WithPrior(type(store)):
        def latents(self, rows):
            mean, std = super().latents(rows)
            std[..., 2] = 1.0
            return mean, std

    wide = WithPrior(**vars(store))
    stats = training_stats(wide)
    batch = load_batch(wide, wide.rows, torch.Generator().manual_seed(0), stats)
    assert torch.allclose(batch.latent_BNF.flatten(0, 1).std(0), torch.ones(4), atol=0.1)
    narrow = training_stats(store)
    assert torch.allclose(narrow[1][:2], store.latent_stats()[1][:2], rtol=0.02)


def test_a7_the_text_is_drawn_among_caption_and_paraphrases():
    store = fake_store(val=0)
    rows = [store.rows[0]] * 400
    batch = load_batch(store, rows, torch.Generator().manual_seed(0), store.latent_stats())
    paraphrased = float(batch.features.text_BLC[:, 1, -1].mean())
    assert 0.4 < paraphrased < 0.6


def test_t2_drops_never_bring_back_a_missing_modality():
    store = fake_store(val=0)
    batch = load_batch(store, store.rows, torch.Generator().manual_seed(0), store.latent_stats())
    draws = draw_step(batch.latent_BNF.shape, CONFIG, torch.Generator().manual_seed(1))
    dropped = with_drops(batch.features, draws.masks)
    assert not bool(dropped.has_clip_B[12:].any())
    assert torch.equal(dropped.has_sync_B, batch.features.has_sync_B & draws.masks.keep_sync_B)


def test_t1_learning_rate_follows_mmaudios_schedule():
    paper = TrainingConfig()
    assert learning_rate(0, paper) == pytest.approx(1e-4 / 1001)
    assert learning_rate(1000, paper) == 1e-4
    assert learning_rate(240_999, paper) == 1e-4
    assert learning_rate(241_000, paper) == pytest.approx(1e-5)
    assert learning_rate(271_000, paper) == pytest.approx(1e-6)
    assert learning_rate(CONFIG.steps - 1, CONFIG) == pytest.approx(0.1 * CONFIG.lr)
    assert learning_rate(5, dataclasses.replace(CONFIG, schedule="constant")) == CONFIG.lr


def test_metrics_have_a_row_per_interval_with_losses_by_time(tmp_path):
    rows = list(trainer(tmp_path).run())
    assert [row.step for row in rows] == [4, 8, 12]
    assert [row.val_loss is not None for row in rows] == [False, True, True]
    assert all(len(row.loss_by_t) == 10 and 0 <= row.data_wait_share <= 1 for row in rows)


def test_resume_is_bit_exact(tmp_path):
    whole = trainer(tmp_path / "a")
    rows = list(whole.run())
    cut = trainer(tmp_path / "b")
    for row in cut.run():
        if row.step == 8:  # killed two steps after the checkpoint at 6
            break
    again = trainer(tmp_path / "b")
    assert again.resume()
    assert again.step == 6
    list(again.run())
    for name, value in whole.averaged_weights().items():
        assert torch.equal(value, again.averaged_weights()[name]), name
    exact = [(row.step, row.loss, row.val_loss, row.grad_norm, row.loss_by_t) for row in rows]
    assert exact == [(r.step, r.loss, r.val_loss, r.grad_norm, r.loss_by_t) for r in again.metrics]


def test_a_training_whose_states_are_all_damaged_starts_again_and_ends_with_the_same_weights(tmp_path):
    whole = trainer(tmp_path)
    list(whole.run())
    (path, *others) = [path for _, path in state_files(tmp_path / "last")]
    for one in (path, *others):
        one.write_bytes(b"not a state")
    again = trainer(tmp_path)
    assert not again.resume()
    assert again.step == 0 and path.with_name(f"{path.name}.damaged").read_bytes() == b"not a state"
    list(again.run())
    for name, value in whole.averaged_weights().items():
        assert torch.equal(value, again.averaged_weights()[name]), name
    assert trainer(tmp_path).resume()


def test_validation_is_repeatable_and_leaves_the_weights_alone(tmp_path):
    one = trainer(tmp_path)
    before = {name: value.clone() for name, value in one.network.state_dict().items()}
    assert one.validation_loss() == one.validation_loss()
    assert all(torch.equal(value, before[name]) for name, value in one.network.state_dict().items())
    assert trainer(tmp_path, val=0).validation_loss() is None


def test_nan_stops_with_step_and_last_state(tmp_path):
    one = trainer(tmp_path)
    one.save()
    with torch.no_grad():
        one.network.audio_input_proj[0].weight.fill_(float("nan"))
        one.network.final_layer.conv.weight.fill_(1.0)
    with pytest.raises(TrainingError, match=r"step 0: loss is nan; the last good state is .*state-00000000\.pt"):
        list(one.run())


def test_explosion_stops(tmp_path):
    config = dataclasses.replace(CONFIG, explosion_loss=0.01)
    with pytest.raises(TrainingError, match="exploded"):
        list(trainer(tmp_path, config).run())


def test_generators_differ_by_purpose_and_number():
    draws = {
        float(torch.rand(1, generator=generator_for(1, purpose, number)))
        for purpose in ("step", "order")
        for number in (0, 1)
    }
    assert len(draws) == 4


def test_m10_a_toy_set_is_overfitted(tmp_path):
    config = dataclasses.replace(
        CONFIG, steps=80, lr=8e-3, batch_size=16, log_every=15, validate_every=1000, checkpoint_every=1000,
        masks=MaskConfig(drop_clip=0.0, drop_sync=0.0, drop_text=0.0),
    )  # fmt: skip
    rows = list(trainer(tmp_path, config, videos=4, sounds=4, val=0, clip_s=1.0).run())
    assert rows[-1].loss < 0.5 * rows[0].loss


def test_bf16_autocast_trains_like_fp32(tmp_path):
    losses = [
        list(trainer(tmp_path / precision, dataclasses.replace(CONFIG, precision=precision)).run())[-1].loss
        for precision in ("fp32", "bf16")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
