"""The settings of Prefect that this project ships, and why. Values that the user has set are kept."""

from __future__ import annotations

import os
from typing import Final

SHIPPED: Final = {
    # No usage data is sent: the first is the server's setting, the second the client's.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # The server that a run starts for itself loses task records with the default batch of 1.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    # Whole seconds: Prefect cuts the value to an integer, and 0 keeps a core busy.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # A busy two-core machine needs longer than the default 20 s for the server that a run starts for itself.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    # A line logged outside of a run (by a thread of the language model, in a test) can appear in none: no warning.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # The log lines of the stages appear in the UI beside Prefect's own.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,model",
}

QUIET_TERMINAL: Final = {
    # The terminal shows progress bars, and an error as one line; the UI still gets every line.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
}


def ship_settings(*, quiet: bool = False) -> None:
    """Sets what is not set yet. Call before the first import of `prefect`."""
    for name, value in {**SHIPPED, **(QUIET_TERMINAL if quiet else {})}.items():
        os.environ.setdefault(name, value)
