"""The score table (SPEC E3): mean, n, groups and interval per task, metric and system; the model first."""

from __future__ import annotations

from typing import Any

from data_contracts import ClipScore, Generated, Score
from tasks.evaluate.cells import interval
from tasks.evaluate.intervals import mean_interval, share_interval
from tasks.evaluate.metrics.catalogue import METRICS, MODEL
from tasks.evaluate.tables import aggregate, case_seconds, clip_groups, metric_named
from tests.tasks.rows import clip_score_row, generated_row, manifest_row

SHARE = "AdverbCheck direction right"


def row(number: int, system: str, value: float, task: str = "vta", **changes: Any) -> ClipScore:
    return clip_score_row(f"{task}-{number}", value, task, system=system, **changes)


def scored(rows: list[ClipScore], groups: int = 10**6) -> list[Score]:
    """Returns the table with clips dealt to so many groups in turn."""
    return aggregate(rows, {one.parent_id: f"g{int(one.parent_id.split('-')[-1]) % groups}" for one in rows})


def test_e3_one_row_per_task_metric_and_system_with_its_n_and_groups() -> None:
    rows = [row(n, system, float(n % 2)) for n in range(10) for system in ("silence", MODEL)]
    rows.append(row(0, MODEL, 1.0, metric="OnsetSyncAP"))
    scores = scored(rows, groups=4)
    assert [(s.metric, s.system, s.n, s.n_groups, s.is_baseline) for s in scores] == [
        ("EventF1@100ms", MODEL, 10, 4, False),
        ("EventF1@100ms", "silence", 10, 4, True),
        ("OnsetSyncAP", MODEL, 1, 1, False),
    ]
    assert scores[0].value == 0.5 and scores[0].ci_low is not None and scores[0].ci_high is not None
    assert scores[0].ci_low < 0.5 < scores[0].ci_high
    assert (scores[2].ci_low, scores[2].ci_high) == (None, None)  # one group


def test_the_table_is_the_same_for_any_order_of_systems_and_follows_the_order_of_tasks_and_metrics() -> None:
    rows = [
        row(n, system, n / 7, task=task, metric=metric)
        for task in ("fe", "vta")
        for metric in ("OnsetSyncAP", "EventF1@50ms")
        for system in ("silence", MODEL)
        for n in range(4)
    ]
    keys = [(s.task, s.metric, s.system) for s in scored(rows)]
    assert keys[:2] == [("vta", "EventF1@50ms", MODEL), ("vta", "EventF1@50ms", "silence")]
    assert keys[2] == ("vta", "OnsetSyncAP", MODEL) and keys[-1] == ("fe", "OnsetSyncAP", "silence")
    by_system = sorted(rows, key=lambda one: one.system)
    assert {s.item_id: s for s in scored(by_system)} == {s.item_id: s for s in scored(rows)}


def test_attributes_of_single_clips_are_no_score() -> None:
    assert scored([row(0, MODEL, 3.0, metric="onset_rate_hz", task="tta")]) == []


def test_shares_get_the_exact_interval_and_other_metrics_the_bootstrap() -> None:
    values, groups = [1.0] * 16, [f"g{n}" for n in range(16)]
    assert interval(metric_named(SHARE), values, groups, 1) == share_interval(values, groups)
    (share,) = scored([row(n, MODEL, 1.0, metric=SHARE, task="tta") for n in range(16)])
    assert (share.value, share.ci_high) == (1.0, 1.0) and share.ci_low == share_interval(values, groups)[0]
    mixed = [n / 16 for n in range(16)]
    assert interval(metric_named("EventF1@50ms"), mixed, groups, 1) == mean_interval(mixed, groups, 1)
    piled = [1.0] * 12 + [0.5] * 4
    assert interval(metric_named("EventF1@50ms"), piled, groups, 1) == mean_interval(piled, groups, 1, (0.0, 1.0))
    assert interval(metric_named("likeness-corpus-cnn"), piled, groups, 1) == mean_interval(piled, groups, 1)
    shares = {metric for metric in METRICS if METRICS[metric].is_share}
    assert shares == {
        "Material right", "silent", "clipped", "duplicate", "reference pasted",
        *(metric for metric in METRICS if metric.startswith(SHARE)),
    }  # fmt: skip


def test_levels_are_medians_with_their_interval() -> None:
    values = [float(n) for n in range(15)] + [1000.0]
    (level,) = scored([row(n, MODEL, value, metric="level_difference_db") for n, value in enumerate(values)])
    assert level.value == 7.5 and level.higher_is_better is None
    assert level.ci_low is not None and level.ci_high is not None and 0 <= level.ci_low < 7.5 < level.ci_high < 1000


def test_a_row_says_how_much_audio_of_the_scored_clips_it_is_about() -> None:
    generated = [generated_row(f"vta-{n}", scored_from_s=2.0, scored_to_s=3.0 + n) for n in range(4)]
    known = case_seconds(generated)
    assert known == {"vta-0": 1.0, "vta-1": 2.0, "vta-2": 3.0, "vta-3": 4.0}
    rows = [row(n, MODEL, 0.5) for n in (0, 3)] + [row(1, "silence", 0.0)]
    found = aggregate(rows, dict.fromkeys(known, "g"), seconds=known)
    assert [(score.system, score.n, score.seconds) for score in found] == [(MODEL, 2, 5.0), ("silence", 1, 2.0)]
    assert [score.seconds for score in scored(rows)] == [None, None]


def test_each_checkpoint_has_rows_of_its_own_and_baselines_have_none() -> None:
    rows = [
        row(n, MODEL, float(name == "builtin"), checkpoint=name) for n in range(8) for name in ("trained", "builtin")
    ]
    rows += [row(n, "silence", 0.0) for n in range(8)]
    found = [(s.system, s.checkpoint, s.value, s.n) for s in scored(rows)]
    assert found == [(MODEL, "trained", 0.0, 8), (MODEL, "builtin", 1.0, 8), ("silence", None, 0.0, 8)]
    assert len({s.item_id for s in scored(rows)}) == 3


def test_clips_of_few_groups_are_less_certain_than_as_many_of_their_own() -> None:
    rows = [row(n, MODEL, float(n % 4 == 0)) for n in range(24)]
    (few,), (own,) = scored(rows, groups=4), scored(rows)
    assert few.value == own.value and few.ci_low is not None and own.ci_low is not None
    assert few.ci_low < own.ci_low


def test_a_clip_is_of_the_group_of_the_row_that_it_was_made_from() -> None:
    manifest = [manifest_row(f"clip-{n}", group_id=f"object-{n % 2}") for n in range(4)]
    generated: list[Generated] = [
        generated_row(f"{name}{n}", case_id=f"vta-{n}", parent_id=f"clip-{n}") for n in range(4) for name in "ab"
    ]
    assert clip_groups(generated, manifest) == {f"vta-{n}": f"object-{n % 2}" for n in range(4)}
    assert clip_groups([], manifest) == {}
