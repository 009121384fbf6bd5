"""The environment that a command sets for itself: Prefect's settings, with the reasons, and what needs no proxy.

Values that the user has set are kept.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
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
    # Flows called from Python without a server start one: a busy machine needs longer for that than 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    # A line logged outside of a run (by a thread of the language model, in a test) can appear in none: no warning.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # An automation marks a run without heartbeats as Crashed (`flows/deploy/automations.py`). 30 s is the least.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # A run that waits behind another on a busy worker is not late yet; by default it is after 15 s.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "600",
    # The log lines of the stages appear in the UI beside Prefect's own.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,model",
}

QUIET_TERMINAL: Final = {
    # The terminal shows progress bars, and an error as one line; the UI still gets every line.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
}

TAG: Final = "foleygenex"
"""A tag of every shipped deployment, and so of its runs."""

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""This machine's own addresses: a proxy cannot reach them."""


def bypass_proxies_for_loopback() -> None:
    """Adds this machine's own addresses to NO_PROXY, for this process and what it starts.

    Prefect, the pages of `app` and `verify` and a language model served here are asked on loopback; company networks
    and clusters set a proxy for everything, often without NO_PROXY.
    """
    given = ",".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = dict.fromkeys([*(host.strip() for host in given.split(",") if host.strip()), *LOOPBACK])
    for name in ("no_proxy", "NO_PROXY"):  # programs read one or the other
        os.environ[name] = ",".join(hosts)


def server_url() -> str:
    """Returns the API address of the Prefect server that is set; empty when none is.

    It is PREFECT_API_URL's, or that of Prefect's active profile. Prefect is not imported for this: it takes its
    settings once, at its import, and the address of a run's own server is known only later.
    """
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    path = Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser()
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # Prefect says what is wrong with it
        return ""
    active = os.environ.get("PREFECT_PROFILE") or content.get("active", "")
    return str(content.get("profiles", {}).get(active, {}).get("PREFECT_API_URL", ""))


def ship_settings(*, quiet: bool = False) -> None:
    """Sets what is not set yet. Call before the first import of `prefect`."""
    for name, value in {**SHIPPED, **(QUIET_TERMINAL if quiet else {})}.items():
        os.environ.setdefault(name, value)
