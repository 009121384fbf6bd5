"""The training beside the one before it: found by its record, its scores judged by their intervals."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data_contracts import Generated, Score, write_table
from data_contracts.generation import BUILTIN, TRAINED
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace, write_json
from tasks.evaluate.kept import keep_scores, kept_scores
from tasks.report.page import render
from tasks.report.trainings import ScoreChange, build_change
from tasks.train.continuation import LATEST
from tests.tasks.report.sample_workspace import make_workspace
from tests.tasks.rows import generated_row

SETTINGS = PipelineConfig().model_dump(mode="json")
SCORE = Score(
    item_id="vta/EventF1@100ms/model/trained", task="vta", system="model", checkpoint=TRAINED, metric="EventF1@100ms",
    value=0.5, ci_low=0.4, ci_high=0.6, n=48, n_groups=48, is_baseline=False, backend="own", higher_is_better=True,
)  # fmt: skip


def score(value: float, *, half: float = 0.05, **changed: object) -> Score:
    bounds = {"ci_low": value - half, "ci_high": value + half}
    return dataclasses.replace(SCORE, **{"value": value, **bounds, **changed})  # type: ignore[arg-type]


def record(folder: Path, key: str, *, sha256: str, steps: int, val_loss: float | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = {"key": key, "checkpoint_sha256": sha256, "steps": steps, "loss": 1.25, "val_loss": val_loss}
    write_json(folder / "train.json", found)


def keep(space: Workspace, sha256: str, *scores: Score) -> None:
    kept_scores(space, sha256).parent.mkdir(parents=True, exist_ok=True)
    write_table(kept_scores(space, sha256), Score, scores)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """Three trainings, the newest with checkpoint `c...`; that of `b...` has not been scored."""
    found = Workspace(tmp_path)
    record(tmp_path / "train", "key3", sha256="c" * 64, steps=3000, val_loss=0.9)
    for number, sha in ((1, "a"), (2, "b")):
        record(tmp_path / "train" / "last" / f"key{number}", f"key{number}", sha256=sha * 64, steps=1000 * number)
    write_json(tmp_path / "train" / "last" / LATEST, {"folders": ["key1", "key2", "key3"]})
    return found


def changes(space: Workspace, before: Score, now: Score) -> list[ScoreChange]:
    keep(space, "b" * 64, before)
    found = build_change(space, [now])
    assert found is not None and found.note == ""
    return found.scores


def test_a_first_training_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert build_change(Workspace(tmp_path), [SCORE]) is None
    record(tmp_path / "train", "key1", sha256="a" * 64, steps=1000)
    write_json(tmp_path / "train" / "last" / LATEST, {"folders": ["key1"]})
    assert build_change(Workspace(tmp_path), [SCORE]) is None


def test_the_newest_earlier_training_with_scores_is_the_one_before(space: Workspace) -> None:
    without = build_change(space, [SCORE])
    assert without is not None and without.note.startswith("The training before was not evaluated")
    assert without.facts == [("steps", "2,000", "3,000"), ("loss", "1.25", "1.25"), ("validation loss", "none", "0.9")]
    keep(space, "a" * 64, SCORE)
    scored = build_change(space, [SCORE])
    assert scored is not None and scored.facts[0] == ("steps", "1,000", "3,000") and len(scored.scores) == 1


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (score(0.5), score(0.7), "better"),
        (score(0.7), score(0.5), "worse"),
        (score(0.5), score(0.58), "within the intervals"),
        (score(3.0, higher_is_better=False), score(2.0, higher_is_better=False), "better"),
        (score(2.0, higher_is_better=False), score(3.0, higher_is_better=False), "worse"),
        (score(0.5, higher_is_better=None), score(0.9, higher_is_better=None), ""),
        (score(0.5, ci_low=None), score(0.9), ""),
    ],
)
def test_a_change_counts_where_the_intervals_do_not_overlap(
    before: Score, now: Score, verdict: str, space: Workspace
) -> None:
    (change,) = changes(space, before, now)
    assert change.verdict == verdict
    assert (change.before, change.now) == (f"{before.value:g}", f"{now.value:g}")


def test_only_scores_that_both_have_of_the_own_checkpoint_are_compared(space: Workspace) -> None:
    other = score(0.9, checkpoint=BUILTIN, item_id="vta/EventF1@100ms/model/builtin")
    keep(space, "b" * 64, SCORE, other)
    found = build_change(space, [score(0.9, n=60), other, score(0.1, item_id="new")])
    assert found is not None and [(one.n, one.now) for one in found.scores] == [("48 → 60", "0.9")]
    assert (found.count("better"), found.count("worse")) == (1, 0)


def test_scores_of_another_release_are_not_compared(space: Workspace) -> None:
    kept_scores(space, "b" * 64).parent.mkdir(parents=True)
    kept_scores(space, "b" * 64).write_bytes(b"no table")
    found = build_change(space, [SCORE])
    assert found is not None and "of another release" in found.note and found.scores == []


def test_the_table_is_kept_by_the_checkpoint_that_it_is_of(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    write_table(space.table("evaluate", "scores"), Score, [SCORE])

    def made_by(checkpoint: str, sha256: str) -> Generated:
        return generated_row("x", checkpoint=checkpoint, checkpoint_sha256=sha256)

    keep_scores(space, [made_by(BUILTIN, "b" * 64)])
    assert not kept_scores(space, "b" * 64).exists()
    keep_scores(space, [made_by(TRAINED, "a" * 64), made_by(BUILTIN, "b" * 64)])
    assert kept_scores(space, "a" * 64).read_bytes() == space.table("evaluate", "scores").read_bytes()
    assert [path.name for path in kept_scores(space, "a" * 64).parent.iterdir()] == [f"{'a' * 16}.parquet"]


def test_the_page_shows_it_escaped(tmp_path: Path) -> None:
    space = make_workspace(tmp_path)
    assert "Since the training before" not in render(space, SETTINGS)
    record(tmp_path / "train", "key2", sha256="d" * 64, steps=2000)
    record(tmp_path / "train" / "last" / "key1", "key1", sha256="a" * 64, steps=1000)
    write_json(tmp_path / "train" / "last" / LATEST, {"folders": ["key1", "key2"]})
    keep(space, "a" * 64, score(0.1, item_id="vta/EventF1@100ms/model/trained", metric="<b>x</b>"))
    page = render(space, SETTINGS)
    assert "Since the training before" in page and '<td class="num">1,000</td>' in page and "<b>x</b>" not in page
