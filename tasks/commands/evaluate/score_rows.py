"""The score table of folders: per metric and system the value, its interval, n, and why a cell is empty.

All systems are scored on the same clips: where one generated system has no value for a clip (no event matched, for
example), the others' values of that clip do not count either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from data_contracts import Score
from tasks.commands.evaluate.judge_run import NEEDS, JudgeRun, is_given
from tasks.commands.evaluate.measured import Measured
from tasks.commands.evaluate.options import ALL_CLIPS
from tasks.engine.workspace import seed_for
from tasks.evaluate import baselines
from tasks.evaluate.cells import Cell, half_cell, set_cell
from tasks.evaluate.columns import Column, chosen_columns
from tasks.evaluate.judged import FeatureSet
from tasks.evaluate.metrics.catalogue import METRICS, Metric
from tasks.evaluate.metrics.set_baselines import OTHER_HALF
from tasks.evaluate.rows import score_row
from tasks.evaluate.seeds import clip_cell_over_seeds, of_same_clips, over_seeds

AT_HALF: Final = " at half n"
"""Ends the name of a distance between halves of both sets, to be compared with that of the reference's halves."""
_NO_EVENTS: Final = "not computed: needs --events"
_UNDEFINED: Final = "not computed: undefined for every clip"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """Makes the rows of the score table from what was measured. `why_not`: of the judges that were not asked, why."""

    measured: Measured
    why_not: Mapping[str, str]
    seed: int
    only: frozenset[str] = frozenset()

    def rows(self) -> list[Score]:
        """Returns the rows: all clips first, then each category; metrics in table order, systems in theirs."""
        found = self._task(ALL_CLIPS, list(range(len(self.measured.clips))))
        for category in sorted({clip.category for clip in self.measured.clips if clip.category is not None}):
            places = [place for place, clip in enumerate(self.measured.clips) if clip.category == category]
            found += self._task(category, places)
        return found

    def _task(self, task: str, places: list[int]) -> list[Score]:
        rows = []
        for name, metric in ((one, metric) for one, metric in METRICS.items() if self._is_asked(one)):
            if name.startswith("Event") or any(name in values for values in self.measured.values.values()):
                cells = self._clip_cells(task, name, metric, places)
                lacks_events = name.startswith("Event") and all(clip.events_s is None for clip in self.measured.clips)
                rows += self._rows(task, name, metric, cells, _NO_EVENTS if lacks_events else _UNDEFINED)
        for column in chosen_columns(self.only):
            rows += self._column(task, column, places)
        return rows

    def _is_asked(self, metric: str) -> bool:
        return not self.only or metric in self.only

    def _column(self, task: str, column: Column, places: list[int]) -> list[Score]:
        run, metric = self.measured.runs.get(column.judge), column.metric
        if run is None:
            return self._rows(task, column.name, metric, {}, self.why_not[column.judge])
        if column.is_per_clip:
            cells = self._clip_cells(task, column.name, metric, places)
            return self._rows(task, column.name, metric, cells, self._why_undefined(column, run), run)
        features = {name: found[column.output].of(places) for name, found in run.features.items()}
        heard = {name: found for name, found in features.items() if found.clips}
        why = self._why_undefined(column, run)
        rows = self._rows(task, column.name, metric, self._set_cells(column, heard), why, run)
        if column.measure == "frechet" and not self.only:
            rows += self._rows(task, column.name + AT_HALF, metric, self._half_cells(column, heard), why, run)
        return rows

    def _clip_cells(self, task: str, name: str, metric: Metric, places: list[int]) -> dict[str, Cell]:
        """Returns the cells of the systems that have a value for the clips for which all generated ones have one.

        A system that has no value at all (the loudness of silence) has no cell, and takes none from the others.
        """
        made = [self.measured.of(folder, name) for folder in self.measured.generated]
        made = [found for found in made if not found.keys().isdisjoint(places)]
        common = [place for place in places if made and all(place in found for found in made)]
        owners, cells = dict(enumerate(self.measured.groups)), {}
        for system, folders in self.measured.rows.items():
            found = [self.measured.of(folder, name) for folder in folders]
            seeds = [{place: values[place] for place in common if place in values} for values in found]
            seed = seed_for("bootstrap", str(self.seed), task, name, system)
            if (cell := clip_cell_over_seeds(metric, seeds, owners, seed)) is not None:
                cells[system] = cell
        return cells

    def _set_cells(self, column: Column, heard: Mapping[str, FeatureSet]) -> dict[str, Cell]:
        """Returns the cells of a set metric. `heard`: the features of the systems of which the judge says something."""
        reference = heard.get(baselines.TRUTH)
        if reference is None:
            return {}
        same = (baselines.TRUTH, baselines.SHUFFLED) if column.is_distance else ()
        cells, groups = {}, self.measured.groups
        for system, folders in self.measured.rows.items():
            if system not in same and (made := _seeds(folders, heard)):
                with_interval = system in self.measured.folders_of and len(made) == 1
                cells[system] = over_seeds(
                    [set_cell(column, one, reference, groups, self.seed, with_interval=with_interval) for one in made]
                )
        return cells

    def _half_cells(self, column: Column, heard: Mapping[str, FeatureSet]) -> dict[str, Cell]:
        reference = heard.get(baselines.TRUTH)
        if reference is None:
            return {}
        groups = self.measured.groups
        cells = {OTHER_HALF: half_cell(column, None, reference, groups, self.seed)}
        for system, folders in self.measured.folders_of.items():
            if made := _seeds(folders, heard):
                cells[system] = over_seeds([half_cell(column, one, reference, groups, self.seed) for one in made])
        return cells

    def _why_undefined(self, column: Column, run: JudgeRun) -> str:
        """Returns why a column has no value for any clip."""
        if not any(is_given(column.measure, clip) for clip in self.measured.clips):
            return f"not computed: needs {NEEDS[column.measure]}"
        refused = next(iter(run.refused.values()), "")
        return f"not computed: {refused}" if refused else _UNDEFINED

    def _rows(
        self,
        task: str,
        name: str,
        metric: Metric,
        cells: Mapping[str, Cell],
        why_empty: str,
        run: JudgeRun | None = None,
    ) -> list[Score]:
        """Returns a row per cell; of a generated system without a cell, one that says why."""
        rows = []
        for system in (*self.measured.rows, OTHER_HALF):
            cell, is_baseline = cells.get(system), system not in self.measured.folders_of
            if cell is None and is_baseline:
                continue
            found = cell or Cell(why_empty=why_empty)
            seconds = sum(clip.duration_s for clip in self.measured.clips) / max(1, len(self.measured.clips)) * found.n
            rows.append(
                score_row(
                    found,
                    task=task,
                    name=name,
                    metric=metric,
                    system=system,
                    is_baseline=is_baseline,
                    judge=run.spec if run else None,
                    seconds=seconds,
                )
            )
        return rows


def _seeds(folders: Sequence[str], heard: Mapping[str, FeatureSet]) -> list[FeatureSet]:
    """Returns the features of a row's folders over the same clips; none where the judge says nothing of a folder."""
    if not all(folder in heard for folder in folders):
        return []
    made = of_same_clips([heard[folder] for folder in folders])
    return made if made[0].clips else []
