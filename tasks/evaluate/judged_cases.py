"""From a run's judgements to scores: the values of single cases, and the set metrics of each case group and system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from safetensors.numpy import load

from data_contracts import Judgement, Score, read_table
from model.judges import Judge, JudgeSpec
from tasks.engine.workspace import Workspace
from tasks.evaluate import baselines
from tasks.evaluate.asked_judges import load_judges
from tasks.evaluate.cells import Cell, set_cell
from tasks.evaluate.columns import COLUMNS, Column, columns_of
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.judge_plan import JudgeInput, JudgePlanner, System
from tasks.evaluate.judge_stage import cases_to_judge, planner_of
from tasks.evaluate.judged import FeatureSet, clip_values, feature_set
from tasks.evaluate.judging import Said, judges_here
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.plan import Case
from tasks.evaluate.rows import score_row
from tasks.evaluate.seeds import of_same_clips, over_seeds

ALL_GROUPS: Final = "all"
"""The case group of rows that say why a judge's column is empty."""
_NOTHING: Final = "the judge says nothing of it"
Named = list[tuple[int, JudgeInput]]
"""Sounds with the places of their clips."""
Audio = Mapping[str, tuple[str, str]]
"""Checkpoint -> path and SHA-256 of what was generated."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """What was said, by judge and the input's name; files are read when they are asked for."""

    workspace: Workspace
    rows: Mapping[tuple[str, str], Judgement]

    @classmethod
    def read(cls, workspace: Workspace) -> Judgements:
        """Reads the judge stage's table."""
        table = read_table(workspace.table("judge", Judgement.TABLE), Judgement)
        return cls(workspace, {(row.judge, row.input): row for row in table})

    def said(self, judge: str, one: JudgeInput | None) -> Said:
        """Returns what a judge said of an input."""
        row = None if one is None else self.rows.get((judge, one.name))
        return _NOTHING if row is None else load(self.workspace.path(row.outputs_path).read_bytes())

    def hashes(self, inputs: Sequence[JudgeInput]) -> dict[str, str]:
        """Returns the hash of every file that the judges wrote about some inputs, by judge and input."""
        judges = dict.fromkeys(judge for judge, _ in self.rows)
        return {
            f"{judge}/{one.name}": row.outputs_sha256
            for judge in judges
            for one in inputs
            if (row := self.rows.get((judge, one.name))) is not None
        }


@dataclass(frozen=True, kw_only=True)
class JudgedCases:
    """A run's cases with what the judges said of their sounds. `made`: case -> checkpoint -> path and SHA-256."""

    config: EvaluateConfig
    judgements: Judgements
    planner: JudgePlanner
    cases: Mapping[str, Case]
    made: Mapping[str, Audio]

    @classmethod
    def open(cls, config: EvaluateConfig, workspace: Workspace) -> Self:
        """Reads the tables."""
        planner = planner_of(config, workspace)
        cases = cases_to_judge(config, workspace, planner)
        return cls(
            config=config,
            judgements=Judgements.read(workspace),
            planner=planner,
            cases={case.item_id: case for case, _ in cases},
            made={case.item_id: made for case, made in cases},
        )

    @cached_property
    def judges(self) -> Mapping[str, Judge]:
        """The judges by name, loaded when a score is asked for. Raises WeightsError where one's weights are absent."""
        return {name: found.judge for name, found in load_judges(self.config).items()}

    @property
    def why_not(self) -> Mapping[str, str]:
        """Why the other judges are not asked, by name."""
        return judges_here(self.config.judges).why_not

    def hashes(self, cases: Sequence[Case]) -> dict[str, str]:
        """Returns the hash of every file of judgements that the scores of some cases depend on."""
        known = [case for case in cases if case.item_id in self.made]
        inputs = [one for case in known for one in self.planner.inputs(case, self.made[case.item_id])]
        return self.judgements.hashes(inputs)

    def values(self, case: Case) -> dict[System, dict[str, float]]:
        """Returns the values of one case by system and column.

        Where another clip is to be resembled, the likeness of the truth and of its round trip is that clip's own.
        """
        found: dict[System, dict[str, float]] = {}
        if case.item_id not in self.made:
            return found
        systems = self.planner.systems(case, self.made[case.item_id])
        for name, judge in self.judges.items():
            for column in (one for one in columns_of(name) if one.is_per_clip):
                other = self.judgements.said(name, _other(column, self.planner, case))
                for system, sound in systems.items():
                    whole = _whole(self.planner, case, system) if column.is_likeness else None
                    values = clip_values(column, judge, [self.judgements.said(name, whole or sound)], [other])
                    if values:
                        found.setdefault(system, {})[column.name] = values[0]
        return found


