"""Scores of a perfect model and of the baselines (SPEC E2): the model wins, noise and silence lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import ClipScore, Generated, ManifestRow, read_table, write_table
from data_contracts.generation import CASE_GROUPS, VIDEO_ONLY
from model.generate import Request
from tasks.engine.workspace import Workspace
from tasks.evaluate import baselines, scorer
from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.plan import material_of, plan_cases
from tasks.evaluate.scorer import Scorer
from tests.tasks.evaluate.conftest import Scores
from tests.tasks.evaluate.oracle import CLIP_S, CONFIG, copy_of, manifest

WITH_VIDEO = tuple(name for name in CASE_GROUPS if name != "tta")
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


def test_e2_the_reference_pasted_loses_time(scored: Scores) -> None:
    assert scored["ac-vta", "EventF1@50ms", baselines.PASTED].value < 0.5
    assert ("vta", "EventF1@50ms", baselines.PASTED) not in scored  # without a reference there is nothing to paste


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
    generated = {row.case_id for row in read_table(prepared.table("generate", "generated"), Generated)}
    assert {row.parent_id for row in rows} == generated
    assert {row.checkpoint for row in rows if row.system == MODEL} == {"trained"}
    assert {row.checkpoint for row in rows if row.system != MODEL} == {None}
    assert {"onset_rate_hz", "level_db", "late_db"} <= {row.metric for row in rows if row.task == "tta"}
    assert len({row.item_id for row in rows}) == len(rows)


def test_a_pair_of_which_one_clip_is_missing_has_no_scores(
    prepared: Workspace, oracle: list[Request], scored: Scores
) -> None:
    assert scored and oracle is not None
    made = {row.item_id: row for row in read_table(prepared.table("generate", "generated"), Generated)}
    pair = [case for case in plan_cases(manifest(prepared), CONFIG, CLIP_S) if case.pair == "speed-000"]
    one = Scorer.open(CONFIG, prepared)
    paths = [{"trained": made[case.item_id].audio_path} for case in pair]
    assert one.score(pair[:1], paths[:1]) == []
    assert one.score(pair, paths)
    half = one.score(pair, [paths[0], {}])  # a checkpoint with one clip of the two
    assert half and not any(row.system == MODEL for row in half)


def test_baselines_are_the_same_every_time_and_differ_between_clips(
    prepared: Workspace, oracle: list[Request], scored: Scores, tmp_path: Path
) -> None:
    assert scored and oracle is not None and tmp_path
    rows = {row.item_id: row for row in read_table(prepared.table("score", "clip_scores"), ClipScore)}
    made = {row.item_id: row for row in read_table(prepared.table("generate", "generated"), Generated)}
    cases = [case for case in plan_cases(manifest(prepared), CONFIG, CLIP_S) if case.group == "vta"]
    again = Scorer.open(CONFIG, prepared).score(cases[:1], [{"trained": made[cases[0].item_id].audio_path}])
    assert again and all(rows[row.item_id] == row for row in again)
    noise = [row.value for row in rows.values() if row.system == baselines.NOISE and row.metric == "OnsetSyncAP"]
    assert len(set(noise)) > 1


@pytest.mark.parametrize("task", WITH_VIDEO)
def test_the_level_of_the_truth_is_right_and_silence_is_far_below(task: str, scored: Scores) -> None:
    assert scored[task, "level_difference_db", baselines.TRUTH].value == 0
    assert scored[task, "level_difference_db", baselines.SILENCE].value < -30
    levels = {name: scored[task, "level_dbfs", name].value for name in (MODEL, baselines.TRUTH, baselines.SILENCE)}
    assert levels[MODEL] == pytest.approx(levels[baselines.TRUTH], abs=1.0) and levels[baselines.SILENCE] == -80


def test_without_training_clips_no_material_is_scored(scored: Scores) -> None:
    assert not [key for key in scored if key[1] == "Material right"]


def with_training_clips(prepared: Workspace, folder: Path) -> Workspace:
    """Returns a copy in which two thirds of the clips are training clips: four of each of three materials."""
    workspace = copy_of(prepared, folder, "generate", "judge")
    rows = []
    for row in manifest(workspace):
        rows.append(row)
        rows += [ManifestRow(**(row.to_dict() | {"item_id": f"{row.item_id}-{n}", "split": "train"})) for n in range(2)]
    write_table(workspace.table("manifest", "manifest"), ManifestRow, rows)
    return workspace


def test_materials_are_right_for_the_truth_and_never_for_silence(
    prepared: Workspace, oracle: list[Request], scored: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The material is the video's in VTA, the prompt's in TC-VTA, the reference's in AC-VTA."""
    assert scored and oracle is not None
    workspace = with_training_clips(prepared, tmp_path)
    monkeypatch.setattr(scorer, "featured_rows", lambda space, store: manifest(space))
    made = {row.case_id: row for row in read_table(workspace.table("generate", "generated"), Generated)}
    rows = [row for row in manifest(workspace) if row.split == "test"]
    cases = [case for case in plan_cases(rows, CONFIG, CLIP_S) if case.group in WITH_VIDEO]
    material = {row.item_id: material_of(row) for row in rows}
    one = Scorer.open(CONFIG, workspace)
    found: dict[tuple[str, str], list[float]] = {}
    for clip in dict.fromkeys(case.parent_id for case in cases):
        of_clip = [case for case in cases if case.parent_id == clip]
        for row in one.score(of_clip, [{"trained": made[case.item_id].audio_path} for case in of_clip]):
            if row.metric == "Material right":
                found.setdefault((row.task, row.system), []).append(row.value)
    for group in WITH_VIDEO:
        for system in (baselines.TRUTH, baselines.CODEC_UPPER_BOUND):
            assert found[group, system] == [1.0] * CONFIG.clips
        assert found[group, baselines.SILENCE] == [0.0] * CONFIG.clips
        of_group = [case for case in cases if case.group == group]
        same = [material[str(case.shuffled_id)] == material[str(case.reference_id)] for case in of_group]
        assert found[group, baselines.SHUFFLED] == same
    assert found[VIDEO_ONLY, MODEL] == [1.0] * CONFIG.clips  # the oracle returns the video's own audio,
    assert found["tc-vta", MODEL] == found["ac-vta", MODEL] == [0.0] * CONFIG.clips  # not what the prompt asks for


