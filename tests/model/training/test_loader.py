"""Micro-batches: together they are the batch, in any split; preparing ahead changes nothing."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from model.config import MaskConfig, TrainingConfig
from model.training.batches import BatchPlan, training_stats
from model.training.loader import BatchSplit, MicroBatch, StepLoader
from tests.model.fakes import fake_store

CONFIG = TrainingConfig(steps=4, batch_size=8, seed=3)


def loader(split: BatchSplit = BatchSplit(0, 1, 1), config: TrainingConfig = CONFIG) -> StepLoader:  # noqa: B008
    store = fake_store(val=0)
    plan = BatchPlan.from_rows(store.rows, config.batch_size, config.seed)
    return StepLoader(store, plan, config, training_stats(store), split)


def same(one: MicroBatch, two: MicroBatch) -> bool:
    pairs = [
        (one.batch.latent_BNF, two.batch.latent_BNF), (one.draws.t_B, two.draws.t_B),
        (one.draws.noise_BNF, two.draws.noise_BNF), (one.draws.masks.mask_BN, two.draws.masks.mask_BN),
        (one.batch.features.text_BLC, two.batch.features.text_BLC),
        (one.batch.features.has_clip_B, two.batch.features.has_clip_B),
    ]  # fmt: skip
    return all(torch.equal(a, b) for a, b in pairs)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_every_process_gets_other_places_and_all_are_taken(size: int, micro: int, rows: int) -> None:
    batch_size = 2 * rows * size * micro
    places = [[2 * i, 2 * i + 1] for i in range(size * micro)]
    splits = [BatchSplit.of(rank, size, batch_size, 2 * rows if micro > 1 else None) for rank in range(size)]
    assert all((one.size, one.micro, one.total) == (size, micro, size * micro) for one in splits)
    assert [place for one in splits for place in one.own(places)] == places


def test_a_micro_batch_larger_than_a_processs_rows_is_those_rows() -> None:
    assert BatchSplit.of(0, 4, 32, 8) == BatchSplit.of(0, 4, 32, 100) == BatchSplit.of(0, 4, 32, None)
    with pytest.raises(UsageError, match="micro_batch 6 does not divide a process's share of 8 rows"):
        BatchSplit.of(0, 4, 32, 6)


def test_taking_steps_in_any_order_gives_the_same_micro_batches() -> None:
    ahead, jumping = loader(), loader()
    in_order = [ahead.take(step) for step in range(4)]
    for step in (3, 0, 2, 2, 1):
        found = jumping.take(step)
        assert found.masked_frames == in_order[step].masked_frames
        assert torch.equal(found.times_B, in_order[step].times_B)
        assert same(found.micro_batches[0], in_order[step].micro_batches[0])


def test_nothing_is_prepared_after_the_last_step() -> None:
    one = loader()
    one.take(3)
    assert one._ahead is None


def test_times_are_gathered_in_the_order_of_the_ranks() -> None:
    splits = [BatchSplit(rank, 2, 2) for rank in range(2)]
    made = [loader(split).make(1) for split in splits]
    own = torch.cat([part.draws.t_B for step in made for part in step.micro_batches])
    assert torch.equal(made[0].times_B, own)
    assert torch.equal(made[1].times_B, own)
    assert made[0].masked_frames == made[1].masked_frames


def test_each_micro_batch_is_half_vta() -> None:
    for part in loader(BatchSplit(0, 1, 4)).make(2).micro_batches:
        assert part.batch.features.has_clip_B.tolist() == [True, False]


def test_an_error_while_preparing_ahead_is_raised_by_the_step_that_needs_it() -> None:
    one = loader()
    failing = one.source

    def broken(rows: object) -> torch.Tensor:
        raise OSError("the disk is gone")

    one.take(0)
    one._ahead[1].result()  # step 1 was read before the disk failed
    object.__setattr__(failing, "text", broken)
    one.take(1)
    with pytest.raises(OSError, match="the disk is gone"):
        one.take(2)


def test_a_batch_that_cannot_be_divided_is_refused_before_the_first_step() -> None:
    with pytest.raises(UsageError, match="batch_size 8 does not split into 3 equal shares"):
        loader(BatchSplit(0, 3, 1))
    with pytest.raises(UsageError, match="multiple of 32"):
        loader(BatchSplit(0, 16, 1))


def test_moving_to_the_cpu_copies_nothing() -> None:
    (part,) = loader().make(0).micro_batches
    moved = part.to(torch.device("cpu"))
    assert moved.batch.latent_BNF is part.batch.latent_BNF
    assert moved.batch.features.clip_BVC is part.batch.features.clip_BVC
    assert moved.draws.noise_BNF is part.draws.noise_BNF


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_features_of_16_bits_become_float32_on_the_device(dtype: torch.dtype) -> None:
    (part,) = loader().make(0).micro_batches
    narrow = dataclasses.replace(part.batch.features, clip_BVC=part.batch.features.clip_BVC.to(dtype))
    moved = dataclasses.replace(part, batch=dataclasses.replace(part.batch, features=narrow)).to(torch.device("cpu"))
    assert moved.batch.features.clip_BVC.dtype == torch.float32
    assert torch.equal(moved.batch.features.clip_BVC, narrow.clip_BVC.float())
    assert moved.batch.features.has_clip_B.dtype == torch.bool
    assert dataclasses.astuple(BatchSplit(1, 2, 3)) == (1, 2, 3)


def test_settings_of_one_kind_of_rows_reach_its_half_of_the_batch() -> None:
    config = dataclasses.replace(
        CONFIG, tta_time_location=-9.0, tta_time_spread=0.1, masks=MaskConfig(drop_text=0.0, vta_drop_text=1.0)
    )
    made = loader(config=config).make(0)
    vta, tta = made.times_B[:4], made.times_B[4:]
    assert float(vta.min()) > 0.01 > float(tta.max())
    kept = made.micro_batches[0].draws.masks.keep_text_B
    assert kept.tolist() == [False] * 4 + [True] * 4
