"""A variant's workspace: its own folder for what it makes, the run's for all it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.commands.ablations.view import variant_workspace
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS


def test_a_variant_sees_the_runs_data_and_its_own_results(tmp_path: Path) -> None:
    base = Workspace(tmp_path)
    view = variant_workspace(base, "m-1", "m-1")
    assert view.path("precompute", "x") == base.path("precompute", "x")
    assert view.path("generate", "x") == base.path("ablations", "m-1", "generate", "x")
    assert view.path("train", "x") == base.path("ablations", "weights", "m-1", "train", "x")
    assert variant_workspace(base, "no-sum", "full").path("train", "x") == base.path("train", "x")
    for parts in (("generate", "..", "..", "..", "..", "evil"), ("..", "evil"), ("/etc/passwd",)):
        with pytest.raises(UsageError, match="leaves"):
            view.path(*parts)
    for path in ("generate/a.flac", "ingest/a.flac", "train/x"):
        assert view.path(*view.relative(view.path(*path.split("/"))).split("/")) == view.path(*path.split("/"))


@pytest.mark.parametrize("shares_run", [True, False])
def test_no_variant_writes_where_another_or_the_run_does(tmp_path: Path, shares_run: bool) -> None:
    base = Workspace(tmp_path)
    views = {
        name: variant_workspace(base, name, weights, shares_run=shares_run)
        for name, weights in (("full", "full"), ("no-sum", "full"), ("m-1", "m-1"), ("mmaudio-s1", "mmaudio"))
    }
    for stage in ("generate", "judge", "score"):
        folders = {view.path(stage) for view in views.values()}
        assert len(folders) == len(views) and base.path(stage) not in folders
    trainings = {name: view.path("train") for name, view in views.items()}
    assert trainings["full"] == trainings["no-sum"] and len(set(trainings.values())) == 3
    assert (trainings["full"] == base.path("train")) is shares_run


def test_every_other_stage_is_the_runs(tmp_path: Path) -> None:
    base = Workspace(tmp_path)
    view = variant_workspace(base, "m-1", "m-1")
    for step in STEPS:
        own = step.name in ("train", "generate", "judge", "score")
        assert (view.stage(step.name) == base.stage(step.name)) is not own, step.name
    assert view.table("manifest", "manifest") == base.table("manifest", "manifest")


def test_a_path_outside_of_all_its_folders_has_no_relative_form(tmp_path: Path) -> None:
    view = variant_workspace(Workspace(tmp_path / "w"), "m-1", "m-1")
    with pytest.raises(UsageError, match="is neither in"):
        view.relative(tmp_path / "elsewhere" / "a.flac")
