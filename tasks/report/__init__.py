"""The report of a run, one HTML file."""

from collections.abc import Mapping
from typing import Any, Final

REPORT: Final = ("report", "report.html")
"""Where the report is in a workspace."""
Settings = Mapping[str, Any]
"""All settings of a run, as JSON has them."""
