"""The base class of every stage of the pipeline, and what passes between a stage and the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from data_contracts import ItemError, Row
from data_contracts.quantities import counted
from tasks.engine.progress import OnProgress, silent
from tasks.engine.quality import Limit, Share, percent
from tasks.engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work. `payload` is JSON-able and has all that the result depends on (paths with their hashes)."""

    item_id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The result of one item: rows (as dicts), or a failure.

    `fallback`: whether the second choice made the rows in place of the first, e.g. rules for a language model; None
    where there is no such choice.
    """

    item_id: str
    rows: tuple[dict[str, Any], ...] = ()
    error: ItemError | None = None
    fallback: bool | None = None


class Stage(ABC):
    """A part of the pipeline: it lists items, processes any number of them, and assembles one table.

    Subclasses are small frozen dataclasses with their settings as fields, so they can be sent to other processes.
    """

    name: ClassVar[str]
    """The stage's folder in the workspace."""
    version: ClassVar[int]
    """Raised when the code changes what the stage writes: then everything is made again."""
    row_type: ClassVar[type[Row] | None] = None
    """The row of the stage's table; None for a stage that writes no table."""
    row_wise: ClassVar[bool] = False
    """Whether `assemble` may be called batch by batch, so that the table may be larger than memory."""
    large_shards: ClassVar[bool] = False
    """Whether shards run one at a time and are large, because `process` is parallel inside."""
    uses_gpu: ClassVar[bool] = False
    """Whether `process` computes on a GPU where there is one, so that shards may run on several (`gpus`)."""
    single: ClassVar[bool] = False
    """Whether the stage is one piece of work: its one item is processed in the calling process, has no quarantine, and
    is processed again when an output file is damaged."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Returns the settings that the result depends on, JSON-able (not: worker counts)."""

    @abstractmethod
    def items(self, workspace: Workspace) -> Iterable[Item]:
        """Yields the items, in the order of the table. Reads only earlier stages' tables."""

    @abstractmethod
    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Yields a result per item as soon as it is finished, in any order.

        Take items one by one as they are worked on, not all at first: which one is in work is noted (`attempts.py`).
        """

    def table_settings(self) -> dict[str, Any]:
        """Returns the settings on which the table depends, but no item's result: when they change, it is made again."""
        return {}

    def before_table(self, rows: Iterator[dict[str, Any]]) -> None:  # noqa: ARG002
        """Called with the journal's rows in item order, before `assemble` gets them: for what depends on all of them.

        A row is read when it is asked for, so a stage that does not override this costs nothing.
        """
        return

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> Sequence[Row]:  # noqa: ARG002
        """Returns the table's rows, from the journal's rows in item order."""
        assert self.row_type is not None, f"stage {self.name} writes no table"
        return [self.row_type.from_dict(row) for row in rows]

    def on_finished(self, workspace: Workspace) -> str:  # noqa: ARG002
        """Called when the table is written. Returns a note for the stage's line, may be empty."""
        return ""

    def outputs(self, workspace: Workspace) -> Mapping[str, str | None]:  # noqa: ARG002
        """Returns what a finished stage has written besides its tables: file name in its folder -> SHA-256.

        The hash may be None: then the engine computes it. Their size and time are compared each time that the engine
        looks whether the stage is finished, so this is for few files; the files of single items are `item_files`.
        """
        return {}

    def item_files(self, row: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Returns the files that `process` wrote for a journal row: path in the workspace -> SHA-256."""
        return {}

    def programs(self) -> Sequence[str]:
        """Returns the names of the programs that the stage starts under its settings."""
        return ()

    def limits(self) -> Sequence[Limit]:
        """Returns how large a share of the items may fail, or be made by the second choice, under the settings."""
        return ()

    def with_progress(self, on_progress: OnProgress) -> Self:  # noqa: ARG002
        """Returns the stage with a callback for the progress inside of its item; only a single-item stage has that."""
        return self


@dataclass(frozen=True, kw_only=True)
class SingleItemStage(Stage):
    """A stage that is one piece of work, e.g. training. Its item is finished when all of it is."""

    single: ClassVar[bool] = True
    on_progress: OnProgress = field(default=silent, compare=False, repr=False)

    @abstractmethod
    def payload(self, workspace: Workspace) -> dict[str, Any]:
        """Returns what the result depends on besides the settings. Raises ContractError when an input is missing."""

    @abstractmethod
    def make(self, workspace: Workspace) -> Sequence[Row]:
        """Does the work and returns the table's rows; calls `on_progress`. A killed run continues, if the work can."""

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns the one item."""
        return [Item(self.name, self.payload(workspace))]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Does the work."""
        for item in items:
            yield ItemResult(item.item_id, rows=tuple(row.to_dict() for row in self.make(workspace)))

    def with_progress(self, on_progress: OnProgress) -> Self:
        """Returns the stage with its progress callback."""
        return replace(self, on_progress=on_progress)


@dataclass(frozen=True, slots=True)
class Shard:
    """Items that one worker handles, by reference: of the unfinished ones in the run's ledger, `size` from `start`.

    `run` numbers the runs of a stage: a later run's journal entries win. `alone`: its one item was in work when a
    process died, so it has a process of its own.
    """

    index: int
    start: int
    size: int
    run: int
    ledger: Path
    alone: bool = False


@dataclass(slots=True)
class StageSummary:
    """What a run of a stage did. `new` counts the items processed now, `done` all that have rows.

    `shares` are those of the stage's quality limits.
    """

    stage: str
    done: int = 0
    new: int = 0
    quarantined: int = 0
    rows: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    note: str = ""
    shares: list[Share] = field(default_factory=list)

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Self:
        """Returns the summary that a marker has, of a run that has nothing to do."""
        return cls(**{**values, "new": 0, "shares": [Share(**share) for share in values["shares"]]})

    def line(self) -> str:
        """Returns the one line a person reads."""
        failed = ", ".join(f"{n} {reason}" for reason, n in sorted(self.reasons.items()))
        total = self.done + self.quarantined
        parts = [
            f"{self.stage}: {self.done:,} of {counted(total, 'item')} done ({self.new:,} now), "
            f"{counted(self.rows, 'row')}"
        ]
        if self.quarantined:
            parts.append(f"{self.quarantined} quarantined, {percent(self.quarantined, total)} ({failed})")
        parts += [share.text() for share in self.shares if share.fallbacks and share.of]  # the others are reasons
        return "; ".join([*parts, *([self.note] if self.note else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """How far a stage is. `pending` counts what a rerun would process; None where that is not known yet."""

    name: str
    done: int = 0
    quarantined: int = 0
    pending: int | None = None
    note: str = ""

    @property
    def finished(self) -> bool:
        """Whether a rerun would do nothing, and all files are whole."""
        return self.pending == 0 and not self.note


def each(items: Sequence[Item], function: Callable[[Item], Sequence[Row]]) -> Iterator[ItemResult]:
    """Processes items one by one; an ItemError becomes the item's result, anything else stops the stage."""
    for item in items:
        try:
            rows = function(item)
        except ItemError as error:
            yield ItemResult(item.item_id, error=error)
        else:
            yield ItemResult(item.item_id, rows=tuple(row.to_dict() for row in rows))


def hashed_files(row: Mapping[str, Any], *columns: str) -> dict[str, str]:
    """Returns path -> SHA-256 of a row's columns `<name>_path` and `<name>_sha256`, of those that are set."""
    return {row[f"{name}_path"]: row[f"{name}_sha256"] for name in columns if row.get(f"{name}_path")}
