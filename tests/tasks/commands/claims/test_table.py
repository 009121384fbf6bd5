"""Rows of the claims: pairs on the same clips and seeds, means over objects, verdicts by Holm's method."""

from __future__ import annotations

import numpy as np
import pytest

from data_contracts import ClaimResult
from tasks.commands.claims.catalogue import CLAIMS, Claim, claims_between, tasks_of
from tasks.commands.claims.table import claim_rows, clip_values, compare
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.tables import metric_named
from tests.tasks.commands.claims.scores import GROUPS, made_up
from tests.tasks.rows import clip_score_row

FIRST = Claim(
    name="first", statement="One", source="table 1", task="fe", better="full", worse="m-3",
    metrics=("EventF1@50ms", "EventF1@100ms"),
)  # fmt: skip
SECOND = Claim(
    name="second",
    statement="Two",
    source="table 2",
    task="ac-vta",
    better="m-3",
    worse="m-1",
    metrics=("likeness-corpus-cnn",),
)
CELLS = [("fe", "EventF1@50ms"), ("fe", "EventF1@100ms"), ("ac-vta", "likeness-corpus-cnn")]
LEVELS = {"full": 0.9, "m-3": 0.5, "m-1": 0.5}


def value(seed: int, name: str, task: str, metric: str, clip: str) -> float:
    noise = np.random.default_rng([seed, len(name), *map(ord, name + task + metric + clip)]).normal() / 30
    return LEVELS[name] + noise


def test_a_clear_claim_is_shown_and_a_claim_without_a_difference_is_not() -> None:
    scores = made_up((1, 2, 3), ("full", "m-3", "m-1"), CELLS, value)
    first, beside, second = claim_rows([FIRST, SECOND], scores, GROUPS, steps=300)
    assert (first.verdict, second.verdict) == ("shown", "not shown")
    assert first.low is not None and first.low > 0 and first.p_holm is not None and first.p_holm < 0.05
    assert first.p_value is not None and first.p_value <= first.p_holm
    assert first.confidence == pytest.approx(0.975) and second.confidence == pytest.approx(0.95)
    assert (first.n_clips, first.n_groups, first.seeds, first.steps) == (12, 6, (1, 2, 3), 300)
    assert first.delta == pytest.approx(first.better_value - first.worse_value)
    assert (beside.decides, beside.verdict, beside.p_holm, beside.confidence) == (False, "", None, 0.95)
    assert beside.metric == "EventF1@100ms" and beside.backend == METRICS["EventF1@100ms"].backend


def test_the_opposite_order_contradicts() -> None:
    turned = {"full": "m-3", "m-3": "full"}
    scores = made_up((1, 2, 3), ("full", "m-3"), CELLS[:2], lambda seed, name, *rest: value(seed, turned[name], *rest))
    row = claim_rows([FIRST], scores, GROUPS, steps=1)[0]
    assert row.verdict == "contradicted" and row.high is not None and row.high < 0


def test_the_difference_is_the_plain_mean_over_seeds_of_means_over_objects() -> None:
    scores = made_up((4, 5), ("full", "m-3"), CELLS[:1], value)
    del scores[4]["full"][3]  # a clip that one seed lacks counts in none
    row = claim_rows([FIRST], scores, GROUPS, steps=1)[0]
    expected = []
    for seed in (4, 5):
        both = [clip_values(scores[seed][name], "fe", "EventF1@50ms") for name in ("full", "m-3")]
        objects: dict[str, list[float]] = {}
        for clip in sorted(GROUPS):
            if clip != "clip-3":
                objects.setdefault(GROUPS[clip], []).append(both[0][clip] - both[1][clip])
        expected.append(np.mean([np.mean(found) for found in objects.values()]))
    assert row.delta == pytest.approx(np.mean(expected)) and row.n_clips == 11 and row.n_groups == 6


