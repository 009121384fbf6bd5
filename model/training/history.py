"""Under which settings and on which data a training has run: a segment per change, stored in states and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from model.config import TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The steps from `from_step` on, up to the next segment: same settings, same data.

    `data` is the hash of the features and their rows. `settings` are JSON values: all of them in a training's first
    segment, those that changed in a later one. `skipped` counts steps that changed no weights because their loss or
    gradient was not finite.
    """

    from_step: int = 0
    data: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    skipped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuilds the segment from `to_dict`'s values."""
        return cls(**values)


def settings_at_end(history: Sequence[Segment]) -> dict[str, Any]:
    """Returns the settings of the last segment, those that it took over included."""
    return {name: value for segment in history for name, value in segment.settings.items()}


def changed_settings(history: Sequence[Segment], settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings whose values are not those of the last segment."""
    before = settings_at_end(history)
    return {name: value for name, value in settings.items() if name not in before or before[name] != value}


def continued(history: Sequence[Segment], now: Segment, step: int) -> list[Segment]:
    """Returns the history of a training that goes on at `step` with the data and settings of `now`."""
    changed = changed_settings(history, now.settings)
    if not changed and history[-1].data == now.data:
        return list(history)
    return [*history, replace(now, from_step=step, settings=changed, skipped=0)]


def last_step(history: Sequence[Segment], config: TrainingConfig) -> int:
    """Returns the step at which a training ends: `steps`, or as many further ones as a change asks for."""
    if len(history) == 1:
        return config.steps
    further = config.continue_steps or max(1, config.steps // 10)
    return max(config.steps, history[-1].from_step + further)