def _other(column: Column, planner: JudgePlanner, case: Case) -> JudgeInput | None:
    """Returns what the audio is compared with."""
    if column.measure == "text":
        return planner.text(case)
    if column.measure in ("video", "desync"):
        return planner.video(case)
    return planner.reference(case) if column.is_likeness else planner.truth(case)


def _whole(planner: JudgePlanner, case: Case, system: System) -> JudgeInput | None:
    """Returns the sound that stands for the truth or the round trip where another clip is to be resembled."""
    if case.reference_id in (None, case.parent_id):
        return None
    if system[0] == baselines.TRUTH:
        return planner.whole(str(case.reference_id))
    return planner.reference(case, by_codec=True) if system[0] == baselines.CODEC_UPPER_BOUND else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScorer:
    """Makes the rows of set metrics (FD, KAD, IS), one per case group, system and column.

    `groups`: case -> group of its row.
    """

    judged: JudgedCases
    groups: Mapping[str, str]
    seed: int

    def rows(self) -> list[Score]:
        """Returns the rows of the judges that were asked, and one for each column of the others, which says why."""
        judged, found = self.judged, []
        for task in dict.fromkeys(case.group for case in judged.cases.values()):
            of_task = [case for case in judged.cases.values() if case.group == task]
            for column in COLUMNS:
                if not column.is_per_clip and column.judge in judged.judges:
                    found += self._column(task, column, of_task)
        return [*found, *(_empty(one, judged.why_not[one.judge]) for one in COLUMNS if one.judge not in judged.judges)]

    def _column(self, task: str, column: Column, cases: Sequence[Case]) -> list[Score]:
        planner = self.judged.planner
        firsts = {case.item_id: place for place, case in enumerate(one for one in cases if one.repeats is None)}
        truth = self._features(column, [(firsts[one.item_id], planner.truth(one)) for one in cases if not one.repeats])
        groups = [self.groups[name] for name in firsts]
        sounds: dict[System, dict[int, Named]] = {}
        for case in (one for one in cases if (one.repeats or one.item_id) in firsts):
            place = firsts[case.repeats or case.item_id]
            for system, sound in planner.systems(case, self.judged.made[case.item_id]).items():
                sounds.setdefault(system, {}).setdefault(case.seed_number, []).append((place, sound))
        same = (baselines.TRUTH,) if column.is_distance else ()
        rows = []
        for system, of_seeds in ((one, found) for one, found in sounds.items() if one[0] not in same):
            made = of_same_clips([self._features(column, named) for named in of_seeds.values()])
            with_interval = system[0] == MODEL and len(made) == 1
            reference = truth.of(set.intersection(*({place for place, _ in named} for named in of_seeds.values())))
            cells = [set_cell(column, one, reference, groups, self.seed, with_interval=with_interval) for one in made]
            seconds = sum(sound.to_s - sound.from_s for _, sound in next(iter(of_seeds.values())))
            rows.append(_row(task, column, system, over_seeds(cells), self.judged.judges[column.judge].spec, seconds))
        return rows

    def _features(self, column: Column, named: Named) -> FeatureSet:
        said: list[Said] = [_NOTHING] * (1 + max((place for place, _ in named), default=-1))
        for place, sound in named:
            said[place] = self.judged.judgements.said(column.judge, sound)
        return feature_set(said, column.output)


def _row(task: str, column: Column, system: System, cell: Cell, spec: JudgeSpec | None, seconds: float) -> Score:
    name, checkpoint = system
    return score_row(
        cell,
        task=task,
        name=column.name,
        metric=column.metric,
        system=name,
        is_baseline=name != MODEL,
        checkpoint=checkpoint,
        judge=spec,
        seconds=seconds,
    )


def _empty(column: Column, why: str) -> Score:
    return _row(ALL_GROUPS, column, (MODEL, None), Cell(why_empty=why), None, 0.0)
