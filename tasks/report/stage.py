"""The report step: one HTML file, written again when a table or a setting changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data_contracts.files import hash_file
from tasks.engine import SingleItemStage
from tasks.engine.workspace import Workspace
from tasks.evaluate.paper_tables.result import written_tables
from tasks.report import REPORT, Settings
from tasks.report.page import write_report

_NOT_SHOWN: Final = {"workspace", "runner", "dask_address", "workers", "shard_size", "gpu_pool"}


@dataclass(frozen=True, kw_only=True)
class ReportStage(SingleItemStage):
    """Writes the report from every table that there is."""

    all_settings: Settings
    name: ClassVar[str] = "report"
    version: ClassVar[int] = 8

    def settings(self) -> dict[str, Any]:
        """Returns all settings except those of the machine."""
        return {name: value for name, value in self.all_settings.items() if name not in _NOT_SHOWN}

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        """Returns the hash of each table, those of the paper among them."""
        tables = [*sorted(workspace.root.glob("*/*.parquet")), *written_tables(workspace)]
        return {workspace.relative(table): hash_file(table) for table in tables}

    def make(self, workspace: Workspace) -> list[Any]:
        """Writes the report; it has no rows."""
        write_report(workspace, self.all_settings)
        self.on_progress(1, 1, "")
        return []

    def outputs(self, workspace: Workspace) -> dict[str, None]:  # noqa: ARG002
        """Names the report."""
        return {REPORT[1]: None}

    def on_finished(self, workspace: Workspace) -> str:  # noqa: ARG002
        """Returns where the report is."""
        return "/".join(REPORT)
