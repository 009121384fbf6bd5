"""Brings a Prefect server to this release: work pools, deployments and automations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from data_contracts import ServiceError, UsageError
from flows.server import require_server
from flows.settings import server_url, ship_settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def server_to_use(given: str = "") -> str:
    """Returns the API address of the given server, by default of the one that is set. Raises UsageError without one."""
    url = (given or server_url()).rstrip("/")
    if not url:
        raise UsageError(
            "no Prefect server is set; `foleygenex up` starts one here, or set PREFECT_API_URL=http://HOST:4200/api"
        )
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--server {url}: not an address; give e.g. http://127.0.0.1:4200/api")
    return url if url.endswith("/api") or not given else f"{url}/api"


def install(
    url: str,
    say: Callable[[str], None],
    *,
    names: Sequence[str] = (),
    reset: bool = False,
    notify: str = "",
) -> list[str]:
    """Creates or updates the work pools, deployments and automations; returns what is new, or kept as it was there.

    Schedules, parameters and limits found on the server are kept unless `reset`. `names` are the deployments, by
    default all, and the automations with them; `notify` is where notifications are sent to. `say` gets a line when
    the server is waited for. Raises ServiceError when it does not answer or refuses, UsageError for an unknown name.
    """
    ship_settings(quiet=True)
    require_server(url, say)
    from prefect.exceptions import PrefectHTTPStatusError

    from flows.deploy.automations import install_automations
    from flows.deploy.deployments import deploy
    from flows.deploy.shipped import checkout, read_shipped

    shipped = read_shipped(checkout())
    try:
        with client_of(url) as client:
            lines = list(deploy(client, shipped, names, reset=reset))
            return lines + list(install_automations(client, shipped, notify=notify, reset=reset and not names))
    except PrefectHTTPStatusError as error:
        raise ServiceError(f"the Prefect server at {url} refuses: {_detail(error.response)}") from error
    except httpx.TransportError as error:
        raise ServiceError(f"the Prefect server at {url} went away: {error}; the same command goes on") from error


@contextmanager
def client_of(url: str) -> Iterator[SyncPrefectClient]:
    """Yields a client of the server at an API address, whatever server is set; Prefect's settings name it meanwhile."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        yield client


def _detail(response: httpx.Response) -> str:
    try:
        found = response.json()
    except ValueError:
        found = response.text
    detail = found.get("detail", found) if isinstance(found, dict) else found
    return f"{response.status_code}, {str(detail)[:500]}"
