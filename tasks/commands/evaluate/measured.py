"""What was measured of all systems: the values of single clips, and what the judges gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.commands.evaluate.clips import Clip, SystemSounds
from tasks.commands.evaluate.judge_run import JudgeRun
from tasks.commands.evaluate.signal import ClipValues


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`values`: system -> metric -> clip's place -> value, the judges' columns included. `runs`: by judge."""

    clips: Sequence[Clip]
    systems: Sequence[SystemSounds]
    values: Mapping[str, ClipValues]
    runs: Mapping[str, JudgeRun]

    @property
    def generated(self) -> list[str]:
        """The names of the systems that are no baseline."""
        return [system.name for system in self.systems if not system.is_baseline]

    @property
    def groups(self) -> list[str]:
        """The group of each clip."""
        return [clip.group for clip in self.clips]

    def groups_of(self, places: Iterable[int]) -> list[str]:
        """Returns the group of each of some clips."""
        return [self.clips[place].group for place in places]

    def of(self, system: str, metric: str) -> Mapping[int, float]:
        """Returns a system's values of a metric by the clip's place; clips without one are absent."""
        return self.values[system].get(metric, {})
