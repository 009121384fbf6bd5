"""The settings of Prefect that are shipped: set where nothing is, and known to Prefect by these names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.settings import (
    LOOPBACK,
    QUIET_TERMINAL,
    SHIPPED,
    bypass_proxies_for_loopback,
    server_url,
    ship_settings,
)

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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, []),
        ({"NO_PROXY": "a.org, .b.org"}, ["a.org", ".b.org"]),
        ({"no_proxy": "a.org", "NO_PROXY": "c.org,localhost"}, ["a.org", "c.org"]),
    ],
)
def test_loopback_needs_no_proxy_and_the_users_hosts_are_kept(
    given: dict[str, str], kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    bypass_proxies_for_loopback()
    bypass_proxies_for_loopback()
    for name in ("no_proxy", "NO_PROXY"):
        hosts = os.environ[name].split(",")
        assert set(hosts) == {*kept, *LOOPBACK} and len(hosts) == len(set(hosts))
    with httpx.Client() as client:
        for host in ("127.0.0.1:9999", "localhost", "[::1]:80"):
            assert client._transport_for_url(httpx.URL(f"http://{host}/")) is client._transport
        assert client._transport_for_url(httpx.URL("http://elsewhere.org/")) is not client._transport


def test_the_server_that_is_set_is_found_without_prefect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert server_url() == ""
    profiles = tmp_path / "profiles.toml"
    profiles.write_text(
        'active = "here"\n[profiles.here]\nPREFECT_API_URL = "http://a/api"\n[profiles.there]\nPREFECT_HOME = "x"\n'
    )
    assert server_url() == "http://a/api"
    monkeypatch.setenv("PREFECT_PROFILE", "there")
    assert server_url() == ""
    monkeypatch.setenv("PREFECT_API_URL", "http://b/api")
    assert server_url() == "http://b/api"
    monkeypatch.delenv("PREFECT_API_URL")
    profiles.write_text("this is = not [toml")
    assert server_url() == ""