def test_audio_that_several_cases_share_is_measured_once(
    prepared: Workspace, oracle: list[Request], scored: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scored and oracle is not None
    made = {row.case_id: row for row in read_table(prepared.table("generate", "generated"), Generated)}
    cases = [case for case in plan_cases(manifest(prepared), CONFIG, CLIP_S) if case.group in ("vta", VIDEO_ONLY)]
    pair = [case for case in cases if case.parent_id == cases[0].parent_id]
    paths = [{"trained": made[case.item_id].audio_path} for case in pair]
    one = Scorer.open(CONFIG, prepared)
    counted: list[int] = []
    original = scorer.measure_part
    monkeypatch.setattr(scorer, "measure_part", lambda *values: counted.append(1) or original(*values))
    single = one.score(pair[:1], paths[:1])
    first = len(counted)
    assert len(pair) == 2 and [
        row.value for row in Scorer.open(CONFIG, prepared).score(pair, paths)[: len(single)]
    ] == [row.value for row in single]
    assert len(counted) == 2 * first + 1  # of the second case only what the model made of it


@pytest.mark.parametrize("task", WITH_VIDEO)
def test_a_run_says_how_many_clips_are_silent_or_clipped_and_how_loud_they_are(task: str, scored: Scores) -> None:
    for system in (MODEL, baselines.TRUTH):
        for metric in ("silent", "clipped"):
            score = scored[task, metric, system]
            assert (score.value, score.n) == (0.0, CONFIG.clips)
    level = scored[task, "lufs", baselines.TRUTH].value
    assert scored[task, "lufs", MODEL].value == pytest.approx(level, abs=1.0)
    assert (task, "silent", baselines.SILENCE) not in scored
