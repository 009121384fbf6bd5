"""The server that a run starts for itself, and the watch on the one that is set: bounded waits, no server left over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from data_contracts import ServiceError
from flows import server
from flows.server import own_server, require_server, watched_server
from flows.settings import SHIPPED
from flows.waiting import Waiting
from tests.conftest import REPOSITORY

FAKE = """
import sys, threading, os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Health(BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404); self.end_headers(); self.wfile.write(b"true")
listening = HTTPServer(("127.0.0.1", 0), Health)
print(f"FOLEYGENEX-PREFECT http://127.0.0.1:{listening.server_port}", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
listening.serve_forever()
"""
SILENT = "import sys; print('FOLEYGENEX-PREFECT http://127.0.0.1:9', flush=True); sys.stdin.read()"
MUTE = "import sys; sys.stdin.read()"
BROKEN = "import sys; sys.exit('no such table: flow')"
OWNER = """
import time
from flows.server import own_server
with own_server(print, lambda line: None) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def command(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_COMMAND", ("-c", code))


def gone(url: str, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while server.answers(url) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not server.answers(url)


def test_it_answers_inside_the_block_and_is_gone_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    command(FAKE, monkeypatch)
    lost: list[str] = []
    with own_server(lost.append, lost.append) as url:
        assert url.endswith("/api") and server.answers(url)
    assert gone(url, 10) and lost == []


def test_a_killed_server_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    command(FAKE, monkeypatch)
    lost: list[str] = []
    noticed = threading.Event()
    pids: list[int] = []
    start = subprocess.Popen

    def remembered(*given: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = start(*given, **options)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(server.subprocess, "Popen", remembered)
    with own_server(lambda reason: (lost.append(reason), noticed.set()), lost.append):
        assert os.getsid(pids[0]) == pids[0] != os.getsid(0)  # a session of its own: no Ctrl-C of the terminal
        os.kill(pids[0], signal.SIGKILL)
        assert noticed.wait(10)
    assert lost == ["the run's own Prefect server has ended (code -9)"]


@pytest.mark.parametrize(
    ("code", "message"),
    [(SILENT, "for Prefect to start, without an answer"), (MUTE, "for Prefect"), (BROKEN, "1 .*: no such table: flow")],
)
def test_one_that_does_not_start_is_an_error_in_bounded_time(
    code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(code, monkeypatch)
    with pytest.raises(ServiceError, match=message), own_server(print, print, timeout_s=3 if code == BROKEN else 0.3):
        pass


def test_a_wait_says_what_it_waits_for_and_ends() -> None:
    said: list[str] = []
    waiting = Waiting("the moon", said.append, timeout_s=0.2, silent_s=0.05)
    with pytest.raises(ServiceError, match="waited 0 s for the moon"):
        for _ in range(100):
            waiting.pause(0.01)
    assert said == ["waiting for the moon (at most 0 s)"]
    Waiting("the moon", said.append, timeout_s=9).pause(0)
    assert len(said) == 1


class Health(BaseHTTPRequestHandler):
    """Answers as the class attribute says."""

    status = 200

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"true")


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTP_PROXY"])
def test_a_set_server_on_loopback_is_not_asked_through_a_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{listening.server_port}/api"
    require_server(url, print, timeout_s=5)
    monkeypatch.setattr(Health, "status", 401)  # it is there: Prefect says what is wrong with the key
    require_server(url, print, timeout_s=5)
    listening.shutdown()
    listening.server_close()
    with pytest.raises(ServiceError, match=f"for the Prefect server at {url}"):
        require_server(url, print, timeout_s=0.1)


def test_a_set_server_may_be_away_for_a_while() -> None:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{listening.server_port}/api"
    lost: list[str] = []
    noticed = threading.Event()
    with watched_server(url, lambda reason: (lost.append(reason), noticed.set()), print, away_s=0.3, every_s=0.02):
        assert not noticed.wait(0.5)
        listening.shutdown()
        listening.server_close()
        assert noticed.wait(30)
    assert len(lost) == 1 and "without an answer" in lost[0]


def test_a_busy_server_is_not_a_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_ANSWER_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # takes connections, says nothing
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        assert server._state(url) == "slow"
        lost: list[str] = []
        with watched_server(url, lost.append, print, away_s=0.01, every_s=0.01):
            time.sleep(0.3)
        assert lost == []
    assert server._state(url) == "gone"


@pytest.mark.server
@pytest.mark.slow
def test_prefects_own_server_ends_with_a_killed_run(tmp_path: Any) -> None:
    known = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**known, **SHIPPED, "PREFECT_HOME": str(tmp_path), "http_proxy": "http://127.0.0.1:9"}
    run = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    url = run.stdout.readline().strip()
    assert server.answers(url)
    run.kill()
    run.wait()
    assert gone(url, 30)
