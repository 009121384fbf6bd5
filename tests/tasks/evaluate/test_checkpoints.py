"""The checkpoints that are scored side by side: their names, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import ContractError, UsageError, WeightsError
from model import checkpoint
from tasks.engine.workspace import Workspace
from tasks.evaluate.checkpoints import checkpoint_paths, generated_name


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "w")
    (found.stage("train") / "checkpoint.safetensors").write_bytes(b"own")
    return found


def test_the_runs_own_comes_by_name_and_others_by_file(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "my best.safetensors"
    other.write_bytes(b"other")
    own = workspace.path("train", "checkpoint.safetensors")
    assert checkpoint_paths(["trained"], workspace) == {"trained": own}
    found = checkpoint_paths([str(other), "trained"], workspace)
    assert list(found.values()) == [other, own] and "/" not in next(iter(found)) and " " not in next(iter(found))


def test_the_built_in_one_comes_by_name(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "builtin.safetensors"
    monkeypatch.setattr(checkpoint, "BUILTIN_FILE", shipped)
    with pytest.raises(WeightsError, match="this installation has no built-in checkpoint"):
        checkpoint_paths(["builtin"], workspace)
    shipped.write_bytes(b"shipped")
    assert checkpoint_paths(["trained", "builtin"], workspace)["builtin"] == shipped


def test_before_the_training_is_finished_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"checkpoint\.safetensors is missing; run the train stage"):
        checkpoint_paths(["trained"], Workspace(tmp_path))


def test_a_file_that_is_not_there_is_named(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"evaluate\.checkpoints: gone\.safetensors is no file"):
        checkpoint_paths(["gone.safetensors"], workspace)


def test_two_of_one_name_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "a.safetensors" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(b"x")
    with pytest.raises(UsageError, match="two are called 'a'"):
        checkpoint_paths([str(path) for path in paths], workspace)


def test_what_the_runs_own_training_makes_has_the_cases_name() -> None:
    assert generated_name("vta-a", "trained") == "vta-a"
    assert generated_name("vta-a", "builtin") == "builtin-vta-a"
