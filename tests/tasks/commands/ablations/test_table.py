"""The ablation table: means, and differences to `full` on the same clips."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import AblationScore, ClipScore
from tasks.commands.ablations.table import SHOWN, ablation_rows, table_text
from tasks.evaluate.metrics.catalogue import METRICS, MODEL
from tests.tasks.rows import clip_score_row

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def score(clip: str, value: float, task: str = "fe", system: str = MODEL, metric: str = "EventF1@100ms") -> ClipScore:
    return clip_score_row(clip, value, task, metric, system=system)


def test_the_table_pairs_each_clip_with_itself() -> None:
    full = [*(score(clip, 0.8) for clip in "abcdefg"), score("a", 0.0, system="white noise")]
    other = [*(score(clip, 0.6 if clip in "ace" else 0.5) for clip in "gfedcba"), score("h", 1.0)]
    groups = {clip: f"object {clip}" for clip in "abcdefgh"}
    made = ablation_rows({"full": full, "m-1": other}, {"full": 7, "m-1": 9}, ["fe"], groups)
    rows = {row.variant: row for row in made}
    assert rows["full"].value == pytest.approx(0.8) and rows["full"].delta is None and rows["full"].n == 7
    assert rows["m-1"].value == pytest.approx(0.6) and rows["m-1"].n == 8 and rows["m-1"].steps == 9
    assert rows["m-1"].delta == pytest.approx((3 * -0.2 + 4 * -0.3) / 7)
    assert rows["m-1"].delta_low <= rows["m-1"].delta <= rows["m-1"].delta_high < 0
    text = table_text(list(rows.values()), ["fe"])
    assert re.search(r"\| m-1 \| 8 \| 9 \| 0\.600 \(-0\.257, -0\.\d+ to -0\.\d+\)\* \|", text)
    assert "| full | 7 | 7 | 0.800 |" in text


def table_rows(scores: dict[str, list[ClipScore]], steps: dict[str, int], tasks: list[str]) -> list[AblationScore]:
    """The rows of clips that are each of an object of their own."""
    clips = {row.parent_id for found in scores.values() for row in found}
    return ablation_rows(scores, steps, tasks, {clip: clip for clip in clips})


def rows(*variants: list[float]) -> list[AblationScore]:
    """The first list is `full`'s clips, the others those of variants of the same clips."""
    names = ["full", *(f"v{n}" for n in range(1, len(variants)))]
    scores = {
        name: [score(f"clip-{n}", value) for n, value in enumerate(values)]
        for name, values in zip(names, variants, strict=True)
    }
    return table_rows(scores, dict.fromkeys(names, 1), ["fe"])


@given(VALUES, st.data())
def test_the_difference_of_means_is_the_mean_difference(full: list[float], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.floats(0, 1), min_size=len(full), max_size=len(full)))
    first, second = rows(full, other)
    assert first.value == pytest.approx(np.mean(full)) and second.value == pytest.approx(np.mean(other))
    assert first.delta is None and second.delta == pytest.approx(second.value - first.value, abs=1e-12)
    if second.delta_low is not None and second.delta_high is not None:
        assert second.delta_low - 1e-9 <= second.delta <= second.delta_high + 1e-9


@given(VALUES)
def test_a_variant_that_equals_full_differs_by_nothing(full: list[float]) -> None:
    _, same = rows(full, full)
    assert same.delta == 0 and same.delta_low in (None, 0.0) and "*" not in table_text([same], ["fe"]).split("\n\n")[0]


def test_rows_are_the_same_whatever_the_order_of_clips() -> None:
    scores = {"full": [score("a", 0.9), score("b", 0.5)], "m-1": [score("a", 0.3), score("b", 0.8)]}
    steps = {"full": 1, "m-1": 1}
    turned = {name: found[::-1] for name, found in scores.items()}
    for one, other in zip(table_rows(scores, steps, ["fe"]), table_rows(turned, steps, ["fe"]), strict=True):
        assert (one.value, one.delta, one.n) == pytest.approx((other.value, other.delta, other.n))


def test_a_clip_that_full_does_not_have_counts_for_the_mean_alone() -> None:
    _, other = table_rows({"full": [score("a", 0.5)], "m-1": [score("a", 0.7), score("b", 0.1)]},
                             {"full": 1, "m-1": 1}, ["fe"])  # fmt: skip
    assert other.value == pytest.approx(0.4) and other.n == 2 and other.delta == pytest.approx(0.2)


def test_without_full_there_is_no_difference() -> None:
    (row,) = table_rows({"m-1": [score("a", 0.5)]}, {"m-1": 3}, ["fe"])
    assert row.delta is None and row.delta_low is None
    assert "| m-1 | 1 | 3 | 0.500 |" in table_text([row], ["fe"])


def test_only_asked_tasks_known_metrics_and_the_models_own_scores_count() -> None:
    scores = {"full": [score("a", 0.5), score("a", 0.1, task="vta"), score("a", 0.2, system="silence"),
                       score("a", 0.3, metric="unheard of")]}  # fmt: skip
    (row,) = table_rows(scores, {"full": 1}, ["fe", "ac-vta"])
    assert (row.task, row.metric, row.value) == ("fe", "EventF1@100ms", 0.5)
    assert row.higher_is_better == METRICS["EventF1@100ms"].higher_is_better
    assert row.item_id == "full/fe/EventF1@100ms"


def test_the_text_has_a_block_per_task_and_a_dash_where_a_metric_is_missing() -> None:
    names = {"full": ["EventF1@100ms", "likeness-corpus-cnn"], "m-1": ["EventF1@100ms"]}
    scores = {name: [score(f"{task}-a", 0.5, task=task, metric=metric) for task in ("fe", "vta") for metric in metrics]
              for name, metrics in names.items()}  # fmt: skip
    text = table_text(table_rows(scores, {"full": 2, "m-1": 2}, ["vta", "fe"]), ["vta", "fe", "ac-vta"])
    blocks = text.split("\n\n")
    assert [block.split(" |")[0] for block in blocks[:-2]] == ["| vta", "| fe"]
    assert blocks[-2] == "ac-vta: no clip has a score"
    assert [line.count("|") for line in blocks[0].splitlines()] == [6, 6, 6, 6]
    assert "| m-1 | 1 | 2 | 0.500" in blocks[0] and blocks[0].rstrip().endswith("| - |")
    assert [name for name in SHOWN if name in blocks[0]] == ["EventF1@100ms", "likeness-corpus-cnn"]


def test_the_note_says_what_brackets_are_or_why_there_are_none() -> None:
    def note(scores: dict[str, list[ClipScore]]) -> str:
        return table_text(table_rows(scores, dict.fromkeys(scores, 1), ["fe"]), ["fe"]).split("\n\n")[-1].strip()

    two, one = [score("a", 0.5), score("b", 0.7)], [score("a", 0.5)]
    assert note({"full": two, "m-1": two}).startswith("In brackets: the difference to `full`")
    assert "needs clips of two groups or more (`evaluate.clips`)" in note({"full": one, "m-1": one})
    for alone in ("full", "m-1"):
        assert note({alone: two}).endswith("other variants to `full` (`ablations.variants`).")


def test_an_interval_that_excludes_zero_gets_a_star() -> None:
    better = rows([0.1, 0.2, 0.3, 0.2], [0.6, 0.7, 0.8, 0.7])
    mixed = rows([0.1, 0.9, 0.1, 0.9], [0.9, 0.1, 0.9, 0.1])
    assert ")*" in table_text(better, ["fe"]) and ")*" not in table_text(mixed, ["fe"])
