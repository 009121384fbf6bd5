"""The work goes seed by seed; a part is a result, an interrupted run continues, a rerun does nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from data_contracts import (
    ClaimResult,
    ClipScore,
    Generated,
    Judgement,
    ManifestRow,
    TrainingError,
    UsageError,
    read_table,
    write_table,
)
from model.variants import Variant
from tasks.commands.ablations.view import VariantWorkspace
from tasks.commands.claims import job
from tasks.commands.claims.catalogue import claims_between
from tasks.commands.claims.job import run_claims
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.train.config import TrainConfig
from tests.tasks.rows import clip_score_row, generated_row, judgement_row, manifest_row

VARIANTS = ("full", "no-sum", "m-3", "no-aa")
CONFIG = PipelineConfig.model_validate({"claims": {"seeds": [3, 8], "variants": VARIANTS}, "train": {"steps": 9}})
METRICS = {
    task: {metric for claim in claims_between(VARIANTS) if claim.task == task for metric in claim.metrics}
    for task in ("ac-vta", "fe", "tta")
}
CLIPS = 6


def quiet(done: int, total: int, note: str) -> None: ...


def train_seed(view: VariantWorkspace) -> int:
    return int((view.path("train") / "made").read_text().split()[0])


class Work:
    """In place of training, generating and scoring: remembers what it was asked for, and writes made-up tables."""

    def __init__(self) -> None:
        self.trained: list[tuple[int, str]] = []
        self.fails_at = -1

    def train(self, train: TrainConfig, one: Variant, view: VariantWorkspace, on_note: Callable[[str], None]) -> int:
        if len(self.trained) == self.fails_at:
            raise TrainingError("killed here")
        self.trained.append((train.seed, one.name))
        (view.stage("train") / "made").write_text(f"{train.seed} {one.weights}")
        on_note(f"{one.name}: step 9 of 9")
        return train.steps

    def score(self, config: PipelineConfig, one: Variant, view: VariantWorkspace, tasks: Sequence[str]) -> int:
        path = view.table("score", ClipScore.TABLE)
        if path.exists():
            return 0
        value = {"full": 0.9}.get(one.name, 0.5)
        clips = [(f"{task}-{number}", task) for task in tasks for number in range(CLIPS)]
        noise = np.random.default_rng([train_seed(view), len(one.name)])
        rows = [
            clip_score_row(clip, value + noise.normal() / 50, task, metric)
            for clip, task in clips
            for metric in sorted(METRICS[task])
        ]
        made = [generated_row(clip, parent_id=f"row-{clip[-1]}", task=task) for clip, task in clips]
        heard = [judgement_row(row.case_id) for row in made]
        for stage, kind, table in (
            ("score", ClipScore, rows), ("generate", Generated, made), ("judge", Judgement, heard)
        ):  # fmt: skip
            view.stage(stage)
            write_table(view.table(stage, kind.TABLE), kind, table)
        return len(clips)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work()
    monkeypatch.setattr(job, "train_variant", made.train)
    monkeypatch.setattr(job, "generate_and_score", made.score)
    return made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.stage("manifest")
    rows = [manifest_row(f"row-{number}", group_id=f"object-{number}") for number in range(CLIPS)]
    write_table(made.table("manifest", "manifest"), ManifestRow, rows)
    return made


def test_configurations_that_no_claim_compares_are_refused(tmp_path: Path) -> None:
    config = PipelineConfig.model_validate({"claims": {"variants": ["no-sum", "m-1"]}})
    with pytest.raises(UsageError, match=r"claims\.variants no-sum, m-1: no claim compares two of these"):
        run_claims(config, Workspace(tmp_path), quiet)


def test_the_work_goes_seed_by_seed_each_training_in_a_folder_of_its_own(workspace: Workspace, work: Work) -> None:
    notes: list[tuple[int, int, str]] = []
    text = run_claims(CONFIG, workspace, lambda *note: notes.append(note))
    assert work.trained == [(seed, name) for seed in (3, 8) for name in VARIANTS]
    made = workspace.root.rglob("made")
    assert {path.parent.relative_to(workspace.root).as_posix(): path.read_text() for path in made} == {
        f"claims/seed-{seed}/weights/{name}/train": f"{seed} {name}"
        for seed in (3, 8)
        for name in ("full", "m-3", "no-aa")
    }
    assert not workspace.path("train").exists()  # the run's own training is not touched
    assert (0, 8, "seed 3, full") in notes and (5, 8, "seed 8, no-sum: step 9 of 9") in notes
    assert notes[-1] == (8, 8, "")
    rows = read_table(workspace.path("claims", "claims.parquet"), ClaimResult)
    assert {row.seeds for row in rows} == {(3, 8)} and {row.steps for row in rows} == {9}
    assert {row.claim for row in rows} == {claim.name for claim in claims_between(VARIANTS)}
    assert {row.verdict for row in rows if row.decides} == {"shown"}
    assert workspace.path("claims", "claims.md").read_text("utf-8") == text and "3 (4 of 4), 8 (4 of 4)" in text
    assert f"corpus-cnn ({judgement_row('a').weights_sha256[:12]})" in text


def test_a_configuration_generates_only_what_a_claim_compares(workspace: Workspace, work: Work) -> None:
    run_claims(CONFIG, workspace, quiet)
    paths = {name: workspace.path(f"claims/seed-3/{name}/generate/generated.parquet") for name in VARIANTS}
    tasks = {name: {row.task for row in read_table(path, Generated)} for name, path in paths.items()}
    assert tasks == {"full": {"ac-vta", "fe", "tta"}, "no-sum": {"ac-vta"}, "m-3": {"ac-vta", "fe"}, "no-aa": {"tta"}}


def test_an_interrupted_run_leaves_a_result_and_continues(workspace: Workspace, work: Work) -> None:
    work.fails_at = 5
    with pytest.raises(TrainingError, match="killed here"):
        run_claims(CONFIG, workspace, quiet)
    page = workspace.path("claims", "claims.md")
    part = page.read_text("utf-8")
    assert "3 (4 of 4), 8 (1 of 4)" in part and "**shown**" not in part
    work.fails_at = 7
    with pytest.raises(TrainingError):
        run_claims(CONFIG, workspace, quiet)  # dies before it has done anything new
    assert page.read_text("utf-8") == part
    work.fails_at = -1
    text = run_claims(CONFIG, workspace, quiet)
    assert "8 (4 of 4)" in text and "**shown**" in text
    before = page.stat().st_mtime_ns
    assert run_claims(CONFIG, workspace, quiet) == text and page.stat().st_mtime_ns >= before


def test_a_further_seed_adds_to_what_is_there(workspace: Workspace, work: Work) -> None:
    run_claims(CONFIG, workspace, quiet)
    more = CONFIG.model_copy(update={"claims": CONFIG.claims.model_copy(update={"seeds": (3, 8, 11)})})
    kept = workspace.path("claims/seed-3/full/score/clip_scores.parquet").stat().st_mtime_ns
    run_claims(more, workspace, quiet)
    assert workspace.path("claims/seed-3/full/score/clip_scores.parquet").stat().st_mtime_ns == kept
    rows = read_table(workspace.path("claims", "claims.parquet"), ClaimResult)
    assert {row.seeds for row in rows} == {(3, 8, 11)}
