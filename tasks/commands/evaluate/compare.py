"""Generated systems against each other: paired tests on the same clips, and each system's worst clips."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy.stats import rankdata

from tasks.commands.evaluate.judge_run import JudgeRun
from tasks.commands.evaluate.measured import Measured
from tasks.commands.evaluate.primary import TESTED
from tasks.commands.evaluate.result import Comparison, WorstClip
from tasks.commands.evaluate.set_tests import set_test
from tasks.engine.workspace import seed_for
from tasks.evaluate import baselines
from tasks.evaluate.columns import COLUMN_OF, Column
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.significance import LEVEL, PairedTest, holm, sign_flip_test
from tasks.evaluate.tables import metric_named

WORST: Final = 6
"""Clips of each system that the page shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares the generated systems with each other, two by two, and their clips among themselves.

    Of several generation seeds the mean of each clip's values counts.
    """

    measured: Measured
    seed: int
    primary: tuple[str, ...] = ()

    def comparisons(self) -> list[Comparison]:
        """Returns every metric of every two systems. The family that Holm's method corrects for are the tests of the
        primary metrics, or all where none was named: who looks at all of them has to pay for all of them."""
        pairs = list(combinations(self.measured.folders_of, 2))
        tests: dict[tuple[str, str, str], PairedTest] = {}
        for first, second in pairs:
            for metric in self._clip_metrics():
                if (test := self._paired(metric, first, second)) is not None:
                    tests[metric, first, second] = test
        runs = self.measured.runs.values()
        columns = [(run, column) for run in runs for column in run.columns if column.measure in TESTED]
        family = len(self.primary) * len(pairs) or len(tests) + len(columns) * len(pairs)
        for first, second in pairs:
            for run, column in columns:
                if (test := self._swapped(column, run, first, second, family)) is not None:
                    tests[column.name, first, second] = test
        counted = {key: test.p_value for key, test in tests.items() if not self.primary or key[0] in self.primary}
        decisions = holm(counted, len(counted))
        return [
            self._comparison(key, test, decisions[key].p_holm if key in counted else None)
            for key, test in tests.items()
        ]

    def worst(self) -> list[WorstClip]:
        """Returns the clips with the worst mean rank over all metrics of single clips that have a better direction."""
        found = []
        for system in self.measured.folders_of:
            ranks, shown = self._ranks(system)
            order = sorted(ranks, key=lambda place: (-ranks[place], place))[:WORST]
            found += [
                WorstClip(system=system, clip=self.measured.clips[p].name, rank=ranks[p], values=shown[p])
                for p in order
            ]
        return found

    def _clip_metrics(self) -> dict[str, bool]:
        """Returns the metrics of single clips with whether a higher value is better, without those of the level."""
        directions = {name: metric.higher_is_better for name, metric in METRICS.items()}
        directions |= {name: column.higher_is_better for name, column in COLUMN_OF.items() if column.is_per_clip}
        return {name: better for name, better in directions.items() if better is not None}

    def _paired(self, metric: str, first: str, second: str) -> PairedTest | None:
        ours, theirs = self.measured.mean_of(first, metric), self.measured.mean_of(second, metric)
        places = sorted(ours.keys() & theirs.keys())
        if not places:
            return None
        differences = [ours[place] - theirs[place] for place in places]
        owners = self.measured.groups_of(places)
        return sign_flip_test(differences, owners, seed=self._seed("sign flips", metric, first, second))

    def _swapped(self, column: Column, run: JudgeRun, first: str, second: str, family: int) -> PairedTest | None:
        folders = self.measured.folders_of
        ours, theirs = ([run.features[one][column.output] for one in folders[name]] for name in (first, second))
        reference = run.features[baselines.TRUTH][column.output]
        seed = self._seed("swaps", column.name, first, second)
        return set_test(column, ours, theirs, reference, self.measured.groups, family=family, seed=seed)

    def _seed(self, test: str, metric: str, first: str, second: str) -> int:
        """Returns the seed of a test; the order in which systems are named does not change it, nor the p-value."""
        return seed_for(test, str(self.seed), metric, *sorted((first, second)))

    def _comparison(self, key: tuple[str, str, str], test: PairedTest, p_holm: float | None) -> Comparison:
        metric, first, second = key
        higher = metric_named(metric).higher_is_better
        better = ""
        if p_holm is not None and p_holm < LEVEL and test.difference:
            better = first if (test.difference > 0) == higher else second
        return Comparison(
            metric=metric,
            first=first,
            second=second,
            difference=test.difference,
            p_value=test.p_value,
            least_p=test.least_p,
            p_holm=p_holm,
            n=test.n,
            n_groups=test.n_groups,
            better=better,
        )

    def _ranks(self, system: str) -> tuple[dict[int, float], dict[int, dict[str, float]]]:
        """Returns by clip's place the mean rank, 0 best and 1 worst, and the values it is made of."""
        ranks: dict[int, list[float]] = {}
        shown: dict[int, dict[str, float]] = {}
        for metric, higher in self._clip_metrics().items():
            values = self.measured.mean_of(system, metric)
            places = list(values)
            numbers = np.array([values[place] for place in places])
            order = rankdata(-numbers if higher else numbers) - 1
            for place, rank in zip(places, order / max(1, len(places) - 1), strict=True):
                ranks.setdefault(place, []).append(float(rank))
                shown.setdefault(place, {})[metric] = values[place]
        return {place: float(np.mean(found)) for place, found in ranks.items()}, shown
