"""Which server is used, and what is said when it refuses or goes away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from data_contracts import ServiceError, UsageError
from flows import cli
from flows.deploy import install as module
from flows.deploy.install import install, server_to_use

URL = "http://127.0.0.1:9/api"


def test_the_given_server_or_the_one_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://one:4200/prefect")
    assert server_to_use() == "http://one:4200/prefect"
    assert server_to_use("http://two:4200/") == server_to_use("http://two:4200/api") == "http://two:4200/api"
    with pytest.raises(UsageError, match=r"--server two:4200: not an address; give e.g. http"):
        server_to_use("two:4200")


def test_without_a_server_the_command_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none"))
    assert cli.exit_code(["deploy"]) == 2
    assert "no Prefect server is set; `foleygenex up` starts one here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(409, json={"detail": "no such pool"}), "refuses: 409, no such pool"),
        (httpx.Response(502, text="bad gateway"), "refuses: 502, bad gateway"),
        (httpx.ConnectError("refused"), "went away: refused; the same command goes on"),
    ],
)
def test_a_server_that_refuses_or_goes_away_is_one_line(
    answer: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def client(url: str) -> Iterator[None]:
        if isinstance(answer, Exception):
            raise answer
        request = httpx.Request("POST", url)
        raise PrefectHTTPStatusError("no", request=request, response=answer)
        yield

    monkeypatch.setattr(module, "require_server", lambda *given: None)
    monkeypatch.setattr(module, "client_of", client)
    with pytest.raises(ServiceError, match=said):
        install(URL, print)


def test_the_command_prints_what_was_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given: list[Any] = []

    def fake(url: str, say: Any, **options: Any) -> list[str]:
        given.append((url, options))
        return ["mine: kept state paused (shipped: not paused)"] if not given[1:] else []

    monkeypatch.setattr(module, "install", fake)
    arguments = ["deploy", "mine", "--server", URL, "--notify", "https://hooks/x", "--reset"]
    assert cli.exit_code(arguments) == 0
    assert given == [(URL, {"names": ["mine"], "reset": True, "notify": "https://hooks/x"})]
    assert capsys.readouterr().out.splitlines() == [
        "mine: kept state paused (shipped: not paused)", f"{URL} has this release",
    ]  # fmt: skip
    assert cli.exit_code(["deploy", "--server", URL]) == 0
    assert capsys.readouterr().out == f"{URL} has this release, all as it is shipped\n"


@pytest.mark.parametrize(("names", "automations_too"), [((), True), (("mine",), False)])
def test_reset_of_named_deployments_leaves_the_automations(
    names: tuple[str, ...], automations_too: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    @contextmanager
    def client(url: str) -> Iterator[str]:
        yield url

    def deploy(*given: Any, reset: bool) -> list[str]:
        seen.append(("deployments", given[2], reset))
        return ["a"]

    def automations(*given: Any, notify: str, reset: bool) -> list[str]:
        seen.append(("automations", notify, reset))
        return ["b"]

    monkeypatch.setattr(module, "require_server", lambda *given: None)
    monkeypatch.setattr(module, "client_of", client)
    monkeypatch.setattr("flows.deploy.deployments.deploy", deploy)
    monkeypatch.setattr("flows.deploy.automations.install_automations", automations)
    assert install(URL, print, names=names, reset=True, notify="x") == ["a", "b"]
    assert seen == [("deployments", names, True), ("automations", "x", automations_too)]
