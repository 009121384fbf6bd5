"""Rows of a step: strictly half of each kind, every row once per epoch, in equal micro-batches."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import FeatureRow, UsageError
from model.config import LatentStd
from model.training.batches import BatchPlan, load_batch, training_stats
from tests.model.fakes import fake_store


def feature_row(name: str, subset: str, split: str = "train") -> FeatureRow:
    return FeatureRow(
        item_id=name, subset=subset, split=split, latent_row=0, video_row=0 if subset == "vta" else None,
        text_rows=(0,), duration_s=8.0, truth_peak=1.0,
    )  # fmt: skip


def rows(vta: int, tta: int) -> list[FeatureRow]:
    return [feature_row(f"v{n}", "vta") for n in range(vta)] + [feature_row(f"t{n}", "tta") for n in range(tta)]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 13), st.integers(1, 17), st.integers(1, 8), st.integers(0, 1000))
def test_t4_every_batch_is_half_and_half_and_every_epoch_has_each_row_once(vta, tta, half, seed) -> None:
    plan = BatchPlan.from_rows(rows(vta, tta), 2 * half, seed)
    taken = [plan.rows(step) for step in range(4 * max(vta, tta))]
    for batch in taken:
        assert [row.subset for row in batch] == ["vta"] * half + ["tta"] * half
    for subset, count in (("vta", vta), ("tta", tta)):
        walked = [row.item_id for batch in taken for row in batch if row.subset == subset]
        for epoch in range(len(walked) // count):
            assert len(set(walked[epoch * count : (epoch + 1) * count])) == count


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 6), st.integers(1, 4), st.integers(0, 50))
def test_the_places_of_a_split_are_the_batch_and_each_has_as_many_of_both_kinds(vta, tta, each, parts, step) -> None:
    plan = BatchPlan.from_rows(rows(vta, tta), 2 * each * parts, seed=1)
    places, batch = plan.split(parts), plan.rows(step)
    assert sorted(place for part in places for place in part) == list(range(len(batch)))
    kinds = [Counter(batch[place].subset for place in part) for part in places]
    if tta:
        assert all(kind == {"vta": each, "tta": each} for kind in kinds)
    assert {len(part) for part in places} == {2 * each}


def test_a_step_does_not_depend_on_the_steps_before_it() -> None:
    one, other = (BatchPlan.from_rows(rows(5, 7), 6, seed=2) for _ in range(2))
    expected = [one.rows(step) for step in range(20)]
    assert [other.rows(step) for step in (19, 3, 11, 0)] == [expected[step] for step in (19, 3, 11, 0)]


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    plan = BatchPlan.from_rows(rows(30, 30), 60, seed=2)
    first, second = plan.rows(0), plan.rows(1)
    assert {row.item_id for row in first} == {row.item_id for row in second}
    assert first != second
    assert first != BatchPlan.from_rows(rows(30, 30), 60, seed=3).rows(0)


def test_without_augmented_rows_the_text_audio_half_has_the_others_alone() -> None:
    mixed = [*rows(4, 3), *(feature_row(f"a{n}", "aa") for n in range(5))]
    plan = BatchPlan.from_rows(mixed, 6, seed=1, augmented=False)
    taken = [row for step in range(8) for row in plan.rows(step)]
    assert {row.subset for row in taken} == {"vta", "tta"} and plan.balanced
    assert plan.tta == BatchPlan.from_rows(rows(4, 3), 6, seed=1).tta
    assert {row.subset for row in BatchPlan.from_rows(mixed, 6, seed=1).tta} == {"tta", "aa"}


def test_an_odd_batch_and_features_without_training_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="batch_size 5 must be even"):
        BatchPlan.from_rows(rows(2, 2), 5, seed=0)
    with pytest.raises(UsageError, match="no row of split train; add training clips"):
        BatchPlan.from_rows([feature_row("a", "vta", "val"), feature_row("b", "tta", "test")], 4, seed=0)


def test_t3_normalised_sampled_latents_have_unit_deviation() -> None:
    store = fake_store(videos=60, sounds=60, val=0)
    stats = training_stats(store)
    batch = load_batch(store, store.rows, torch.Generator().manual_seed(0), stats)
    channels = batch.latent_BNF.flatten(0, 1)
    assert torch.allclose(channels.mean(0), torch.zeros(4), atol=0.05)
    assert torch.allclose(channels.std(0), torch.ones(4), atol=0.1)


def test_a_common_deviation_keeps_the_channels_proportions() -> None:
    store = fake_store(videos=60, sounds=60, val=0)
    mean_F, each_F = training_stats(store)
    same_mean_F, common_F = training_stats(store, form="common")
    assert torch.equal(mean_F, same_mean_F)
    assert torch.allclose(common_F, each_F.square().mean().sqrt().expand(4))


@pytest.mark.parametrize("form", ["channel", "common"])
def test_normalised_latents_have_the_asked_deviation(form: LatentStd) -> None:
    store = fake_store(videos=60, sounds=60, val=0)
    stats = training_stats(store, form=form, scale=0.5)
    latent = load_batch(store, store.rows, torch.Generator().manual_seed(0), stats).latent_BNF
    assert float(latent.square().mean().sqrt()) == pytest.approx(0.5, abs=0.03)


def test_reading_some_places_gives_those_rows_of_the_whole_batch() -> None:
    store = fake_store()
    stats = training_stats(store)
    chosen = store.rows[4:16]
    whole, some = (
        load_batch(store, chosen, torch.Generator().manual_seed(1), stats, places) for places in (None, [11, 0, 5])
    )
    assert torch.equal(some.latent_BNF, whole.latent_BNF[[11, 0, 5]])
    assert torch.equal(some.features.text_BLC, whole.features.text_BLC[[11, 0, 5]])
    assert torch.equal(some.features.clip_BVC, whole.features.clip_BVC[[11, 0, 5]])
    assert torch.equal(some.features.has_sync_B, whole.features.has_sync_B[[11, 0, 5]])
