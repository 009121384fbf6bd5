"""Learning rates: warm-up, then constant, cosine or steps; always between zero and the peak."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import TrainingConfig
from model.training.schedule import learning_rate


def config(schedule: str, **changes: float) -> TrainingConfig:
    values = {"steps": 1000, "lr": 1e-3, "warmup_steps": 100, "schedule": schedule} | changes
    return TrainingConfig(**values)


@given(
    st.sampled_from(["constant", "cosine", "step"]), st.integers(1, 5000), st.integers(0, 500), st.floats(0, 0.9),
    st.floats(0, 1), st.data(),
)  # fmt: skip
def test_a_rate_is_positive_and_at_most_the_peak(schedule, steps, warmup, hold, last, data) -> None:
    one = config(schedule, steps=steps, warmup_steps=warmup, hold_share=hold, final_lr_share=last)
    step = data.draw(st.integers(0, steps - 1))
    assert 0 <= learning_rate(step, one) <= one.lr * (1 + 1e-9)
    if last > 0 or schedule != "cosine":
        assert learning_rate(step, one) > 0


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_the_warm_up_rises_in_equal_steps_and_the_rate_never_rises_after_it(schedule: str) -> None:
    one = config(schedule)
    rates = [learning_rate(step, one) for step in range(1000)]
    rises = [after - before for before, after in pairwise(rates[:101])]
    assert rises == pytest.approx([rises[0]] * 100)
    assert rates[100] == pytest.approx(one.lr)
    assert all(before >= after for before, after in pairwise(rates[100:]))


def test_without_a_warm_up_the_first_step_has_the_peak() -> None:
    assert learning_rate(0, config("cosine", warmup_steps=0)) == 1e-3


def test_a_constant_rate_stays() -> None:
    assert {learning_rate(step, config("constant")) for step in range(100, 1000)} == {1e-3}


def test_the_cosine_stays_at_the_peak_for_its_share_and_ends_at_the_last_rate() -> None:
    one = config("cosine", hold_share=0.3, final_lr_share=0.1)
    assert learning_rate(400, one) == learning_rate(100, one) == 1e-3
    assert learning_rate(402, one) < 1e-3
    assert learning_rate(999, one) == pytest.approx(1e-4)
    half = 400 + (999 - 400) / 2
    assert learning_rate(round(half), one) == pytest.approx((1e-3 + 1e-4) / 2, rel=0.01)


def test_each_milestone_divides_the_rate_by_ten_counted_after_the_warm_up() -> None:
    one = config("step", milestones=(0.5, 0.7))
    changes = [step for step in range(101, 1000) if learning_rate(step, one) != learning_rate(step - 1, one)]
    assert changes == [600, 800]
    assert learning_rate(999, one) == pytest.approx(1e-5)


def test_t1_mmaudios_rate_at_the_exact_iterations():
    """Facts of MMAudio: lr (it + 1) / 1001 for 1,000 iterations, drops at 241,000 and 271,000 of 300,000."""
    paper = TrainingConfig(steps=300_000, lr=1e-4, warmup_steps=1_000, schedule="step", milestones=(0.8, 0.9))
    for it in (0, 1, 500, 999):
        assert learning_rate(it, paper) == pytest.approx(1e-4 * (it + 1) / 1001, rel=1e-12)
    changes = [it for it in range(1_001, 300_000) if learning_rate(it, paper) != learning_rate(it - 1, paper)]
    assert changes == [241_000, 271_000]
    assert [learning_rate(it, paper) for it in (241_000, 299_999)] == pytest.approx([1e-5, 1e-6])


def test_t1_the_papers_longer_run_keeps_the_milestones():
    from tasks.config import PipelineConfig, shipped_config

    config = PipelineConfig.load(shipped_config("paper.yaml")).train.training()
    assert (config.steps, config.lr, config.warmup_steps) == (330_000, 1e-4, 1_000)
    around = [learning_rate(it, config) for it in (240_999, 241_000, 270_999, 271_000)]
    assert around == pytest.approx([1e-4, 1e-5, 1e-5, 1e-6])
