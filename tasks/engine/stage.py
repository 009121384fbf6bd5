"""What a stage is to the engine, and what passes between them: items, outcomes, shards, a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from data_contracts import ItemError, Row
from tasks.engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work. `payload` is JSON-able and holds all that the result depends on (paths with their hashes)."""

    item_id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item: rows (as dicts), or a failure."""

    item_id: str
    rows: tuple[dict[str, Any], ...] = ()
    error: ItemError | None = None


class Stage(Protocol):
    """A per-item stage. Implementations are small frozen dataclasses that hold their config, so they pickle.

    Two more things a stage may have: `row_wise = True` when its rows do not depend on each other, so that the table is
    assembled batch by batch; `finished(workspace)`, called when the table is written, which may return a note for the
    stage's line.
    """

    @property
    def name(self) -> str:
        """The stage's name: its folder in the workspace."""

    @property
    def version(self) -> int:
        """Raised when the code changes what it writes."""

    @property
    def row_type(self) -> type[Row]:
        """The row of the stage's table."""

    def settings(self) -> dict[str, Any]:
        """Returns the settings that the result depends on, JSON-able (not: worker counts)."""

    def items(self, workspace: Workspace) -> Iterable[Item]:
        """Yields the items, in the order of the table. Reads only earlier stages' tables."""

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Yields an outcome per item as soon as it is finished, in any order."""

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:
        """Turns the journal's rows, in item order, into the table's rows. Usually `rows_from_dicts`."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Items that one worker handles, by reference: of the unfinished ones in the run's ledger, `size` from `start`.

    `run` numbers the runs of a stage: a later run's journal entries win.
    """

    index: int
    start: int
    size: int
    run: int
    ledger: Path


@dataclass(slots=True)
class StageSummary:
    """What a stage run did. `new` counts the items processed now, `done` all that have rows."""

    stage: str
    done: int = 0
    new: int = 0
    quarantined: int = 0
    rows: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def line(self) -> str:
        """Returns the one line a person reads."""
        failed = ", ".join(f"{n} {reason}" for reason, n in sorted(self.reasons.items()))
        parts = [f"{self.stage}: {self.done} done ({self.new} now), {self.rows} rows"]
        parts += [f"{self.quarantined} quarantined ({failed})"] if self.quarantined else []
        return "; ".join([*parts, *([self.note] if self.note else [])])


def each(items: Sequence[Item], function: Callable[[Item], Sequence[Row]]) -> Iterator[ItemResult]:
    """Processes items one by one; an ItemError becomes the item's outcome, anything else stops the stage."""
    for item in items:
        try:
            rows = function(item)
        except ItemError as error:
            yield ItemResult(item.item_id, error=error)
        else:
            yield ItemResult(item.item_id, rows=tuple(row.to_dict() for row in rows))


def rows_from_dicts(row_type: type[Row], rows: list[dict[str, Any]]) -> list[Row]:
    """Returns typed rows, the plain `assemble`."""
    return [row_type.from_dict(row) for row in rows]
