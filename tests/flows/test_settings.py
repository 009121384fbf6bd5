"""The settings of Prefect that are shipped: set where nothing is, and known to Prefect by these names."""

from __future__ import annotations

import os

import pytest

from flows.settings import QUIET_TERMINAL, SHIPPED, ship_settings

LOGGING = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"  # read by its logging configuration


@pytest.mark.parametrize("quiet", [False, True])
def test_what_the_user_has_set_wins(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SHIPPED, *QUIET_TERMINAL):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_LOGGING_EXTRA_LOGGERS", "mine")
    ship_settings(quiet=quiet)
    assert os.environ["PREFECT_LOGGING_EXTRA_LOGGERS"] == "mine"
    assert all(os.environ[name] == value for name, value in SHIPPED.items() if name != "PREFECT_LOGGING_EXTRA_LOGGERS")
    assert all((name in os.environ) is quiet for name in QUIET_TERMINAL)


def test_prefect_knows_each_of_them() -> None:
    from prefect.settings import Settings

    known = {name.upper() for name in Settings().to_environment_variables(exclude_unset=False)}
    for name in (*SHIPPED, *QUIET_TERMINAL):
        assert name in known or name in ("DO_NOT_TRACK", LOGGING), name
