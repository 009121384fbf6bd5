"""The server process: clear errors, one at a time, and it always ends with the process that started it."""

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
from tasks.llm import embedded
from tasks.llm.embedded import CONTEXT_TOKENS, SLOTS, _only_server, embedded_server

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


FAKE = """
import sys, threading, time

class Bag:
    def __getattr__(self, name):
        value = self.__dict__[name] = Bag()
        return value

class CommonParams(Bag):
    pass

class Server:
    def __init__(self, params):
        print("loading", params.model.path, flush=True)
        self.listening_address = f"http://127.0.0.1:{params.n_ctx}"
        threading.Thread(target=self._talk, args=(params.model.path,), daemon=True).start()

    def _talk(self, path):
        time.sleep(0.2)
        sys.stdout.write("x" * 1_000_000)
        sys.stdout.flush()
        open(path + ".talked", "w").close()
"""


@pytest.fixture
def fake_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime that loads anything and prints a lot. Returns the model's path."""
    (tmp_path / "xllamacpp.py").write_text(FAKE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "model.gguf"


def test_the_url_is_found_among_other_output_and_more_output_blocks_nothing(fake_runtime: Path) -> None:
    with embedded_server(fake_runtime) as url:
        assert url == f"http://127.0.0.1:{CONTEXT_TOKENS * SLOTS}/v1"
        talked = fake_runtime.with_name("model.gguf.talked")
        deadline = time.monotonic() + 20
        while not talked.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert talked.exists()


def test_the_server_is_gone_after_an_error_of_its_user(fake_runtime: Path) -> None:
    with pytest.raises(ValueError, match="mine"), embedded_server(fake_runtime):
        raise ValueError("mine")
    with embedded_server(fake_runtime):  # the lock is free again
        pass


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


def test_a_server_that_loads_for_long_is_waited_for_with_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedded, "SILENT_S", 0.0)
    code = "import sys; sys.stdin.readline(); print('FOLEYGENEX-LLM-READY http://127.0.0.1:9', flush=True)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        timer = threading.Timer(2.5, lambda: (process.stdin.write("\n"), process.stdin.flush()))
        timer.start()
        assert embedded._await_url(process) == "http://127.0.0.1:9"
        timer.join()
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["waiting for the embedded model to load (at most 180 s)"]