def test_a_seed_with_one_of_the_two_does_not_count_and_one_seed_alone_shows_nothing() -> None:
    scores = made_up((1, 2), ("full", "m-3"), CELLS[:2], value)
    del scores[2]["m-3"]
    row = claim_rows([FIRST], scores, GROUPS, steps=1)[0]
    assert row.seeds == (1,) and row.verdict == "not shown"
    assert (row.low, row.high, row.p_value, row.p_holm) == (None, None, None, None)


def test_a_claim_that_has_not_run_has_no_row_and_still_counts_for_holm() -> None:
    scores = made_up((1, 2, 3), ("full", "m-3"), CELLS[:2], value)
    alone, waiting = (claim_rows(claims, scores, GROUPS, steps=1) for claims in ([FIRST], [FIRST, SECOND]))
    assert [row.claim for row in waiting] == ["first", "first"]
    assert waiting[0].p_holm == pytest.approx(2 * (alone[0].p_holm or 0))
    assert waiting[0].confidence > alone[0].confidence
    assert claim_rows([FIRST], {}, GROUPS, steps=1) == []


def test_baselines_other_tasks_and_other_metrics_are_left_out() -> None:
    rows = [
        clip_score_row("a", 0.1, "fe", "likeness-corpus-cnn"),
        clip_score_row("a", 0.2, "fe", "likeness-corpus-cnn", system="silence"),
        clip_score_row("a", 0.3, "vta", "likeness-corpus-cnn"),
        clip_score_row("a", 0.4, "fe", "OnsetSyncAP"),
    ]
    assert clip_values(rows, "fe", "likeness-corpus-cnn") == {"a": 0.1}


def test_no_common_clip_is_no_comparison() -> None:
    full, other = (clip_score_row(clip, 1.0, "fe", "EventF1@50ms") for clip in "ab")
    scores = {1: {"full": [full], "m-3": [other]}}
    assert compare(FIRST, "EventF1@50ms", scores, {"a": "x", "b": "y"}) is None


def test_the_order_of_rows_and_clips_changes_nothing() -> None:
    scores = made_up((1, 2), ("full", "m-3"), CELLS[:2], value)
    turned = {seed: {name: rows[::-1] for name, rows in found.items()} for seed, found in scores.items()}
    one, other = (claim_rows([FIRST], found, GROUPS, steps=1) for found in (scores, turned))
    assert [row.to_dict() for row in one] == [row.to_dict() for row in other]


def test_every_claim_of_the_list_compares_known_things() -> None:
    from model.variants import VARIANTS

    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert {claim.better, claim.worse} <= VARIANTS.keys() and claim.better != claim.worse
        assert all(metric_named(metric).higher_is_better for metric in claim.metrics)  # `better` is greater


def test_likeness_is_decided_by_the_judge_that_is_on_every_machine() -> None:
    from tasks.commands.ablations.steps import JUDGE

    decided = [claim.metrics for claim in CLAIMS if claim.name.endswith("likeness")]
    assert len(decided) == 4 and {metrics[0] for metrics in decided} == {f"likeness-{JUDGE}"}
    assert {"Resemblyzer", "CLAP_A", "likeness-mn04"} <= set(decided[0][1:])  # where the settings name their judges


def test_chosen_configurations_say_which_claims_are_tested_and_in_which_tasks() -> None:
    claims = claims_between(("full", "no-sum", "no-aa"))
    assert [claim.name for claim in claims] == ["summation-likeness", "augmentation-adverbs"]
    assert tasks_of("full", claims) == ["ac-vta", "tta"] and tasks_of("no-aa", claims) == ["tta"]
    assert tasks_of("m-1", claims) == [] and claims_between(("full",)) == []
    assert len(claims_between(("full", "m-1", "m-2", "m-3", "no-sum", "no-aa"))) == 9


def test_rows_survive_the_table(tmp_path) -> None:
    from data_contracts import read_table, write_table

    rows = claim_rows([FIRST], made_up((1, 2), ("full", "m-3"), CELLS[:2], value), GROUPS, steps=1)
    write_table(tmp_path / "claims.parquet", ClaimResult, rows)
    assert read_table(tmp_path / "claims.parquet", ClaimResult) == rows
