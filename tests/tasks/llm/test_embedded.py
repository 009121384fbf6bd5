"""The server process: it fails clearly, takes turns, and never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data_contracts import WeightsError
from model.weights.catalogue import EMBEDDED_LLM
from model.weights.locate import available, located
from tasks.llm.embedded import _only_server, embedded_server

PARENT = """
import subprocess, sys
code = "import os; from tasks.llm.embedded import _watch_parent as w; print(os.getpid(), flush=True); w(os.getppid())"
child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
child.wait()
"""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_server_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def test_a_file_that_is_no_model_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xllamacpp", reason="the embedded runtime is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")
    with pytest.raises(WeightsError, match="before it was ready"), embedded_server(broken):
        pass


def test_only_one_server_runs_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    log: list[str] = []

    def use(name: str) -> None:
        with _only_server():
            log.append(f"{name} in")
            time.sleep(0.1)
            log.append(f"{name} out")

    threads = [threading.Thread(target=use, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.split()[1] for line in log] == ["in", "out", "in", "out"]


@pytest.mark.llm
@pytest.mark.slow
def test_the_real_server_answers_on_loopback_and_is_gone_afterwards() -> None:
    import urllib.error
    import urllib.request

    pytest.importorskip("xllamacpp", reason="the embedded runtime is not installed")
    if not available(EMBEDDED_LLM):
        pytest.skip("the embedded model is not fetched: foleygenex fetch-llm")
    with embedded_server(located(EMBEDDED_LLM)[0], threads=1) as url:
        assert url.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(f"{url}/models").status == 200
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/models", timeout=2)
