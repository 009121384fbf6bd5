"""The report of a run, one HTML file."""

from typing import Final

REPORT: Final = ("report", "report.html")
"""Where the report is in a workspace."""
