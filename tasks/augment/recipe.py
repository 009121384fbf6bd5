"""Recipes: changes of audio that apply themselves, move event times, measure their own effect and are stored as JSON.

Each operation of `data_contracts.adverbs` is one class in the module of its name: `operations/speed.py` has `Speed`. To
add an operation, add that module and the rows of the table that use it.

Legend: T samples.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from typing import Any, ClassVar, Final, Self

from data_contracts import ContractError
from data_contracts.adverbs import CHANGES, Change
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.ends import exactly, faded_out, first_seconds
from tasks.augment.measure import Measured
from tasks.media.samples import Samples

OPERATIONS: Final = tuple(dict.fromkeys(change.operation for change in CHANGES))


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentContext:
    """What all recipes of a run share: the stage's settings and its simulated rooms.

    `length_s` is set where the result has to have one length in seconds, that of the clip's other speed levels.
    """

    config: AugmentConfig
    rooms: RoomBank
    length_s: float | None = None

    @property
    def longest_s(self) -> float:
        """How long a result may be, in seconds."""
        return self.config.max_s if self.length_s is None else self.length_s

    def cut(self, samples_T: Samples, rate_hz: int) -> Samples:
        """Returns the first seconds of audio: `length_s` of them, or else at most `max_s`, as `first_seconds` does."""
        if self.length_s is not None:
            return exactly(samples_T, round(self.length_s * rate_hz), rate_hz)
        return first_seconds(samples_T, rate_hz, self.config.max_s, self.config.silence_db)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Changed audio before it is encoded.

    `source_T` is the part of the source that was changed, `samples_T` the result, at most `AugmentContext.longest_s`
    long, and `full_length` the result's number of samples before it was cut to that.
    """

    source_T: Samples  # noqa: N815 (shape suffix)
    samples_T: Samples  # noqa: N815 (shape suffix)
    full_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(ABC):
    """One change of audio with all its parameters: equal recipes give equal samples."""

    outdated_attributes: ClassVar[tuple[str, ...]] = ()
    """What may be known of a clip (`attributes_json`) and no longer holds after the change."""

    @classmethod
    @abstractmethod
    def candidates(cls, variant: str, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Self]:
        """Yields the recipes of a `Change.variant` in the order in which they are tried, the same for a seed."""

    @abstractmethod
    def change(self, samples_T: Samples, rate_hz: int, context: AugmentContext) -> Samples:
        """Returns the changed samples (T,), uncut. Raises ItemError when audio like this cannot be changed."""

    @abstractmethod
    def measure(self, applied: Applied, after_T: Samples, rate_hz: int, context: AugmentContext) -> Measured:
        """Returns the effect on `after_T`, the decoded file that `applied` was written to.

        Raises ItemError `effect_missing`, with the number found and the one wanted, when the change did not happen.
        """

    @abstractmethod
    def describe(self) -> str:
        """Returns one sentence for people who look at the result."""

    def degree(self) -> str:
        """Returns how far the change goes, one of `data_contracts.adverbs.DEGREES`: `plain` where it has one amount."""
        return "plain"

    def apply(self, source_T: Samples, rate_hz: int, context: AugmentContext) -> Applied:
        """Returns the first seconds of the source (`context.cut`), changed and cut to `longest_s`; cuts are faded."""
        used_T = context.cut(source_T, rate_hz)
        changed_T = self.change(used_T, rate_hz, context)
        longest = round(context.longest_s * rate_hz)
        kept_T = changed_T if len(changed_T) <= longest else faded_out(changed_T[:longest], rate_hz)
        return Applied(source_T=used_T, samples_T=kept_T, full_length=len(changed_T))

    def move_events(self, times_s: Sequence[float]) -> list[float]:
        """Returns where events of the source are in the changed audio, in seconds."""
        return list(times_s)

    def quiet_db(self, silence_db: float, source_T: Samples, after_T: Samples) -> float:  # noqa: ARG002
        """Returns the level that counts as silence in the result, where `silence_db` does in the source."""
        return silence_db

    def to_values(self) -> dict[str, Any]:
        """Returns the recipe as plain JSON values; `from_values` is the inverse."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Rebuilds a recipe from a row's values; others that the row stores beside it are ignored.

        Raises ContractError when a parameter is missing or out of range.
        """
        try:
            return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})
        except TypeError as error:
            raise ContractError(f"stored recipe {dict(values)} does not fit {cls.__name__}: {error}") from error

    def record(self, measured: Measured) -> dict[str, Any]:  # noqa: ARG002
        """Returns what a row stores: the recipe's values, and what was measured of its parameters."""
        return self.to_values()


def recipe_class(operation: str) -> type[Recipe]:
    """Returns the recipe of an operation of the table. Raises ContractError for any other name."""
    if operation not in OPERATIONS:
        raise ContractError(f"unknown operation {operation!r}; data_contracts/adverbs.py has {', '.join(OPERATIONS)}")
    module = import_module(f"tasks.augment.operations.{operation}")
    found: type[Recipe] = getattr(module, operation.title().replace("_", ""))
    return found


def recipes_for(change: Change, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Recipe]:
    """Yields the recipes of a change in the order in which they are tried; at least one."""
    return recipe_class(change.operation).candidates(change.variant, seed, rate_hz, context)


def recipe_from_json(operation: str, recipe_json: str) -> Recipe:
    """Returns the recipe that an augmented or manifest row stores. Raises ContractError when it is none."""
    return recipe_class(operation).from_values(json.loads(recipe_json))
