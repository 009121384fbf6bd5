"""Compared configurations are judged by the same judges on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from model.variants import VARIANTS
from tasks.commands.ablations import steps
from tasks.commands.ablations.steps import JUDGE, compared_judges, generate_and_score
from tasks.commands.ablations.view import VariantWorkspace, variant_workspace
from tasks.config import PipelineConfig
from tasks.engine import Stage, StageSummary
from tasks.engine.workspace import Workspace
from tasks.evaluate import judging
from tasks.evaluate.columns import COLUMN_OF, LIKENESS


@pytest.mark.parametrize(
    ("asked", "judges"),
    [
        (("auto",), (JUDGE,)),
        ((), (JUDGE,)),
        (("none",), (JUDGE,)),
        (("embedded",), (JUDGE,)),
        (("auto,mn04",), (JUDGE, "mn04")),
        (("resemblyzer", "corpus_cnn"), ("corpus_cnn", "resemblyzer")),
        (("corpus-cnn:/my/file", "laion-clap"), ("corpus-cnn:/my/file", "laion-clap")),
    ],
)
def test_judges_are_named_ones_and_the_one_of_the_package(asked: tuple[str, ...], judges: tuple[str, ...]) -> None:
    assert compared_judges(asked) == judges


def test_what_is_on_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "available", lambda name: True)
    assert set(judging.judges_here(["auto"]).asked) > {JUDGE} and compared_judges(["auto"]) == (JUDGE,)


def test_an_unknown_judge_is_an_error() -> None:
    with pytest.raises(UsageError, match="judge 'ears' is unknown"):
        compared_judges(["auto", "ears"])


def test_the_likeness_is_first_by_the_packages_judge() -> None:
    assert COLUMN_OF[LIKENESS[0]].judge == JUDGE and len(LIKENESS) == len(set(LIKENESS))


def test_all_stages_of_a_configuration_have_the_same_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Stage] = []

    def run(stage: Stage, view: VariantWorkspace, *, shard_size: int) -> StageSummary:
        assert view.root.name == "no-sum" and shard_size > 100
        ran.append(stage)
        return StageSummary(stage=stage.name, done=3, new=2, rows=5, quarantined=0, reasons={}, note="")

    monkeypatch.setattr(steps, "run_stage", run)
    config = PipelineConfig.model_validate({"evaluate": {"judges": ["auto"], "checkpoints": ["builtin"]}})
    view = variant_workspace(Workspace(tmp_path), "no-sum", "full")
    assert generate_and_score(config, VARIANTS["no-sum"], view, ["ac-vta"]) == 2
    assert [stage.name for stage in ran] == ["generate", "judge", "score"]
    assert {stage.config.judges for stage in ran} == {(JUDGE,)}
    assert {stage.config.checkpoints for stage in ran} == {("trained",)}
