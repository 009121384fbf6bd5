"""The training section: facts of the whole run, charts only for what was logged."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import TrainMetric
from tasks.report.collect import Collected
from tasks.report.training import build_training, running_mean

FIRST = TrainMetric(
    step=10, loss=1.8, val_loss=None, grad_norm=0.5, lr=1e-3, samples_per_s=40.0, data_wait_share=0.02, steps_per_s=2.6,
    mfu=None, peak_memory_gib=1.2, loss_by_t=(0.5, 0.7, 0.4),
)  # fmt: skip


def rows(count: int, **last: object) -> list[TrainMetric]:
    made = [dataclasses.replace(FIRST, step=10 * (n + 1), loss=1.8 / (n + 1)) for n in range(count)]
    return [*made[:-1], dataclasses.replace(made[-1], **last)]  # type: ignore[arg-type]


def facts(metrics: list[TrainMetric]) -> dict[str, str]:
    return dict(build_training(Collected(metrics=metrics)).facts)


@given(values=st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_a_running_mean_stays_between_the_extremes_and_starts_at_the_first_value(values: list[float]) -> None:
    means = running_mean(values)
    assert len(means) == len(values) and means[0] == pytest.approx(values[0])
    assert all(min(values) - 1e-6 <= mean <= max(values) + 1e-6 for mean in means)


def test_a_constant_has_itself_as_running_mean() -> None:
    assert running_mean([3.0] * 20) == pytest.approx([3.0] * 20)


def test_facts_are_of_the_whole_run() -> None:
    found = facts(rows(30, peak_memory_gib=2.5))
    assert (found["steps"], found["peak memory"], found["waiting for data"]) == ("300", "2.5 GiB", "2 %")
    assert found["loss"].startswith("1.8 → ")
    assert "validation loss" not in found and "of the device's peak (MFU)" not in found


def test_validation_and_utilisation_are_shown_where_they_were_logged() -> None:
    found = facts(rows(5, val_loss=0.9, mfu=0.31))
    assert found["validation loss"] == "0.9 → 0.9" and found["of the device's peak (MFU)"] == "31 %"


@pytest.mark.parametrize("count", [1, 2, 50])
def test_every_chart_has_a_title_and_an_explanation(count: int) -> None:
    charts = build_training(Collected(metrics=rows(count))).charts
    assert [title for title, _, _ in charts] == ["Loss", "Loss by time t", "Speed", "Learning rate"]
    assert all(chart.startswith("<svg") and about for _, chart, about in charts)


def test_without_loss_by_time_its_chart_is_left_out() -> None:
    charts = build_training(Collected(metrics=[dataclasses.replace(FIRST, loss_by_t=())])).charts
    assert "Loss by time t" not in [title for title, _, _ in charts]


def test_the_chart_by_time_is_the_mean_of_the_last_intervals_of_one_width() -> None:
    metrics = [dataclasses.replace(FIRST, loss_by_t=(9.0,)), dataclasses.replace(FIRST, loss_by_t=(0.2, 0.4))]
    (chart,) = [chart for title, chart, _ in build_training(Collected(metrics=metrics)).charts if "time t" in title]
    assert chart.count('class="bar"') == 2 and "9</title>" not in chart


def test_without_training_there_is_a_note() -> None:
    section = build_training(Collected(notes={"train_metrics": "The train stage has not run yet."}))
    assert (section.note, section.facts, section.charts) == ("The train stage has not run yet.", [], [])
