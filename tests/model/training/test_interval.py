"""What a row of the metrics says about the steps since the last one."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.training.interval import LOSS_BINS, Interval, peak_memory_gib


def row(interval: Interval, **changes: object):
    values = {"step": 7, "lr": 0.1, "val_loss": None, "batch_size": 4, "flops_share": None, "peak_memory_gib": 0.5}
    return interval.metric(**(values | changes))


def filled(steps: int, batch: int = 20) -> Interval:
    interval = Interval()
    generator = torch.Generator().manual_seed(steps)
    for step in range(steps):
        times = torch.rand(batch, generator=generator).tolist()
        interval.add(float(step), 2.0 * step, times, [10 * time for time in times])
        interval.clock(0.25, 1.0)
    return interval


def test_losses_and_norms_are_means_and_speeds_are_per_second() -> None:
    found = row(filled(5), flops_share=0.3)
    assert (found.loss, found.grad_norm) == (2.0, 4.0)
    assert found.steps_per_s == pytest.approx(1.0)
    assert found.samples_per_s == pytest.approx(4.0)
    assert found.data_wait_share == pytest.approx(0.25)
    assert found.mfu == pytest.approx(0.3)


def test_losses_by_time_are_groups_of_equal_size_noise_first() -> None:
    found = row(filled(3))
    assert len(found.loss_by_t) == LOSS_BINS
    assert list(found.loss_by_t) == sorted(found.loss_by_t)  # in the fake, a sample's loss is ten times its time
    assert sum(found.loss_by_t) / LOSS_BINS == pytest.approx(sum(10 * t for t in filled(3).times) / 60, rel=1e-5)


@given(st.integers(1, 30))
def test_fewer_samples_than_groups_give_a_group_each(samples: int) -> None:
    interval = Interval()
    interval.add(1.0, 1.0, [i / samples for i in range(samples)], [1.0] * samples)
    assert row(interval).loss_by_t == pytest.approx((1.0,) * min(LOSS_BINS, samples))


def test_an_interval_survives_a_training_state() -> None:
    interval = filled(2)
    again = Interval(**json.loads(json.dumps(interval.to_state())))
    assert again == interval
    assert row(again) == row(interval)


def test_no_time_at_all_is_no_division_by_zero() -> None:
    interval = Interval()
    interval.add(1.0, 1.0, [0.5], [1.0])
    found = row(interval)
    assert found.data_wait_share == 0 and found.steps_per_s > 0
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_processs_memory_only_grows() -> None:
    before = peak_memory_gib(torch.device("cpu"))
    held = torch.ones(20_000_000)
    assert peak_memory_gib(torch.device("cpu")) >= before > 0
    assert len(held) == 20_000_000
