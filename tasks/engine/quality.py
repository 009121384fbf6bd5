"""Quality limits: how many of a stage's items may fail, or be made by the second choice, before the stage fails.

Each limit is a setting `accept_...`, a share between 0 and 1. A stage past one keeps everything that it has done and
writes its quarantine, but no table: nothing is made from data that nobody would want.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from data_contracts import QualityError

LEAST: Final = 10
"""Items that must be affected before a limit counts: a few broken files in a small corpus are no trend."""
HOPELESS: Final = 0.9
"""The share of the latest items made by the second choice at which a stage stops before its end."""
_LATEST: Final = 100

AcceptedShare = Annotated[float, Field(ge=0, le=1)]
"""The type of an `accept_...` setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How large a share of a stage's items may be.

    It counts the quarantine's `reasons`, all but those in `others` where it names none; with `fallbacks` in place of
    them the items that the second choice made, out of those that the first one was to make.
    """

    name: str
    setting: str
    most: float
    reasons: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    fallbacks: bool = False

    def share(self, counts: Counts) -> Share:
        """Returns how large the share is."""
        if self.fallbacks:
            return Share(self.name, counts.fallbacks, counts.attempted, self.most, self.setting, fallbacks=True)
        counted = self.reasons or [reason for reason in counts.reasons if reason not in self.others]
        count = sum(counts.reasons.get(reason, 0) for reason in counted)
        return Share(self.name, count, counts.done + counts.quarantined, self.most, self.setting)


@dataclass(slots=True, kw_only=True)
class Counts:
    """How a stage's items ended: with rows, or in quarantine for `reasons`.

    `attempted` items the first choice was to make (e.g. a language model), `fallbacks` of them the second one made.
    """

    done: int = 0
    quarantined: int = 0
    attempted: int = 0
    fallbacks: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` items, of which `most` (a share) are accepted by a setting."""

    name: str
    count: int
    of: int
    most: float
    setting: str
    fallbacks: bool = False

    @property
    def exceeded(self) -> bool:
        """Whether more than accepted are affected, and enough for that to mean something."""
        return self.count >= LEAST and self.count > self.most * self.of

    def text(self) -> str:
        """Returns e.g. `16 of 20 written by rules (80 %)`."""
        return f"{self.count:,} of {self.of:,} {self.name} ({percent(self.count, self.of)})"


def limit(config: Any, group: str, setting: str, name: str, **counted: Any) -> Limit:
    """Returns the limit that a setting of a stage's config states."""
    return Limit(name=name, setting=f"{group}.{setting}", most=getattr(config, setting), **counted)


def shares(limits: Sequence[Limit], counts: Counts) -> list[Share]:
    """Returns the share of each limit."""
    return [one.share(counts) for one in limits]


def excess(found: Sequence[Share]) -> str:
    """Returns what is past its limit and by how much, e.g. `16 of 20 written by rules (80 %), llm.accept_rules is 0.4`.

    Empty where every limit is kept.
    """
    return "; ".join(f"{share.text()}, {share.setting} is {share.most:g}" for share in found if share.exceeded)


def require_quality(stage: str, found: Sequence[Share], workspace: Path) -> None:
    """Raises QualityError naming every share of a stage that is past its limit, and the ways on."""
    if past := excess(found):
        settings = " ".join(f"--set {share.setting}={_accepting(share)}" for share in found if share.exceeded)
        raise QualityError(
            f"{stage} is past its quality limit: {past}; everything done is kept: mend the cause and "
            f"`foleygenex retry-quarantine {workspace} {stage}` tries these items again, or accept them with {settings}"
        )


class FallbackWatch:
    """Ends a stage early whose first choice has stopped working: waiting for the end would only cost money."""

    def __init__(self, stage: str, limits: Sequence[Limit]) -> None:
        self._stage = stage
        self._limit = next((one for one in limits if one.fallbacks and one.most < HOPELESS), None)
        self._latest: deque[bool] = deque(maxlen=_LATEST)

    def add(self, fallback: bool | None) -> None:
        """Counts an item. Raises QualityError when nearly all of the latest ones were made by the second choice."""
        if self._limit is None or fallback is None:
            return
        self._latest.append(fallback)
        count = sum(self._latest)
        if fallback and len(self._latest) == _LATEST and count > HOPELESS * _LATEST:
            raise QualityError(
                f"{self._stage} stops before its end: {count} of the latest {_LATEST} {self._limit.name}; everything "
                f"done is kept: mend the cause and run again, or accept this with --set {self._limit.setting}=1"
            )


def percent(count: int, of: int) -> str:
    """Returns a share for people: `80 %`, `0.3 %`, `0 %`."""
    value = 100 * count / of if of else 0.0
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def _accepting(share: Share) -> str:
    """Returns the smallest round number that accepts a share."""
    return f"{min(1.0, -(-100 * share.count // share.of) / 100):g}"
