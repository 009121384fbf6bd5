"""The checkpoint says how much of its training data was rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import Clip, write_table
from model.checkpoint import read_info
from tasks.corpus.config import RENDERED
from tasks.engine.workspace import Workspace
from tasks.train.job import run_training
from tasks.train.places import checkpoint_path
from tasks.train.provenance import rendered_share
from tests.tasks.rows import clip_row
from tests.tasks.train.features import SHORT


@pytest.mark.parametrize(
    ("sources", "share"), [([RENDERED] * 3, 1.0), ([RENDERED, "vggsound"], 0.5), (["table"], 0.0), ([], None)]
)
def test_the_share_is_that_of_the_built_in_corpus(tmp_path: Path, sources: list[str], share: float | None) -> None:
    workspace = Workspace(tmp_path / "w")
    assert rendered_share(workspace) is None
    rows = [clip_row(f"clip-{number}", source=source) for number, source in enumerate(sources)]
    workspace.table("ingest", Clip.TABLE).parent.mkdir(parents=True)
    write_table(workspace.table("ingest", Clip.TABLE), Clip, rows)
    assert rendered_share(workspace) == share


def test_a_trained_checkpoint_has_it(workspace: Workspace) -> None:
    workspace.table("ingest", Clip.TABLE).parent.mkdir(parents=True)
    write_table(workspace.table("ingest", Clip.TABLE), Clip, [clip_row("clip-0", source=RENDERED)])
    run_training(SHORT, workspace)
    assert read_info(checkpoint_path(workspace)).training["rendered_share"] == 1.0
