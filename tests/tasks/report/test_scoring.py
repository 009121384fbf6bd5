"""The score section: what a compared system is, with n, groups and interval, and whether an aim is met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_contracts import Score
from data_contracts.generation import VIDEO_ONLY
from tasks.evaluate.baselines import CLICKS, CODEC_UPPER_BOUND, NOISE, PASTED, RANDOM_EVENTS, SHUFFLED, SILENCE, TRUTH
from tasks.evaluate.metrics.catalogue import METRICS, MODEL
from tasks.evaluate.tables import metric_named
from tasks.report.collect import Collected
from tasks.report.html import environment
from tasks.report.scoring import aim_for, build_scores, is_met, role
from tasks.report.words import metric_name, system_name

EVENTS = "EventF1@100ms"


def score(
    system: str,
    value: float,
    *,
    task: str = "vta",
    metric: str = EVENTS,
    n_groups: int = 7,
    checkpoint: str | None = None,
) -> Score:
    return Score(
        item_id=f"{task}/{metric}/{system}/{checkpoint}", task=task, system=system, checkpoint=checkpoint,
        metric=metric, value=value, ci_low=value / 2, ci_high=value, n=24, n_groups=n_groups,
        is_baseline=system != MODEL, backend="b", higher_is_better=metric_named(metric).higher_is_better,
    )  # fmt: skip


def test_the_upper_bound_is_never_called_a_baseline() -> None:
    values = ((NOISE, 0.0), (CODEC_UPPER_BOUND, 1.0), (RANDOM_EVENTS, 0.31), (PASTED, 0.4), (MODEL, 0.75))
    section = build_scores(Collected(scores=[score(name, value) for name, value in values]))
    assert [(cell.system, cell.role) for cell in section.tables[0][1][0].cells] == [
        (system_name(name), its_role) for name, its_role in (
            (MODEL, "model"), (CODEC_UPPER_BOUND, "upper bound"), (PASTED, "comparison"), (NOISE, "baseline"),
            (RANDOM_EVENTS, "baseline"),
        )
    ]  # fmt: skip
    (aim,) = section.aims
    assert (aim.best_baseline, aim.n, aim.groups) == ("0.31 (bursts at random times)", 24, "7 groups")
    assert (aim.interval, aim.met, aim.aim) == ("0.375 to 0.75", True, "≥ 0.7")


@pytest.mark.parametrize("system", [SHUFFLED, RANDOM_EVENTS, CLICKS, NOISE, SILENCE])
def test_what_ignores_the_clip_is_a_baseline(system: str) -> None:
    assert role(score(system, 0.5)) == "baseline"


def test_the_model_and_the_truth_have_their_roles() -> None:
    assert role(score(MODEL, 1.0)) == "model" and role(score(TRUTH, 1.0)) == "upper bound"


def test_groups_are_named_only_where_clips_share_them() -> None:
    section = build_scores(Collected(scores=[score(MODEL, 0.5, n_groups=24), score(NOISE, 0.5, n_groups=3)]))
    assert [(cell.n, cell.groups) for cell in section.tables[0][1][0].cells] == [(24, ""), (24, "3 groups")]


def test_tasks_and_metrics_are_grouped_in_the_order_of_the_tasks() -> None:
    names = [EVENTS, "likeness-corpus-cnn"]
    rows = [score(MODEL, 0.5, task=task, metric=metric) for task in ("tta", "vta") for metric in names]
    section = build_scores(Collected(scores=rows))
    assert [title for title, _ in section.tables] == ["Video to audio", "Text to audio"]
    assert all([metric.key for metric in metrics] == names for _, metrics in section.tables)


def test_of_a_metric_that_is_better_when_lower_the_lowest_baseline_is_the_best() -> None:
    rows = [
        score(name, value, metric="EventOffset_s") for name, value in ((MODEL, 0.02), (NOISE, 0.04), (CLICKS, 0.03))
    ]
    (metric,) = build_scores(Collected(scores=rows)).tables[0][1]
    assert not metric.higher_is_better and metric.aim is None and metric.cells[0].met is None


@pytest.mark.parametrize(("value", "higher", "met"), [(0.7, True, True), (0.69, True, False), (0.7, False, True)])
def test_an_aim_is_met_at_its_value(value: float, higher: bool, met: bool) -> None:
    assert is_met(value, 0.7, higher_is_better=higher) is met
    assert not is_met(0.71, 0.7, higher_is_better=False)


@pytest.mark.parametrize(("value", "met"), [(-2.0, True), (1.9, True), (2.1, False), (-9.0, False)])
def test_a_level_is_best_at_the_truths(value: float, met: bool) -> None:
    rows = [score(MODEL, value, metric="level_difference_db"), score(SILENCE, -40.0, metric="level_difference_db")]
    (aim,) = build_scores(Collected(scores=rows)).aims
    assert (aim.met, aim.aim, aim.best_baseline) == (met, "within ± 2", None)


def test_each_checkpoint_is_judged_by_its_own_name() -> None:
    rows = [score(MODEL, value, checkpoint=name) for name, value in (("trained", 0.6), ("builtin", 0.9), ("mine", 0.8))]
    section = build_scores(Collected(scores=[*rows, score(NOISE, 0.1)]))
    assert [(aim.checkpoint, aim.met) for aim in section.aims] == [
        ("trained in this run", False), ("shipped weights", True), ("mine", True),
    ]  # fmt: skip
    names = [cell.system for cell in section.tables[0][1][0].cells]
    assert names == [f"{MODEL}, trained in this run", f"{MODEL}, shipped weights", f"{MODEL}, mine", NOISE]


def test_picture_only_cases_have_a_table_and_an_aim_of_their_own() -> None:
    rows = [score(MODEL, 0.7, task=task, metric="Material right") for task in ("vta", VIDEO_ONLY)]
    section = build_scores(Collected(scores=rows))
    assert [title for title, _ in section.tables] == ["Video to audio", "Video to audio, without text"]
    assert [(aim.task, aim.met) for aim in section.aims] == [("Video to audio, without text", True)]


def test_aims_exist_for_timing_level_and_adverbs_of_video_to_audio() -> None:
    assert {metric for metric in METRICS if aim_for("vta", metric)} == {EVENTS, "level_difference_db"} | {
        metric for metric in METRICS if metric.startswith("AdverbCheck")
    }
    assert aim_for("fe", EVENTS) is None


def test_without_scores_the_note_says_so_and_without_baselines_none_is_the_best() -> None:
    empty = build_scores(Collected(notes={"scores": "The evaluate stage has not run yet."}))
    assert (empty.note, empty.tables, empty.aims) == ("The evaluate stage has not run yet.", [], [])
    (aim,) = build_scores(Collected(scores=[score(MODEL, 0.5)])).aims
    assert aim.best_baseline is None and not aim.met


def test_the_aims_are_one_line_for_each_metric_of_a_task_with_all_weights_beside_each_other() -> None:
    rows = [
        score(MODEL, value, task=task, metric=metric, checkpoint=name)
        for task, metric in (("vta", EVENTS), ("vta", "level_difference_db"), (VIDEO_ONLY, "Material right"))
        for name, value in (("trained", 0.6), ("builtin", 0.9))
        if (metric, name) != ("level_difference_db", "builtin")
    ]
    section = build_scores(Collected(scores=rows))
    assert section.checkpoints == ["trained in this run", "shipped weights"]
    assert [(first.metric, list(by_checkpoint)) for first, by_checkpoint in section.aim_lines] == [
        (metric_name(EVENTS), section.checkpoints),
        (metric_name("level_difference_db"), section.checkpoints[:1]),
        (metric_name("Material right"), section.checkpoints),
    ]
    assert sum(len(by_checkpoint) for _, by_checkpoint in section.aim_lines) == len(section.aims)
    (events,) = [metric for metric in section.tables[0][1] if metric.key == EVENTS]
    assert [cell.value for cell in events.own] == ["0.6", "0.9"]


def test_the_scale_of_a_share_is_zero_to_one_and_that_of_a_quantity_fits_it() -> None:
    rows = [score(MODEL, 0.02, metric=metric) for metric in (EVENTS, "EventOffset_s")]
    share, quantity = (str(metric.strip) for metric in build_scores(Collected(scores=rows)).tables[0][1])
    assert ">1</text>" in share and ">0</text>" in share
    assert ">1</text>" not in quantity and ">0.02</text>" in quantity


def test_an_aim_around_the_truths_level_has_two_lines() -> None:
    (metric,) = build_scores(Collected(scores=[score(MODEL, 1.0, metric="level_difference_db")])).tables[0][1]
    assert "<title>aim -2</title>" in metric.strip and "<title>aim 2</title>" in metric.strip


def test_the_spread_over_seeds_is_said_with_their_number() -> None:
    plain, seeded = score(MODEL, 0.5), replace(score(MODEL, 0.5), n_seeds=3, seed_sd=0.04)
    silence = score(SILENCE, 0.0)
    section = build_scores(Collected(scores=[seeded, silence]))
    assert [cell.spread for cell in section.tables[0][1][0].cells] == ["± 0.04 over 3 seeds", ""]
    assert section.aims[0].spread == "± 0.04 over 3 seeds" and section.has_seeds
    assert not build_scores(Collected(scores=[plain, silence])).has_seeds
    page = (
        environment()
        .get_template("scores.html.j2")
        .render(scores=section, claims=None, ablations=None, paper_tables=[])
    )
    assert page.count("± 0.04 over 3 seeds") == 2 and "generated with several seeds" in page
