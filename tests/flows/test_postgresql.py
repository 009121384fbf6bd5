"""The pipeline on a Prefect server that keeps its records in a real PostgreSQL, with many shards at a time."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from data_contracts import Clip, read_table
from tasks.engine.workspace import Workspace
from tests.flows.server import PREFECT, Server, process

pytestmark = [pytest.mark.server, pytest.mark.slow]

SHARDS = 12


def programs() -> Path | None:
    """Returns the folder of PostgreSQL's programs: Debian keeps them out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = (*debian, *map(Path, os.environ["PATH"].split(os.pathsep)))
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def as_owner(*command: str | Path) -> None:
    """Runs a program of PostgreSQL, which refuses to be run by root."""
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run([*user, *command], capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A PostgreSQL of this test's own: the address of an empty database."""
    folder = programs()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed: `make setup SYSTEM=--tests` installs it")
        pytest.skip("PostgreSQL is not installed")
    root, port = Path(tempfile.mkdtemp(prefix="foleygenex-pg-")), free_port()
    data = root / "data"
    if os.getuid() == 0:
        os.chown(root, pwd.getpwnam("postgres").pw_uid, -1)
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={root} -c fsync=off"
    try:
        as_owner(folder / "initdb", "--pgdata", data, "--auth", "trust", "--username", "prefect", "--no-sync")
        as_owner(folder / "pg_ctl", "--pgdata", data, "-w", "-l", root / "log", "-o", options, "start")
        as_owner(folder / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "prefect", "prefect")
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect"
    finally:
        with suppress(AssertionError):
            as_owner(folder / "pg_ctl", "--pgdata", data, "-m", "immediate", "stop")
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    found = Server(f"http://127.0.0.1:{port}/api", home)
    environment = {**found.environment, "PREFECT_API_DATABASE_CONNECTION_URL": database, "PREFECT_UI_ENABLED": "0"}
    log = home / "server.log"
    with process([PREFECT, "server", "start", "--port", str(port)], log, environment) as started:
        for _ in range(600):
            with suppress(urllib.error.URLError, ConnectionError):
                found.api("/health")
                break
            assert started.poll() is None, log.read_text()
            time.sleep(0.2)
        yield found


def test_many_shards_at_a_time_are_recorded(server: Server, database: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"ingest: {{corpus: {{video_clips: 2, audio_clips: {SHARDS - 2}}}}}\nshard_size: 1\nworkers: {SHARDS}\n"
    )
    command = (sys.executable, "-m", "foleygenex", "run")
    for stage in ("ingest", "mine"):
        out = server.run(*command, stage, str(config), "--workspace", str(tmp_path / "w"))
        assert "starting Prefect" not in out
    assert len(read_table(Workspace(tmp_path / "w").table("ingest", Clip.TABLE), Clip)) == SHARDS
    (run,) = server.api("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["ingest of w"]}}})
    assert run["state"]["type"] == "COMPLETED"
    states: list[str] = []
    for _ in range(120):
        tasks = server.api("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        states = [task["state"]["type"] for task in tasks]
        if states == ["COMPLETED"] * SHARDS:
            break
        time.sleep(0.5)
    assert states == ["COMPLETED"] * SHARDS
