"""The original: audio that already is at the wanted level, only trimmed and cut. Source: SPEC A3 (fast and slow)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from tasks.augment.measure import Measured
from tasks.augment.recipe import Applied, AugmentContext, Recipe
from tasks.media.samples import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Original(Recipe):
    """Recipe: nothing is changed."""

    @classmethod
    def candidates(cls, variant: str, seed: int, rate_hz: int, context: AugmentContext) -> Iterator[Self]:  # noqa: ARG003
        """Yields the one recipe there is."""
        yield cls()

    def change(self, samples_T: Samples, rate_hz: int, context: AugmentContext) -> Samples:  # noqa: ARG002
        """Returns the samples as they are."""
        return samples_T

    def measure(self, applied: Applied, after_T: Samples, rate_hz: int, context: AugmentContext) -> Measured:  # noqa: ARG002
        """Returns nothing: there is no effect."""
        return {}

    def describe(self) -> str:
        """Returns what the report shows."""
        return "Kept as it is, without the silence at its ends."
