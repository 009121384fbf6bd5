"""Folders scored end to end: laws of the numbers, comparisons, seeds, the same bytes again, what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data_contracts import ClipScore, UsageError, WeightsError, read_table
from tasks.commands.evaluate import clips as clips_module
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.latex import latex_table
from tasks.commands.evaluate.outputs import write_evaluation
from tasks.commands.evaluate.page import render
from tasks.commands.evaluate.problems import InputProblemsError
from tasks.commands.evaluate.result import Evaluation
from tasks.commands.evaluate.terminal import number, text
from tasks.evaluate import baselines, judging
from tasks.evaluate.metrics.set_baselines import OTHER_HALF
from tests.tasks.commands.evaluate.conftest import OURS, TRUTH, noisy, options, table, value, write
from tests.tasks.evaluate.fake_judges import FakeJudge

pytestmark = pytest.mark.usefixtures("judge")


@pytest.fixture(scope="module")
def found(folder: Path) -> Evaluation:
    with pytest.MonkeyPatch.context() as patch:
        fake = FakeJudge()
        patch.setattr("model.judges.JUDGES", {OURS: lambda path, device: fake})
        patch.setattr(judging, "JUDGES", {OURS: None})
        return evaluate_folders(
            options(folder, events=folder / "events.csv", captions=folder / "captions.csv", by="kind")
        )


@pytest.mark.parametrize("metrics", [{f"FD-{OURS}", f"KL-{OURS}"}, {"OnsetSyncAP"}])
def test_only_some_metrics_are_as_among_all_without_baselines(
    folder: Path, found: Evaluation, metrics: set[str]
) -> None:
    asked = options(folder, events=folder / "events.csv", captions=folder / "captions.csv", only=frozenset(metrics))
    few = evaluate_folders(asked)
    assert {score.metric for score in few.scores} == metrics
    assert {score.system for score in few.scores} <= {"a", "b", baselines.TRUTH}
    assert table(few) == {key: score for key, score in table(found).items() if key in table(few)}
    assert not few.comparisons
    assert not few.worst


def test_the_truth_is_best_noise_is_worse_and_silence_is_worst(found: Evaluation) -> None:
    for metric in (f"likeness-{OURS}", "EventF1@50ms"):
        assert value(found, metric, baselines.TRUTH) == pytest.approx(1.0)
        assert value(found, metric, "a") > value(found, metric, baselines.SILENCE)
    assert value(found, f"KL-{OURS}", baselines.TRUTH) == 0 < value(found, f"KL-{OURS}", "b")
    assert value(found, f"FD-{OURS}", "a") < value(found, f"FD-{OURS}", "b") < value(found, f"FD-{OURS}", "silence")
    assert value(found, "level_difference_db", "a") == pytest.approx(-6.02, abs=0.01)


def test_every_computed_metric_has_a_ceiling_and_chance(found: Evaluation) -> None:
    cells = table(found)
    for metric in {metric for metric, system in cells if system == "a" and cells[metric, system].value is not None}:
        systems = {system for other, system in cells if other == metric}
        if metric.endswith(" at half n"):
            assert systems == {"a", "b", OTHER_HALF}
        elif metric == "reference pasted":
            assert systems == {"a", "b"}
        elif metric in ("lufs", "silent", "clipped", "duplicate"):
            assert systems == {"a", "b", baselines.TRUTH}  # of files
        elif metric != "EventOffset_s":  # of matched events, which noise has none of
            assert {baselines.NOISE, baselines.CLICKS} <= systems, metric
            assert metric.startswith(("FD", "KAD")) or baselines.TRUTH in systems


def test_cells_say_n_judge_weights_rate_and_why_they_are_empty(found: Evaluation) -> None:
    cells = table(found)
    distance = cells[f"FD-{OURS}", "a"]
    assert (distance.n, distance.n_reference, distance.weights_sha256, distance.rate_hz) == (5, 5, "a" * 64, 16000)
    assert distance.seconds == pytest.approx(5.0) and OURS in distance.backend
    assert cells["EventF1@50ms", "a"].weights_sha256 is None
    for metric in ("FD_VGG", "IB-score", "CLAP_T"):
        empty = cells[metric, "a"]
        assert empty.value is None and empty.why_empty and empty.why_empty.startswith("not computed: "), metric
        assert (metric, baselines.TRUTH) not in cells
    assert all((score.value is None) == (score.why_empty is not None) for score in found.scores)


def test_an_inception_score_of_few_clips_says_that_it_is_undefined(found: Evaluation) -> None:
    empty = table(found)[f"IS-{OURS}", "a"]
    assert empty.value is None and "not computed: " in str(empty.why_empty)


def test_categories_have_their_own_table_of_their_own_clips(found: Evaluation) -> None:
    assert list(found.tasks()) == ["all", "even", "odd"]
    assert {task: table(found, task)["OnsetSyncAcc", "a"].n for task in found.tasks()} == {
        "all": 5,
        "even": 3,
        "odd": 2,
    }
    rows = [row for row in found.clip_scores if (row.metric, row.system) == (f"KL-{OURS}", "b")]
    of_even = np.mean([row.value for row in rows if row.task == "even"])
    assert table(found, "even")[f"KL-{OURS}", "b"].value == pytest.approx(of_even)


def test_clip_scores_average_to_the_table(found: Evaluation) -> None:
    for metric in (f"likeness-{OURS}", "OnsetSyncAP", "EventF1@100ms"):
        for system in ("a", "b", baselines.SHUFFLED):
            values = [row.value for row in found.clip_scores if (row.metric, row.system) == (metric, system)]
            assert value(found, metric, system) == pytest.approx(np.mean(values))
    assert len({row.item_id for row in found.clip_scores}) == len(found.clip_scores)


def test_systems_are_compared_on_every_metric_with_a_direction(found: Evaluation) -> None:
    metrics = {one.metric for one in found.comparisons}
    assert {f"KL-{OURS}", f"FD-{OURS}", f"KAD-{OURS}", "EventF1@50ms"} <= metrics
    assert not metrics & {"level_dbfs", "level_difference_db"}
    for one in found.comparisons:
        assert (one.first, one.second) == ("a", "b") and one.p_holm >= one.p_value
        assert one.better in ("", "a", "b")
        assert one.difference == pytest.approx(value(found, one.metric, "a") - value(found, one.metric, "b"))


def test_the_worst_clips_are_those_with_the_worst_values(folder: Path, tmp_path: Path) -> None:
    ruined = {**TRUTH, "clip3": np.zeros_like(TRUTH["clip3"]) + 1e-3}
    write(tmp_path / "a", ruined)
    one = options(folder, systems={"a": tmp_path / "a"}, cache=tmp_path / "cache", allowed=frozenset({"silent"}))
    result = evaluate_folders(one)
    assert result.worst[0].clip == "clip3" and result.worst[0].rank > result.worst[-1].rank
    assert result.comparisons == ()  # there is nothing to compare a single system with


def test_a_run_that_was_killed_ends_with_the_same_bytes(
    folder: Path, tmp_path: Path, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate_folders(options(folder, cache=tmp_path / "whole"))
    heard = sum(judge.heard)

    class Killed(BaseException):
        """Stands for a process that ends without cleaning up."""

    asked = options(folder, cache=tmp_path / "killed")
    original = FakeJudge.judge_audio
    with monkeypatch.context() as patch:

        def die(self: FakeJudge, sounds: list, *, seeds: list) -> list:  # type: ignore[type-arg]
            if sum(judge.heard) > heard + 20:
                raise Killed
            return original(self, sounds, seeds=seeds)

        patch.setattr(FakeJudge, "judge_audio", die)
        with pytest.raises(Killed):
            evaluate_folders(asked)
    before = sum(judge.heard) - heard
    again = evaluate_folders(asked)
    assert before > 0 and sum(judge.heard) == 2 * heard  # what was judged before the kill is not judged again
    for found, out in ((whole, tmp_path / "x"), (again, tmp_path / "y")):
        write_evaluation(found, out)
    for path in (tmp_path / "x").iterdir():
        assert path.read_bytes() == (tmp_path / "y" / path.name).read_bytes(), path.name


def test_a_second_run_decodes_and_judges_nothing(
    folder: Path, tmp_path: Path, judge: FakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate_folders(options(folder, cache=tmp_path))
    judge.heard.clear()
    monkeypatch.setattr("tasks.evaluate.sounds.decode_audio", lambda path: pytest.fail(f"decoded {path}"))
    monkeypatch.setattr(clips_module.baselines, "white_noise", lambda *given: pytest.fail("made noise"))
    evaluate_folders(options(folder, cache=tmp_path))
    assert judge.heard == []


def test_a_judges_file_that_is_not_there_is_said_before_anything_is_scored(folder: Path, tmp_path: Path) -> None:
    asked = options(folder, cache=tmp_path / "cache", judges=(f"{OURS}:{tmp_path / 'none.safetensors'}",))
    with pytest.raises(UsageError, match=r"judge corpus-cnn: .*none\.safetensors does not exist"):
        evaluate_folders(asked)
    assert not asked.cache.exists()


def test_a_judges_own_file_that_cannot_be_loaded_is_no_empty_column(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, device: object) -> None:
        raise WeightsError(f"weights {path} cannot be read")

    monkeypatch.setattr("model.judges.JUDGES", {OURS: refuse})
    (tmp_path / "w.pt").write_bytes(b"no weights")
    asked = options(folder, cache=tmp_path / "cache", judges=(f"{OURS}:{tmp_path / 'w.pt'}",))
    with pytest.raises(UsageError, match=r"--judges corpus-cnn:.*w\.pt: weights .*w\.pt cannot be read"):
        evaluate_folders(asked)


def test_the_files_hold_what_was_found(found: Evaluation, tmp_path: Path) -> None:
    paths = {path.name: path for path in write_evaluation(found, tmp_path)}
    assert set(paths) == {"scores.json", "clips.parquet", "table.tex", "index.html", "problems.csv"}
    written = json.loads(paths["scores.json"].read_text())
    assert written["n_clips"] == 5 and written["systems"] == ["a", "b"]
    assert written["scores"] == [score.to_dict() for score in found.scores]
    assert {judge["name"]: judge["weights_sha256"] for judge in written["judges"]}[OURS] == "a" * 64
    assert all(judge["why_not"] for judge in written["judges"] if judge["name"] != OURS)
    assert read_table(paths["clips.parquet"], ClipScore) == list(found.clip_scores)


SEEDS = ("b, seed 1", "b, seed 2")


@pytest.fixture(scope="module")
def seeded(folder: Path) -> Evaluation:
    """System b with two generation seeds, and system c with two as well."""
    write(folder / "b2", noisy(TRUTH, 0.2))
    write(folder / "c", {name: samples[::-1].copy() for name, samples in TRUTH.items()})
    named = {SEEDS[0]: folder / "b", SEEDS[1]: folder / "b2", "a": folder / "a"}
    named |= {"c, seed 1": folder / "b", "c, seed 2": folder / "c"}
    seeds = {"b": SEEDS, "c": ("c, seed 1", "c, seed 2")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.judges.JUDGES", {OURS: lambda path, device: FakeJudge()})
        patch.setattr(judging, "JUDGES", {OURS: None})
        return evaluate_folders(options(folder, systems=named, seeds=seeds, events=folder / "events.csv"))


def test_a_system_of_several_seeds_has_one_row_with_their_mean_and_spread(seeded: Evaluation) -> None:
    assert seeded.systems == ("b", "a", "c") and seeded.seeds["b"] == SEEDS
    cells = table(seeded)
    assert not {system for _, system in cells} & {*SEEDS}
    assert (cells["OnsetSyncAP", "a"].n_seeds, cells["OnsetSyncAP", "a"].seed_sd) == (1, None)
    for metric in ("OnsetSyncAP", "EventF1@50ms", f"KL-{OURS}", f"likeness-{OURS}"):
        each = [
            np.mean([row.value for row in seeded.clip_scores if (row.metric, row.system) == (metric, seed)])
            for seed in SEEDS
        ]
        score = cells[metric, "b"]
        assert (score.n, score.n_seeds) == (5, 2)
        assert score.value == pytest.approx(np.mean(each))
        assert score.seed_sd == pytest.approx(np.std(each, ddof=1), abs=1e-12)
        assert score.ci_low is not None and score.ci_high is not None
        assert score.ci_low - 1e-9 <= score.value <= score.ci_high + 1e-9


def test_set_metrics_are_the_mean_of_the_seeds_own(folder: Path, found: Evaluation, seeded: Evaluation) -> None:
    other = evaluate_folders(options(folder, systems={"b2": folder / "b2"}, only=frozenset({f"FD-{OURS}"})))
    each = [value(found, f"FD-{OURS}", "b"), value(other, f"FD-{OURS}", "b2")]
    score = table(seeded)[f"FD-{OURS}", "b"]
    assert score.value == pytest.approx(np.mean(each)) and score.seed_sd == pytest.approx(np.std(each, ddof=1))
    assert (score.n, score.n_reference, score.ci_low) == (5, 5, None)


def test_systems_with_seeds_are_compared_by_the_mean_of_each_clip(seeded: Evaluation) -> None:
    pairs = {(one.first, one.second) for one in seeded.comparisons}
    assert pairs == {("b", "a"), ("b", "c"), ("a", "c")}
    (one,) = [c for c in seeded.comparisons if (c.metric, c.first, c.second) == (f"KL-{OURS}", "b", "a")]
    assert one.difference == pytest.approx(value(seeded, f"KL-{OURS}", "b") - value(seeded, f"KL-{OURS}", "a"))
    assert one.n == 5
    tested = {(c.first, c.second) for c in seeded.comparisons if c.metric == f"FD-{OURS}"}
    assert tested == {("b", "c")}, "a distance is tested between equal numbers of seeds"
    (distance,) = [c for c in seeded.comparisons if c.metric == f"FD-{OURS}"]
    assert distance.n == 5
    assert distance.difference == pytest.approx(value(seeded, f"FD-{OURS}", "b") - value(seeded, f"FD-{OURS}", "c"))


def test_seeds_with_unequal_clips_are_an_error_or_scored_on_what_all_have(folder: Path) -> None:
    write(folder / "b3", {name: samples for name, samples in TRUTH.items() if name != "clip3"})
    named, seeds = {SEEDS[0]: folder / "b", SEEDS[1]: folder / "b3"}, {"b": SEEDS}
    with pytest.raises(InputProblemsError, match="1 missing in b, seed 2"):
        evaluate_folders(options(folder, systems=named, seeds=seeds))
    allowed = evaluate_folders(options(folder, systems=named, seeds=seeds, allowed=frozenset({"missing"})))
    assert allowed.left_out == ("clip3",)
    assert {score.n for score in allowed.scores if score.metric in ("OnsetSyncAP", f"FD-{OURS}")} == {4}


def test_the_spread_is_shown_in_every_form(seeded: Evaluation, tmp_path: Path) -> None:
    score = table(seeded)[f"KL-{OURS}", "b"]
    assert score.value is not None
    mean, spread = number(score.value), number(score.seed_sd)
    said = text(seeded)
    assert said.splitlines()[0].endswith("; of several seeds the mean ± the standard deviation over them")
    assert "b (2 seeds)" in said and f"{mean} ± {spread}" in said
    page = render(seeded)
    assert f"± {spread} over 2 seeds" in page and "b (2 generation seeds)" in page
    assert "b, seed 1" in page, "the worst clips are played from the first seed"
    latex = latex_table(seeded)
    assert rf"${mean} \pm {spread}$" in latex and "b (2 seeds)" in latex
    assert "\n% of several seeds the mean" in latex
    write_evaluation(seeded, tmp_path)
    data = json.loads((tmp_path / "scores.json").read_text())
    assert data["seeds"] == {"b": list(SEEDS), "c": ["c, seed 1", "c, seed 2"]}
    (row,) = [one for one in data["scores"] if (one["metric"], one["system"]) == (f"KL-{OURS}", "b")]
    assert (row["n_seeds"], row["seed_sd"]) == (2, score.seed_sd)
    rows = read_table(tmp_path / "clips.parquet", ClipScore)
    assert {row.system for row in rows} >= {*SEEDS, "a"}
