"""What an evaluation of folders gives, as it is written, shown and returned from Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from data_contracts import ClipScore, Score
from tasks.commands.evaluate.clips import Clip
from tasks.commands.evaluate.options import ALL_CLIPS
from tasks.commands.evaluate.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeUse:
    """A judge that was asked, or that was not, and why."""

    name: str
    weights_sha256: str | None = None
    licence: str = ""
    embedded: bool = False
    rate_hz: int | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two systems on one metric over the same clips.

    `difference` is the first one's value minus the second one's. `p_holm`: corrected for all tests of the family, None
    where the test is not in it. `least_p`: the smallest p that so many groups or draws can give. `better` is the name
    of the better system, empty where no difference is shown.
    """

    metric: str
    first: str
    second: str
    difference: float
    p_value: float
    least_p: float
    p_holm: float | None
    n: int
    n_groups: int
    better: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A metric on which a worthless baseline is no worse than others: `beaten` has their values by system."""

    metric: str
    baseline: str
    value: float
    beaten: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstClip:
    """A clip of a system with its mean rank among the system's clips, 0 best and 1 worst, and its values."""

    system: str
    clip: str
    rank: float
    values: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Systems scored on the same clips. `problems` are those that were allowed; `left_out` the clips they cost.

    `seeds`: of systems with several generation seeds, the names of these in `clip_scores`.
    `primary`: the metrics whose tests are the family that Holm's method corrects for; empty: all metrics.
    """

    systems: tuple[str, ...]
    seeds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    clips: tuple[Clip, ...]
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]
    judges: tuple[JudgeUse, ...]
    scores: tuple[Score, ...]
    clip_scores: tuple[ClipScore, ...]
    comparisons: tuple[Comparison, ...]
    worst: tuple[WorstClip, ...]
    seed: int
    primary: tuple[str, ...] = ()

    @property
    def family(self) -> int:
        """The number of tests that Holm's method corrects for."""
        return sum(comparison.p_holm is not None for comparison in self.comparisons)

    def first_folder(self, system: str) -> str:
        """Returns the name that a system's files have in `Clip.generated`; of several seeds the first one's."""
        return self.seeds[system][0] if system in self.seeds else system

    def scores_of(self, task: str) -> dict[str, dict[str, Score]]:
        """Returns metric -> system -> score of all clips (`all`) or of a category, in table order."""
        found: dict[str, dict[str, Score]] = {}
        for score in self.scores:
            if score.task == task:
                found.setdefault(score.metric, {})[score.system] = score
        return found

    def tasks(self) -> Iterator[str]:
        """Yields `all`, then the categories."""
        yield from dict.fromkeys(score.task for score in self.scores)

    def why_empty(self) -> dict[str, list[str]]:
        """Returns reason -> metrics of all clips without a value; `METRIC of SYSTEM` where other systems have one."""
        reasons: dict[str, list[str]] = {}
        for metric, cells in self.scores_of(ALL_CLIPS).items():
            made = [score for score in cells.values() if not score.is_baseline]
            empty = [score for score in made if score.value is None and score.why_empty is not None]
            for score in empty:
                name = metric if len(empty) == len(made) else f"{metric} of {score.system}"
                names = reasons.setdefault(score.why_empty or "", [])
                names += [name] if name not in names else []
        return reasons
