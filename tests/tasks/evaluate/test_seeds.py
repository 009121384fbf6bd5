"""Values over several generation seeds: laws of the mean and its spread, and a run that generates with two seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from data_contracts import ClipScore, Generated, Score, UsageError, read_table
from model.generate import Request
from tasks.engine import run_stage
from tasks.engine.settings import settings_from
from tasks.engine.workspace import Workspace
from tasks.evaluate import asked_judges, batch_generator, judging
from tasks.evaluate.cells import NO_BOUNDS, Cell, clip_cell
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.generate_stage import GenerateStage
from tasks.evaluate.intervals import mean_interval
from tasks.evaluate.judge_stage import JudgeStage
from tasks.evaluate.judged import FeatureSet
from tasks.evaluate.metrics.catalogue import METRICS, MODEL, Metric
from tasks.evaluate.plan import first_cases, plan_cases
from tasks.evaluate.score_stage import ScoreStage
from tasks.evaluate.seeds import clip_cell_over_seeds, of_same_clips, over_seeds
from tasks.evaluate.stage import EvaluateStage
from tasks.evaluate.tables import aggregate, case_seeds
from tests.tasks.evaluate.fake_judges import FakeJudge
from tests.tasks.evaluate.oracle import CLIP_S, CONFIG, Oracle, copy_of, manifest
from tests.tasks.evaluate.sounds import noise
from tests.tasks.rows import clip_score_row

MEAN, MEDIAN = Metric("m", True), Metric("m", None, is_median=True)
SHARE = Metric("m", True, is_share=True)
ONE_SEED = CONFIG.model_copy(update={"clips": 2, "adverb_pairs": 1, "judges": ("corpus-cnn",)})
SEEDED = ONE_SEED.model_copy(update={"seeds": (ONE_SEED.seed, 11)})
MORE = SEEDED.model_copy(update={"seeds": (*SEEDED.seeds, 12)})


def values(seed: int, clips: int = 12) -> dict[int, float]:
    return dict(enumerate(np.random.default_rng(seed).normal(1.0, 0.3, clips).tolist()))


def groups(clips: int = 12, size: int = 1) -> dict[int, int]:
    return {clip: clip // size for clip in range(clips)}


def test_one_seed_is_the_cell_as_it_is() -> None:
    of_one = values(1)
    found = clip_cell_over_seeds(MEAN, [of_one], groups(), 5)
    assert found == clip_cell(MEAN, list(of_one.values()), list(groups().values()), 5)
    assert found is not None and (found.n_seeds, found.seed_sd) == (1, None)


@pytest.mark.parametrize("metric", [MEAN, MEDIAN])
def test_the_value_is_the_mean_of_the_seeds_values_and_the_spread_their_deviation(metric: Metric) -> None:
    seeds = [values(seed) for seed in range(3)]
    found = clip_cell_over_seeds(metric, seeds, groups(size=2), 5)
    each = [(statistics.median if metric.is_median else statistics.fmean)(one.values()) for one in seeds]
    assert found is not None and (found.n, found.n_groups, found.n_seeds) == (12, 6, 3)
    assert found.value == pytest.approx(statistics.fmean(each))
    assert found.seed_sd == pytest.approx(statistics.stdev(each))


def test_seeds_of_a_clip_do_not_count_as_clips() -> None:
    """The same audio five times over says no more of other clips than once."""
    one = values(3)
    found = clip_cell_over_seeds(MEAN, [one] * 5, groups(), 5)
    assert found is not None and found.seed_sd == 0 and found.n == 12
    assert found.bounds == pytest.approx(mean_interval(list(one.values()), list(range(12)), 5))
    share = clip_cell_over_seeds(SHARE, [{clip: float(clip < 6) for clip in range(12)}] * 2, groups(), 5)
    assert share is not None and share.value == 0.5 and share.bounds[0] is not None and share.bounds[0] < 0.35


def test_only_clips_that_every_seed_has_count() -> None:
    first, second = values(1), values(2)
    del first[0], second[5]
    found = clip_cell_over_seeds(MEAN, [first, second], groups(), 5)
    kept = [clip for clip in range(12) if clip not in (0, 5)]
    assert found is not None and found.n == 10
    assert found.value == pytest.approx(statistics.fmean([first[clip] + second[clip] for clip in kept]) / 2)
    assert clip_cell_over_seeds(MEAN, [{0: 1.0}, {1: 1.0}], groups(), 5) is None
    assert clip_cell_over_seeds(MEAN, [], groups(), 5) is None


def test_a_set_metric_has_the_spread_and_no_interval_and_an_empty_seed_empties_it() -> None:
    cells = [Cell(value=value, bounds=(0.0, 9.0), n=8, n_groups=4, n_reference=8) for value in (1.0, 3.0)]
    found = over_seeds(cells)
    assert (found.value, found.bounds, found.n, found.n_reference) == (2.0, NO_BOUNDS, 8, 8)
    assert found.seed_sd == pytest.approx(statistics.stdev([1.0, 3.0]))
    assert over_seeds(cells[:1]) is cells[0]
    assert over_seeds([cells[0], Cell(why_empty="not computed: few")]).why_empty == "not computed: few"


def test_distances_are_of_the_clips_that_every_seed_has() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    whole = FeatureSet(rows=rows, owners=(0, 0, 1, 1, 2, 2))
    part = FeatureSet(rows=rows[:4], owners=(0, 0, 2, 2))
    first, second = of_same_clips([whole, part])
    assert first.owners == second.owners == (0, 0, 2, 2)
    assert of_same_clips([whole]) == [whole]


def test_a_score_table_of_seeds_equals_a_plain_loop() -> None:
    rows: list[ClipScore] = []
    seeds: dict[str, tuple[str, int]] = {}
    rng = np.random.default_rng(4)
    for number in range(3):
        for clip in range(6):
            if (number, clip) != (1, 2):
                name = f"vta-{clip}" + (f"-seed-{number}" if number else "")
                rows.append(clip_score_row(name, float(rng.uniform()), "vta", system=MODEL, checkpoint="trained"))
                seeds[name] = (f"vta-{clip}", number)
    rows += [clip_score_row(f"vta-{clip}", 0.1, "vta", system="silence") for clip in range(6)]
    model, silence = aggregate(rows, {name: first for name, (first, _) in seeds.items()}, seeds=seeds)
    by_case = {row.parent_id: row.value for row in rows if row.system == MODEL}
    each = [
        statistics.fmean(by_case[name] for name, (first, one) in seeds.items() if one == number and first != "vta-2")
        for number in range(3)
    ]
    assert model.value == pytest.approx(statistics.fmean(each)) and model.seed_sd == pytest.approx(
        statistics.stdev(each)
    )
    assert (model.n, model.n_groups, model.n_seeds) == (5, 5, 3)
    assert (silence.n, silence.n_seeds, silence.seed_sd) == (6, 1, None)


def test_seeds_without_a_common_clip_leave_a_reason() -> None:
    rows = [clip_score_row(name, 1.0, "vta", system=MODEL) for name in ("a", "b")]
    (found,) = aggregate(rows, {"a": "g", "b": "g"}, seeds={"a": ("a", 0), "b": ("c", 1)})
    assert found.value is None and found.why_empty == "not computed: no clip has a value of every seed"


def test_a_seed_is_named_once() -> None:
    with pytest.raises(UsageError, match="a seed is named twice"):
        settings_from(EvaluateConfig, {"seeds": [1, 1]}, [], "test")
    assert EvaluateConfig(seed=3).noise_seeds == (3,) and EvaluateConfig(seed=3, seeds=(5, 6)).noise_seeds == (5, 6)


def test_a_plan_with_seeds_repeats_every_case_with_other_noise_and_changes_none(prepared: Workspace) -> None:
    rows = manifest(prepared)
    plain, seeded = plan_cases(rows, ONE_SEED, CLIP_S), plan_cases(rows, SEEDED, CLIP_S)
    assert seeded[: len(plain)] == plain and len(seeded) == 2 * len(plain)
    assert len({case.item_id for case in seeded}) == len(seeded)
    for first, again in zip(plain, seeded[len(plain) :], strict=True):
        assert (again.repeats, again.seed_number) == (first.item_id, 1)
        assert again.seed != first.seed
        assert (again.parent_id, again.prompt, again.shuffled_id) == (first.parent_id, first.prompt, first.shuffled_id)
    assert "repeats" not in plain[0].to_dict(), "what earlier releases generated stays finished"
    few = first_cases(seeded, 1)
    assert len(few) == 2 * len(first_cases(plain, 1))


class Unsteady(Oracle):
    """The perfect model, with noise that depends on the seed."""

    def generate(self, requests: Sequence[Request], *, steps: int, cfg_scale: float) -> Tensor:
        rows = {row.item_id: row for row in manifest(self.workspace)}
        cases = plan_cases(list(rows.values()), MORE, CLIP_S)
        made = []
        for request in requests:
            latent = self._latent(request, rows, cases)
            level = noise(latent.numel() / 16_000, 0.02, seed=request.seed % 2**32)
            made.append(latent + torch.from_numpy(level.astype(np.float32)).reshape(latent.shape))
        return torch.stack(made)


@pytest.fixture
def run_with_seeds(
    prepared: Workspace, oracle: list[Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Workspace, list[Score]]:
    """A workspace in which everything is generated with two seeds, judged and scored; and its score table."""
    assert oracle == []

    class Loader:
        @staticmethod
        def load(path, device):  # type: ignore[no-untyped-def]
            return Unsteady.of(Workspace(path.parent.parent), [])

    monkeypatch.setattr(batch_generator, "Generator", Loader)
    monkeypatch.setattr("model.judges.JUDGES", {"corpus-cnn": lambda path, device: FakeJudge()})
    monkeypatch.setattr(judging, "JUDGES", {"corpus-cnn": None})
    asked_judges.loaded.cache_clear()
    workspace = copy_of(prepared, tmp_path / "seeds")
    for stage in (GenerateStage(SEEDED), JudgeStage(SEEDED), ScoreStage(SEEDED)):
        assert run_stage(stage, workspace).quarantined == 0
    return workspace, EvaluateStage(config=SEEDED).make(workspace)


def test_a_run_with_seeds_scores_each_clip_once_with_the_spread_over_the_seeds(
    run_with_seeds: tuple[Workspace, list[Score]],
) -> None:
    workspace, scores = run_with_seeds
    generated = read_table(workspace.table("generate", Generated.TABLE), Generated)
    audio = {row.case_id: row.audio_sha256 for row in generated}
    again = [row for row in generated if row.repeats is not None]
    assert len(again) * 2 == len(generated) and {row.seed_number for row in again} == {1}
    assert all(audio[row.case_id] != audio[str(row.repeats)] for row in again)
    clips = read_table(workspace.table("score", ClipScore.TABLE), ClipScore)
    assert not {row.parent_id for row in clips if row.system != MODEL} & {row.case_id for row in again}

    found = {(s.task, s.metric, s.system): s for s in scores if s.value is not None}
    model, silence = (found["vta", "EventF1@100ms", name] for name in (MODEL, "silence"))
    assert (model.n, model.n_seeds, silence.n, silence.n_seeds) == (2, 2, 2, 1)
    seeds = case_seeds(generated)
    for score in (s for s in scores if s.system == MODEL and s.metric in METRICS and s.value is not None):
        assert score.n_seeds == 2
        if METRICS[score.metric].is_median or score.n < 2:
            continue
        rows = [r for r in clips if (r.task, r.metric, r.system) == (score.task, score.metric, MODEL)]
        each = [statistics.fmean(r.value for r in rows if seeds[r.parent_id][1] == number) for number in (0, 1)]
        assert score.value == pytest.approx(statistics.fmean(each))
        assert score.seed_sd == pytest.approx(statistics.stdev(each), abs=1e-12)
    likeness = found["vta", "likeness-corpus-cnn", MODEL]
    assert likeness.n_seeds == 2 and likeness.seed_sd is not None
    kad = found.get(("vta", "KAD-corpus-cnn", MODEL))
    assert kad is not None and (kad.n, kad.n_seeds, kad.ci_low) == (2, 2, None)

    plain = {item.item_id: item.payload for item in GenerateStage(ONE_SEED).items(workspace)}
    seeded = {item.item_id: item.payload for item in GenerateStage(SEEDED).items(workspace)}
    assert plain.items() <= seeded.items()
    assert run_stage(GenerateStage(MORE), workspace).new == len(plain), "a further seed makes no finished audio again"
