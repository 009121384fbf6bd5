"""Makes a table: finds or generates the systems' audio, computes what can be computed, puts it beside the paper's."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from data_contracts.files import atomic_path
from tasks.commands.paper_tables.comparing import Comparer, Systems
from tasks.commands.paper_tables.extension import folder_of
from tasks.commands.paper_tables.generation import TableGenerator, checkpoint_of, why_not_generated
from tasks.commands.paper_tables.inputs import Files, TableInputs, generated_files, read_inputs
from tasks.commands.paper_tables.latex import latex
from tasks.commands.paper_tables.measuring import Measurement, TableMeasurer
from tasks.commands.paper_tables.text import markdown
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.paper_tables.layout import PaperTable, TableColumn, TableRow, paper_table
from tasks.evaluate.paper_tables.options import option_line
from tasks.evaluate.paper_tables.result import (
    FOLDER,
    Measured,
    ResultRow,
    TableCell,
    TableHead,
    TableResult,
    unranked,
    with_best,
)

log = logging.getLogger(__name__)

NOT_NAMED: Final = "not computed: evaluate.systems names no folder or checkpoint"
_NO_FOLDER: Final = "not computed: the system's folder has no subfolder {}"
_OWN: Final = "(not in the paper)"


def make_table(config: EvaluateConfig, workspace: Workspace, on_progress: OnProgress = silent) -> TableResult:
    """Makes the table that `config.table` names, writes it as JSON, Markdown and LaTeX into the workspace, returns it.

    Raises UsageError naming the setting that is missing or wrong, and as `Comparer.compare` and `TableGenerator`.
    """
    if config.table is None:
        raise UsageError("evaluate.table is not set; give the number of a table, 1 to 7")
    table = paper_table(config.table)
    named = _named_systems(table, config)
    folder = workspace.path(FOLDER, f"table-{table.number}")
    measured = Measurement()
    if named:
        comparer = Comparer(
            config=config, folder=folder, cache=workspace.path(FOLDER, "cache"), on_progress=on_progress
        )
        measured = _measure(table, named, comparer, workspace)
    result = _result(table, config, named, measured)
    result.write(workspace)
    for suffix, text in ((".md", markdown(result)), (".tex", latex(result))):
        with atomic_path(workspace.path(FOLDER, f"table-{table.number}{suffix}")) as temporary:
            temporary.write_text(text, "utf-8")
    return result


def _named_systems(table: PaperTable, config: EvaluateConfig) -> dict[str, tuple[str, ...]]:
    """Returns system -> its folders or checkpoints. Other systems than the paper's get rows of their own, except where
    columns are systems."""
    printed = {system.printed: name for name, system in table.systems.items()}
    found: dict[str, tuple[str, ...]] = {}
    for key, paths in config.systems.items():
        name = printed.get(key, key)
        if table.has_systems_in_columns and name not in table.systems:
            known = ", ".join(table.systems)
            raise UsageError(f"evaluate.systems: table {table.number} has no system {key!r}; it has {known}")
        if name in found:
            raise UsageError(f"evaluate.systems: {key!r} is a second name of {name!r}; name each system once")
        found[name] = (paths,) if isinstance(paths, str) else paths
        if not found[name]:
            raise UsageError(f"evaluate.systems.{key} has no folder")
    return found


def _measure(
    table: PaperTable, named: Mapping[str, tuple[str, ...]], comparer: Comparer, workspace: Workspace
) -> Measurement:
    inputs = read_inputs(table, comparer.config.test_set)
    finder = _SystemFinder(table, inputs, comparer, workspace)
    conditions = comparer.config.table_options.extension_conditions if table.has_systems_in_columns else ((),)
    systems = {place: finder.systems(named, given) for place, given in enumerate(conditions)}
    found = TableMeasurer(table=table, inputs=inputs, comparer=comparer, systems=systems).measure()
    for (place, system), why in finder.reasons.items():
        for part in table.sizes:
            found.add(part, place, {(system, metric): Measured(why=why) for metric in table.metrics})
    return found


@dataclass
class _SystemFinder:
    """Finds the files of the systems, generating those of checkpoints. `reasons`: why a row of a system has none."""

    table: PaperTable
    inputs: TableInputs
    comparer: Comparer
    workspace: Workspace

    def __post_init__(self) -> None:
        self.reasons: dict[tuple[int, str], str] = {}
        self._place = -1

    def systems(self, named: Mapping[str, tuple[str, ...]], conditions: tuple[str, ...]) -> Systems:
        """Returns system -> files of each run, under the conditions of a row where the table has some."""
        self._place += 1
        found: Systems = {}
        for name, paths in named.items():
            runs = [self._files(name, number, path, conditions) for number, path in enumerate(paths)]
            if reason := next((run for run in runs if isinstance(run, str)), None):
                self.reasons[self._place, name] = reason
            else:
                found[name] = [run for run in runs if not isinstance(run, str)]
        return found

    def _files(self, name: str, number: int, path: str, conditions: tuple[str, ...]) -> Files | str:
        folder = Path(path)
        if folder.is_dir():
            inner = folder / folder_of(conditions)
            if not inner.is_dir():
                return _NO_FOLDER.format(folder_of(conditions))
            return generated_files(inner, self.table.task)
        checkpoint = checkpoint_of(name, path, self.workspace)
        if conditions and (reason := why_not_generated(conditions)):
            return reason
        generator = TableGenerator(
            table=self.table,
            inputs=self.inputs,
            config=self.comparer.config,
            folder=self.comparer.folder / "generated",
        )
        run = f"{name}-{number}" if number else name
        return generator.generate(run, checkpoint, self.table.systems.get(name), conditions)


def _result(
    table: PaperTable, config: EvaluateConfig, named: Mapping[str, tuple[str, ...]], measured: Measurement
) -> TableResult:
    heads = tuple(
        TableHead(
            system=column.system.printed if column.system else "",
            name=column.name,
            metric=column.metric,
            higher_is_better=column.higher_is_better,
        )
        for column in table.columns
    )
    rows = [_row(table, row, config, measured) for row in table.rows]
    for name in named:
        if name not in table.systems:
            rows += [_own_row(table, name, part, measured) for part in table.sizes]
    across = table.has_systems_in_columns
    lines = [
        *(f"evaluate.table_options.{option_line(name, config.table_options)}" for name in table.options),
        *table.notes,
        *measured.lines,
        *_counts(table, rows),
        *unranked(heads, rows, across=across),
        *_reasons(table, heads, rows),
    ]
    return TableResult(
        number=table.number,
        title=table.title,
        corner=table.corner,
        heads=heads,
        rows=with_best(heads, rows, across=across),
        lines=tuple(dict.fromkeys(lines)),
    )


def _row(table: PaperTable, row: TableRow, config: EvaluateConfig, measured: Measurement) -> ResultRow:
    head = row.system.printed if row.system else ""
    place = row.place if table.has_systems_in_columns else 0
    if table.has_systems_in_columns:
        head = f"{row.part}, {folder_of(config.table_options.extension_conditions[row.place])}"
    cells = [
        _cell(paper, column, measured.values.get((row.part, place, table.system_of(row, column).name, column.metric)))
        for paper, column in zip(row.values, table.columns, strict=True)
    ]
    return ResultRow(head=head, part=row.part, cells=tuple(cells))


def _own_row(table: PaperTable, name: str, part: str, measured: Measurement) -> ResultRow:
    """Returns the row of a system that the paper does not have."""
    cells = [_cell(None, column, measured.values.get((part, 0, name, column.metric))) for column in table.columns]
    mark = "" if len(table.sizes) == 1 or part == next(iter(table.sizes)) else " *"
    return ResultRow(head=f"{name}{mark} {_OWN}", part=part, cells=tuple(cells))


def _cell(paper: str | None, column: TableColumn, measured: Measured | None) -> TableCell:
    ours = None if measured is None or measured.value is None else column.text(measured.value)
    return TableCell(paper=paper, ours=ours, measured=measured)


def _counts(table: PaperTable, rows: list[ResultRow]) -> list[str]:
    """Returns how many clips our numbers are of, and of the paper's where that is another number."""
    lines = []
    for part, size in table.sizes.items():
        measured = [cell.measured for row in rows if row.part == part for cell in row.cells]
        counts = {one.n for one in measured if one is not None and one.value is not None}
        if not counts:
            continue
        ours = " to ".join(f"{n:,}" for n in sorted({min(counts), max(counts)}))
        line = f"ours{'' if len(table.sizes) == 1 else f' ({part})'}: n = {ours} clips"
        if size is not None and counts != {size}:
            line += f"; the paper's: {size:,}, so they are not comparable, least of all an FD, which falls with n"
        lines.append(line)
    return lines


def _reasons(table: PaperTable, heads: tuple[TableHead, ...], rows: list[ResultRow]) -> list[str]:
    """Returns why cells have no number of ours, those of one reason in one line."""
    several = len(table.sizes) > 1
    where: dict[str, dict[str, None]] = {}
    for row in rows:
        for head, cell in zip(heads, row.cells, strict=True):
            if cell.measured is None:
                where.setdefault(NOT_NAMED, {})[head.system or row.head] = None
            elif cell.measured.why is not None:
                where.setdefault(cell.measured.why, {})[f"{head.name} ({row.part})" if several else head.name] = None
    return [f"{', '.join(names)}: {reason}" for reason, names in where.items()]
