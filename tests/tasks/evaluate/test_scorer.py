"""Scores of a perfect model and of the baselines (SPEC E2): the model wins, noise and silence lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import ClipScore, Generated, read_table
from model.generate import Request
from tasks.engine.workspace import Workspace
from tasks.evaluate import baselines
from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.metrics import MODEL
from tasks.evaluate.plan import plan_cases
from tasks.evaluate.scorer import Scorer
from tests.tasks.evaluate.conftest import Scores
from tests.tasks.evaluate.oracle import CLIP_S, CONFIG, manifest

WITH_VIDEO = ("vta", "tc-vta", "ac-vta", "fe")
UNRELATED = (baselines.SHUFFLED, baselines.RANDOM_EVENTS, baselines.CLICKS, baselines.NOISE, baselines.SILENCE)


@pytest.mark.parametrize("task", WITH_VIDEO)
def test_e2_the_true_audio_is_perfect_and_every_baseline_is_not(task: str, scored: Scores) -> None:
    assert scored[task, "EventF1@50ms", MODEL].value > 0.97
    assert scored[task, "EventF1@50ms", MODEL].n == CONFIG.clips
    assert scored[task, "EventF1@50ms", baselines.CODEC_UPPER_BOUND].value > 0.97
    for system in UNRELATED:
        assert scored[task, "EventF1@50ms", system].value < 0.5
        assert scored[task, "EventF1@50ms", system].is_baseline
    assert scored[task, "EventF1@100ms", baselines.SILENCE].value == 0
    assert scored[task, "EventOffset_s", MODEL].value < 0.02


def test_e2_silence_has_a_perfect_onset_sync_ap_so_it_is_never_printed_alone(scored: Scores) -> None:
    assert scored["vta", "OnsetSyncAP", baselines.SILENCE].value == 1.0
    assert scored["vta", "OnsetSyncAcc", baselines.SILENCE].value == 0.0
    assert scored["vta", "OnsetSyncAcc", MODEL].value > 0.97


def test_e2_the_reference_pasted_wins_timbre_and_loses_time(scored: Scores) -> None:
    assert scored["ac-vta", "MFCC-cos", baselines.PASTED].value > 0.5
    assert scored["ac-vta", "EventF1@50ms", baselines.PASTED].value < 0.5
    assert ("vta", "MFCC-cos", baselines.PASTED) not in scored  # without a reference there is nothing to paste


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_adverbs_that_are_obeyed_are_right_in_every_direction(direction: str, scored: Scores) -> None:
    score = scored["tta", f"AdverbCheck direction right: {'/'.join(DIRECTIONS[direction])}", MODEL]
    assert (score.value, score.n) == (1.0, CONFIG.adverb_pairs)


def test_all_directions_together_have_the_pairs_of_each(scored: Scores) -> None:
    total = scored["tta", "AdverbCheck direction right", MODEL]
    assert (total.value, total.n, total.is_baseline) == (1.0, len(DIRECTIONS) * CONFIG.adverb_pairs, False)
    assert scored["tta", "AdverbCheck direction right", baselines.SHUFFLED].is_baseline


def test_a_true_pair_needs_clips_of_both_sides(scored: Scores) -> None:
    metric = "AdverbCheck direction right: {}"
    assert ("tta", metric.format("fast/slow"), baselines.TRUTH) in scored  # the fixture's clips are fast or slow
    assert ("tta", metric.format("near/far"), baselines.TRUTH) not in scored


def test_scores_name_the_generated_clip_and_keep_its_attributes(prepared: Workspace, scored: Scores) -> None:
    assert scored
    rows = read_table(prepared.table("score", "clip_scores"), ClipScore)
    generated = {row.item_id for row in read_table(prepared.table("generate", "generated"), Generated)}
    assert {row.parent_id for row in rows} == generated
    assert {"onset_rate_hz", "level_db", "late_db"} <= {row.metric for row in rows if row.task == "tta"}
    assert len({row.item_id for row in rows}) == len(rows)


def test_a_pair_of_which_one_clip_is_missing_has_no_scores(
    prepared: Workspace, oracle: list[Request], scored: Scores
) -> None:
    assert scored and oracle is not None
    made = {row.item_id: row for row in read_table(prepared.table("generate", "generated"), Generated)}
    pair = [case for case in plan_cases(manifest(prepared), CONFIG, CLIP_S) if case.pair == "speed-000"]
    one = Scorer.open(CONFIG, prepared)
    paths = [made[case.item_id].audio_path for case in pair]
    assert one.score(pair[:1], paths[:1]) == []
    assert one.score(pair, paths)


def test_baselines_are_the_same_every_time_and_differ_between_clips(
    prepared: Workspace, oracle: list[Request], scored: Scores, tmp_path: Path
) -> None:
    assert scored and oracle is not None and tmp_path
    rows = {row.item_id: row for row in read_table(prepared.table("score", "clip_scores"), ClipScore)}
    made = {row.item_id: row for row in read_table(prepared.table("generate", "generated"), Generated)}
    cases = [case for case in plan_cases(manifest(prepared), CONFIG, CLIP_S) if case.task == "vta"]
    again = Scorer.open(CONFIG, prepared).score(cases[:1], [made[cases[0].item_id].audio_path])
    assert again and all(rows[row.item_id] == row for row in again)
    noise = [row.value for row in rows.values() if row.system == baselines.NOISE and row.metric == "MFCC-cos"]
    assert len(set(noise)) > 1
