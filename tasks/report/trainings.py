"""The training beside the one before it: steps, losses and every score of its own checkpoint, then and now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data_contracts import ContractError, Score, UsageError, read_table
from data_contracts.generation import TRAINED
from tasks.engine.workspace import Workspace
from tasks.evaluate.kept import kept_scores
from tasks.report.svg import number
from tasks.report.words import metric_name
from tasks.train.continuation import folders_in_order
from tasks.train.places import RECORD, STAGE, read_record

Verdict = Literal["better", "worse", "within the intervals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    """One score of both checkpoints. `verdict` is empty where no direction is better."""

    task: str
    metric: str
    before: str
    now: str
    n: str
    verdict: Verdict | Literal[""]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingChange:
    """The section: facts (name, before, now), and the scores of both; a note where these cannot be compared."""

    facts: list[tuple[str, str, str]]
    scores: list[ScoreChange]
    note: str

    def count(self, verdict: Verdict) -> int:
        """Returns how many scores are so."""
        return sum(score.verdict == verdict for score in self.scores)


def build_change(workspace: Workspace, scores: list[Score]) -> TrainingChange | None:
    """Returns the comparison with the newest earlier training of the workspace; None when there was none.

    `scores` are those of the checkpoint of now. Of several earlier trainings, one that was scored is preferred.
    """
    now = _record(workspace.path(STAGE, RECORD))
    earlier = _earlier(workspace, now)
    if now is None or not earlier:
        return None
    before = next((one for one in earlier if kept_scores(workspace, one["checkpoint_sha256"]).exists()), earlier[0])
    shown = [(name, key) for name, key in _FACTS if key in before.keys() & now]
    facts = [(name, _fact(before[key]), _fact(now[key])) for name, key in shown]
    changes, note = [], "The training before was not evaluated, so there are no scores to compare with."
    path = kept_scores(workspace, before["checkpoint_sha256"])
    if path.exists():
        try:
            changes, note = _changes(read_table(path, Score), scores), ""
        except ContractError:
            note = "The scores of the training before are of another release, so they are not compared."
    return TrainingChange(facts=facts, scores=changes, note=note)


_FACTS = (("steps", "steps"), ("loss", "loss"), ("validation loss", "val_loss"))


def _earlier(workspace: Workspace, now: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Returns the records of the finished trainings before this one, the newest first."""
    trainings = workspace.path(STAGE, "last")
    records = (_record(folder / RECORD) for folder in reversed(folders_in_order(trainings)))
    return [one for one in records if one is not None and now is not None and one["key"] != now["key"]]


def _record(path: Path) -> dict[str, Any] | None:
    try:
        return read_record(path)
    except UsageError:
        return None


def _changes(before: list[Score], now: list[Score]) -> list[ScoreChange]:
    old = {row.item_id: row for row in before}
    own = [row for row in now if row.checkpoint == TRAINED and row.item_id in old]
    return [_change(old[row.item_id], row) for row in own]


def _change(before: Score, now: Score) -> ScoreChange:
    return ScoreChange(
        task=now.task,
        metric=metric_name(now.metric),
        before=_fact(before.value),
        now=_fact(now.value),
        n=f"{now.n}" if before.n == now.n else f"{before.n} → {now.n}",
        verdict=_verdict(before, now),
    )


def _verdict(before: Score, now: Score) -> Verdict | Literal[""]:
    """A change counts when the two 95 % intervals do not overlap."""
    old, new = _interval(before), _interval(now)
    if now.higher_is_better is None or old is None or new is None:
        return ""
    if new[0] <= old[1] and old[0] <= new[1]:
        return "within the intervals"
    return "better" if (new[0] > old[1]) == now.higher_is_better else "worse"


def _interval(score: Score) -> tuple[float, float] | None:
    return None if score.ci_low is None or score.ci_high is None else (score.ci_low, score.ci_high)


def _fact(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else number(value)
