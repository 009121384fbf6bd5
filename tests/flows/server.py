"""Commands and requests to the Prefect server that the tests of one process share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from flows.settings import QUIET_TERMINAL, SHIPPED
from tests.conftest import REPOSITORY

PREFECT = str(Path(sys.executable).with_name("prefect"))


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, HTTPError) and error.code == HTTPStatus.SERVICE_UNAVAILABLE


@retry(retry=retry_if_exception(_is_busy), stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True)
def _answer(request: urllib.request.Request) -> bytes:
    """Asks again while the server's database is locked by another writer (503), as Prefect's own client does."""
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


class Server:
    """A server's API, and the environment of commands that talk to it."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        known = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self.environment = {
            **known,
            **SHIPPED,
            **QUIET_TERMINAL,
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.url,
            "FOLEYGENEX_HOME": str(REPOSITORY),
        }

    def api(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """Returns the JSON of a GET, or of a POST or another method where there is a body; None for an empty answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        content = _answer(request)
        return json.loads(content) if content else None

    def run(self, *command: str, code: int = 0, **variables: str) -> str:
        """Runs a command against the server, with further environment variables; returns its output."""
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def process(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command in the background while the block runs; its output goes to `log`."""
    with log.open("w") as file:
        started = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=file, stderr=file)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
