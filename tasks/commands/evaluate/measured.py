"""What was measured of all systems: the values of single clips, and what the judges gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tasks.commands.evaluate.clips import Clip, SystemSounds
from tasks.commands.evaluate.judge_run import JudgeRun
from tasks.commands.evaluate.signal import ClipValues


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`values`: folder or baseline -> metric -> clip's place -> value, the judges' columns included. `runs`: by judge.

    `folders_of`: generated system -> its folders, one per generation seed.
    """

    clips: Sequence[Clip]
    systems: Sequence[SystemSounds]
    folders_of: Mapping[str, tuple[str, ...]]
    values: Mapping[str, ClipValues]
    runs: Mapping[str, JudgeRun]

    @property
    def generated(self) -> list[str]:
        """The names of the folders of generated audio."""
        return [system.name for system in self.systems if not system.is_baseline]

    @property
    def rows(self) -> dict[str, tuple[str, ...]]:
        """What has a row of its own: the generated systems with their folders, then the baselines."""
        return {**self.folders_of, **{system.name: (system.name,) for system in self.systems if system.is_baseline}}

    @property
    def groups(self) -> list[str]:
        """The group of each clip."""
        return [clip.group for clip in self.clips]

    def groups_of(self, places: Iterable[int]) -> list[str]:
        """Returns the group of each of some clips."""
        return [self.clips[place].group for place in places]

    def of(self, folder: str, metric: str) -> Mapping[int, float]:
        """Returns a folder's or baseline's values of a metric by the clip's place; clips without one are absent."""
        return self.values[folder].get(metric, {})

    def mean_of(self, system: str, metric: str) -> Mapping[int, float]:
        """Returns a generated system's values by the clip's place, the mean over its seeds; only of clips that each
        seed has a value of."""
        seeds = [self.of(folder, metric) for folder in self.folders_of[system]]
        if len(seeds) == 1:
            return seeds[0]
        shared = [place for place in seeds[0] if all(place in one for one in seeds)]
        return {place: fmean(one[place] for one in seeds) for place in shared}
