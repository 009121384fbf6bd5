"""The paper's tables in the score section: those that `run evaluate` has made in the workspace (SPEC E3)."""

from __future__ import annotations

from dataclasses import dataclass

from data_contracts import ContractError, UsageError
from tasks.engine.workspace import Workspace
from tasks.evaluate.paper_tables.result import TableResult, read_table_result, written_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """One table, or the note that its file cannot be read."""

    name: str
    table: TableResult | None
    note: str | None = None


def build_tables(workspace: Workspace) -> list[ShownTable]:
    """Returns the tables in their order; none where none was made. A damaged file becomes a note."""
    found = []
    for path in written_tables(workspace):
        try:
            found.append(ShownTable(name=path.stem, table=read_table_result(path)))
        except (ContractError, UsageError):
            note = f"{workspace.relative(path)} cannot be read; make it again with `foleygenex run evaluate`"
            found.append(ShownTable(name=path.stem, table=None, note=note))
    return found
