"""The record of a workspace's checkpoint: which training it is from, or one line where it cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.engine.workspace import Workspace, write_json
from tasks.train.continuation import LATEST
from tasks.train.places import RECORD, finished_key, kept_trainings, known_key, record_path, trainings_folder


def test_the_training_of_the_checkpoint_is_known_by_its_record(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    assert known_key(space) is None
    with pytest.raises(UsageError, match="has no finished training; `foleygenex run train CONFIG"):
        finished_key(space)
    write_json(record_path(space), {"key": "ab12", "checkpoint_sha256": "0"})
    assert known_key(space) == finished_key(space) == "ab12"


@pytest.mark.parametrize("content", ["{}", "[]", "3", "{", '{"key": "ab12"}'])
def test_a_damaged_record_is_one_line_with_what_to_do(tmp_path: Path, content: str) -> None:
    path = record_path(Workspace(tmp_path))
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(UsageError, match=r"train\.json is .*; remove it and run its stage again"):
        known_key(Workspace(tmp_path))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"folders": "ab"}'])
def test_a_damaged_order_of_trainings_is_one_line_with_how_to_mend_it(tmp_path: Path, content: str) -> None:
    trainings = trainings_folder(Workspace(tmp_path))
    (trainings / "b").mkdir(parents=True)
    (trainings / "b" / RECORD).write_text("{}")
    (trainings / LATEST).write_text(content)
    with pytest.raises(UsageError, match=r'latest\.json is .*; write \{"folders": \[\.\.\.\]\} with the names'):
        kept_trainings(Workspace(tmp_path))
    (trainings / LATEST).write_text('{"folders": ["b"]}')
    assert kept_trainings(Workspace(tmp_path)) == {"b"}
